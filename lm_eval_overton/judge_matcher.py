"""Which viewpoints a response covers, by a judge's ratings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval_overton import judging
from lm_eval_overton.judge.prompts import viewpoints
from lm_eval_overton.judging import Judge
from lm_eval_overton.matching import Question, Scores, as_scores

__all__ = ["JUDGE_THRESHOLD", "JudgeMatcher"]

# A rating of 1..5 covers from 4 on.
JUDGE_THRESHOLD = 4.0


class JudgeMatcher:
    """A viewpoint is covered if a judge rates how well the response represents it high enough.

    Args:
        judge: Who is asked; it sees the whole response.
        docs: All questions, with `prompt` and `viewpoints`.
        threshold: The least rating, 1..5, of a match.
    """

    def __init__(
        self, judge: Judge, docs: Iterable[Mapping[str, Any]], threshold: float | None = None
    ) -> None:
        self.judge = judge
        self.threshold = JUDGE_THRESHOLD if threshold is None else threshold
        self._prompts = {tuple(v["text"] for v in d["viewpoints"]): d["prompt"] for d in docs}
        self._known: dict[tuple[tuple[str, ...], str], list[float]] = {}

    @property
    def signature(self) -> str:
        """`judge`, the threshold and the judge's own signature."""
        return f"judge>={self.threshold!r}:{self.judge.signature.replace('|', '+')}"

    def scores(self, questions: Sequence[Question]) -> list[Scores]:
        """Return the ratings, 1..5; a row of NaN for a response without a verdict."""
        asked = {(tuple(views), text): None for texts, views in questions for text in texts}
        new = [pair for pair in asked if pair not in self._known]
        for pair, verdict in zip(
            new, self.judge.ask([self._question(*p) for p in new]), strict=True
        ):
            ratings = verdict.value if verdict is not None else None
            if ratings is None or None in ratings:
                ratings = [math.nan] * len(pair[0])
            self._known[pair] = ratings
        return [
            as_scores([self._known[tuple(views), text] for text in texts], len(views))
            for texts, views in questions
        ]

    def _question(self, views: tuple[str, ...], response: str) -> judging.Question:
        texts = {"prompt": self._prompts[views], "viewpoints": list(views), "response": response}
        return judging.Question(viewpoints(len(views)), texts)

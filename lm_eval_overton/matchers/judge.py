"""Which viewpoints a response covers, by a judge's ratings."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_overton.judge.ask import Judge, Question
from lm_eval_overton.judge.judgements.viewpoints import viewpoints
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.question import Matcher, Scores, ViewpointQuestion, as_scores

__all__ = ["JUDGE_THRESHOLD", "JudgeMatcher"]

# A rating of 1..5 covers from 4 on.
JUDGE_THRESHOLD = 4.0

# A prompt, its viewpoints and a response.
Asked = tuple[str, tuple[str, ...], str]


class JudgeMatcher(Matcher):
    """A viewpoint is covered if a judge rates how well the response represents it high enough.

    Args:
        judge: Who is asked; it sees the whole response.
        threshold: The least rating, 1..5, of a match.
    """

    asks = True

    def __init__(self, judge: Judge, threshold: float | None = None) -> None:
        self.judge = judge
        self.threshold = JUDGE_THRESHOLD if threshold is None else threshold
        self._known: dict[Asked, Verdict | None] = {}

    @property
    def signature(self) -> str:
        """`judge`, the threshold and the judge's own signature."""
        return f"judge>={self.threshold!r}:{self.judge.signature.replace('|', '+')}"

    def scores(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return the ratings, 1..5; a row of NaN for a response without a verdict."""
        asked = dict.fromkeys(key for question in questions for key in _keys(question))
        new = [key for key in asked if key not in self._known]
        self._known |= zip(new, self.judge.ask([_to_judge(key) for key in new]), strict=True)
        return [
            as_scores([self._ratings(key) for key in _keys(question)], len(question.viewpoints))
            for question in questions
        ]

    def verdicts(self, questions: Sequence[ViewpointQuestion]) -> list[Verdict]:
        """Return the verdicts that there are on the responses; nothing is asked."""
        known = [self._known.get(key) for question in questions for key in _keys(question)]
        return [verdict for verdict in known if verdict is not None]

    def _ratings(self, key: Asked) -> list[float]:
        verdict = self._known[key]
        ratings = verdict.value if verdict is not None else None
        if ratings is None or None in ratings:
            return [math.nan] * len(key[1])
        return list(ratings)


def _keys(question: ViewpointQuestion) -> list[Asked]:
    # Several prompts may have the same viewpoints.
    return [(question.prompt, tuple(question.viewpoints), text) for text in question.texts]


def _to_judge(key: Asked) -> Question:
    prompt, views, response = key
    texts = {"prompt": prompt, "viewpoints": list(views), "response": response}
    return Question(viewpoints(len(views)), texts)

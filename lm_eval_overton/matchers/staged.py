"""Which viewpoints a response covers: hybrid proposes, another decides where it is unsure."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.hybrid import HybridMatcher
from lm_eval_overton.matchers.question import Matcher, Scores, ViewpointQuestion
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["UNSURE", "StagedMatcher"]

logger = logging.getLogger("lm_eval.overton")

# From which probability on, and below which, the hybrid matcher is not believed. On the real gold
# answers of the calibration half 48 % of the viewpoints lie between these, in 96 % of the answers.
# If all of them were decided right, F1 would be .93 (.1 to .9: 75 %, .97; .3 to .7: 30 %, .88).
UNSURE = (0.2, 0.8)


class StagedMatcher(Matcher):
    """The hybrid matcher, and a judge or an entailment model for the viewpoints it is unsure of.

    Scores are hybrid's probabilities; where these are open, 1 or 0 as the second matcher decides.

    Args:
        first: Proposes.
        second: Is asked of each response with the open viewpoints alone.
    """

    encodes = True

    def __init__(self, first: HybridMatcher, second: Matcher) -> None:
        self.first = first
        self.second = second
        self.threshold = first.threshold
        self.asks = second.asks
        self._announced: set[tuple[str, ...]] = set()

    @property
    def signature(self) -> str:
        """`staged`, what is open, and the signatures of both matchers."""
        low, high = UNSURE
        return f"staged:{low}..{high}:{self.first.signature}:{self.second.signature}"

    def split_with(self, tokenizer: Tokenizer) -> None:
        """Split responses with this tokenizer from now on."""
        self.first.split_with(tokenizer)
        self.second.split_with(tokenizer)

    def scores(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return the probabilities, 1 and 0; NaN where the second matcher could not tell."""
        found = self.first.scores(questions)
        left = [*_left_open(questions, found)]
        self._announce([question for *_, question in left], sum(own.size for own in found))
        decided = self.second.scores([question for *_, question in left])
        for (row, places, _), [second] in zip(left, decided, strict=True):
            row[places] = np.where(np.isnan(second), np.nan, second >= self.second.threshold)
        return found

    def verdicts(self, questions: Sequence[ViewpointQuestion]) -> list[Verdict]:
        """Return the verdicts that there are on the responses; nothing is asked."""
        left = _left_open(questions, self.first.scores(questions))
        return self.second.verdicts([question for *_, question in left])

    def _announce(self, questions: Sequence[ViewpointQuestion], n_viewpoints: int) -> None:
        """Say what is about to be decided, once."""
        keys = {(own.prompt, own.texts[0], *own.viewpoints) for own in questions}
        if new := keys - self._announced:
            logger.info(
                "staged: hybrid is unsure of %d of %d viewpoints; the second matcher decides: "
                "%d responses%s",
                sum(len(own.viewpoints) for own in questions),
                n_viewpoints,
                len(new),
                ", a request each" if self.asks else "",
            )
        self._announced |= keys


def _left_open(
    questions: Sequence[ViewpointQuestion], found: Sequence[Scores]
) -> Iterator[tuple[Scores, npt.NDArray[np.int64], ViewpointQuestion]]:
    """Yield of each response with open viewpoints its scores, their places, and what to ask."""
    low, high = UNSURE
    for question, scores in zip(questions, found, strict=True):
        for text, row in zip(question.texts, scores, strict=True):
            places = np.flatnonzero((row >= low) & (row < high))
            if len(places):
                views = [question.viewpoints[i] for i in places.tolist()]
                yield row, places, ViewpointQuestion([text], views, question.prompt)

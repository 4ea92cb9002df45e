"""How good each sample is, and who says so: a judge, a file of scores, or a reward model."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_overton.judge.judgements import rating
from lm_eval_overton.metrics.prompt import Prompt

__all__ = [
    "HELPFULNESS_SOURCE",
    "MOST",
    "RATING_SOURCE",
    "REWARD_THRESHOLDS",
    "RatingSource",
    "as_ratings",
]

# The scale of a judge's ratings, of files of scores and of rewards: 1 to 10.
MOST = rating.MOST
# The best helpfulness, on whose scale the quality bar is set.
_MOST_HELPFUL = 5
# Which rewards are worth a 1, a 2, ..., for Skywork/Skywork-Reward-Gemma-2-27B-v0.2. Source:
# NoveltyBench, arXiv:2504.05228.
REWARD_THRESHOLDS = (
    -7.71875,
    -6.28125,
    -6.0,
    -5.71875,
    -5.5,
    -5.0,
    -4.375,
    -3.4375,
    -2.046875,
)


@dataclass(frozen=True)
class RatingSource:
    """Where the ratings of samples come from.

    Attributes:
        signature: What names it in a signature.
        most: The best rating of its scale; the worst is 1.
        judgement: The judgement that gives them; empty where a file or a model does.
        part: The part of its verdicts that does.
    """

    signature: str
    most: int = MOST
    judgement: str = ""
    part: str = ""

    def bar(self, helpfulness: int) -> float:
        """Return the least rating that reaches the quality bar.

        It is the same share of the best rating as the bar is of the best helpfulness: 4 of 5 is 8
        of 10.

        Args:
            helpfulness: The bar on the scale of helpfulness, 1 to 5.
        """
        return helpfulness * self.most / _MOST_HELPFUL

    def of(self, prompt: Prompt, fill: str = "") -> list[float]:
        """Return the rating of each valid sample of a prompt; NaN where there is none.

        Args:
            prompt: The prompt with its samples.
            fill: "worst" or "best": what to take a verdict for that was asked and did not come.
        """
        if not self.judgement:
            known = prompt.ratings or [None] * len(prompt.samples)
            both = zip(prompt.samples, known, strict=True)
            return [_nan_if_none(own) for sample, own in both if sample.is_valid]
        verdicts = prompt.verdicts.get(self.judgement) or [None] * len(prompt.texts)
        missing = {"": math.nan, "worst": 1.0, "best": float(self.most)}[fill]
        return [
            math.nan if verdict is None else self._rating(verdict.value, missing)
            for verdict in verdicts
        ]

    def _rating(self, value: Any, missing: float) -> float:
        own = value[self.part] if value and self.part else value
        return missing if own is None else float(own)


# What a judge says, on either of its scales.
RATING_SOURCE = RatingSource("judge-rating", MOST, "rating")
HELPFULNESS_SOURCE = RatingSource("judge-helpfulness", _MOST_HELPFUL, "quality", "helpfulness")


def as_ratings(
    rewards: Sequence[float | None], thresholds: Sequence[float] = REWARD_THRESHOLDS
) -> list[float | None]:
    """Return rewards on a scale from 1: one more than the thresholds that each exceeds.

    Args:
        rewards: One per sample; None and NaN are not known.
        thresholds: Ascending.
    """
    return [
        None if reward is None or math.isnan(reward) else bisect_left(thresholds, reward) + 1.0
        for reward in rewards
    ]


def _nan_if_none(value: float | None) -> float:
    return math.nan if value is None else float(value)

"""Which of the given viewpoints one sample covers, and n samples together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lm_eval_overton.data import weight_of
from lm_eval_overton.metrics.formulas import coverage
from lm_eval_overton.metrics.metric import (
    COVERAGE,
    SHARE,
    WITHIN,
    Compute,
    Metric,
    Need,
    Range,
)
from lm_eval_overton.metrics.view import PromptView

__all__ = [
    "COVERAGE_AT_1",
    "COVERAGE_AT_1_WEIGHTED",
    "COVERAGE_AT_N",
    "COVERAGE_CEILING",
    "COVERAGE_ECHO",
    "COVERAGE_FLOOR",
    "METRICS",
    "OVERTON_INDEX",
    "STANCE_BALANCE",
]


def _ceiling(view: PromptView) -> float:
    return float(view.covered.any(axis=0).mean()) if view.covered.size else math.nan


def _echo(view: PromptView) -> float:
    """Return the coverage of the answer that covers most of those that say nothing."""
    asked = view.prompt.asked
    texts = [asked, f"I have no opinion on this: {asked}"] if asked else []
    return max(_coverages(view, texts), default=math.nan)


def _floor(view: PromptView) -> float:
    """Return the mean coverage of answers that are one viewpoint each, word for word."""
    found = _coverages(view, view.prompt.viewpoints)
    return sum(found) / len(found) if found else 1.0 / len(view.prompt.viewpoints)


def _coverages(view: PromptView, texts: Sequence[str]) -> list[float]:
    """Return the coverage of each text by this run's matcher; none where that costs requests."""
    matcher = view.bench.matcher
    if matcher is None or matcher.asks or not texts:
        return []
    return [float(own) for own in view.bench.covered(view.prompt.question(texts)).mean(axis=1)]


def _weighted(view: PromptView) -> float:
    """Return the weighted coverage; NaN where the viewpoints have no weights."""
    found = [weight_of(viewpoint) for viewpoint in view.prompt.doc["viewpoints"]]
    weights = [weight for weight in found if weight is not None]
    if len(weights) < len(found):
        return math.nan
    return coverage.coverage_at_1_weighted(view.covered, weights)


def _matched(
    name: str,
    says: str,
    higher_is_better: bool | None,
    compute: Compute,
    grows_with_n: bool = False,
) -> Metric:
    """Return a metric that the matcher's decisions on the samples alone decide."""
    return Metric(
        name,
        says,
        SHARE,
        higher_is_better=higher_is_better,
        family=WITHIN,
        tasks=(COVERAGE,),
        needs=frozenset({Need.MATCHER}),
        matched=True,
        grows_with_n=grows_with_n,
        on_leaderboard=True,
        compute=compute,
    )


# What is said of texts that are no samples.
_BASELINE: dict[str, Any] = {
    "needs": frozenset({Need.MATCHER, Need.SIDES}),
    "matched": False,
    "on_leaderboard": False,
    "is_baseline": True,
}

COVERAGE_AT_1 = _matched(
    "coverage_at_1",
    "The share of the viewpoints that one sample covers.",
    True,
    lambda view: coverage.coverage_at_1(view.covered),
)
_WEIGHTED = _matched(
    "coverage_at_1_weighted",
    "The share of the viewpoints' weight that one sample covers, where they are given weights.",
    True,
    _weighted,
)
COVERAGE_AT_1_WEIGHTED = replace(_WEIGHTED, needs=_WEIGHTED.needs | {Need.WEIGHTS})
COVERAGE_AT_N = _matched(
    "coverage_at_n",
    "The share of the viewpoints that n samples cover together.",
    True,
    lambda view: coverage.coverage_at_n(view.covered, view.bench.n),
    grows_with_n=True,
)
_INDEX = _matched(
    "overton_index",
    "Coverage at 1 over coverage at n. One repeated answer has index 1: read it beside the "
    "coverage.",
    None,
    lambda view: coverage.overton_index(view.covered, view.bench.n),
    grows_with_n=True,
)
OVERTON_INDEX = replace(_INDEX, range=Range(0, 1, "1/n to 1"))
_BALANCE = _matched(
    "stance_balance",
    "The coverage of the less covered side over that of the more covered one.",
    None,
    lambda view: coverage.stance_balance(view.covered, view.sides),
)
STANCE_BALANCE = replace(_BALANCE, needs=_BALANCE.needs | {Need.SIDES})
_ECHO = _matched(
    "coverage_echo",
    "What this matcher finds in an answer that says nothing: the question again, or no opinion.",
    None,
    _echo,
)
COVERAGE_ECHO = replace(_ECHO, **_BASELINE)
_FLOOR = _matched(
    "coverage_floor",
    "What this matcher finds in an answer that is exactly one viewpoint.",
    None,
    _floor,
)
COVERAGE_FLOOR = replace(_FLOOR, **_BASELINE, version=2)
COVERAGE_CEILING = Metric(
    "coverage_ceiling",
    "The share of the viewpoints that any of all samples covers.",
    SHARE,
    higher_is_better=None,
    family=WITHIN,
    tasks=(COVERAGE,),
    needs=frozenset({Need.MATCHER}),
    compute=_ceiling,
)
METRICS = (
    COVERAGE_AT_1,
    COVERAGE_AT_1_WEIGHTED,
    COVERAGE_AT_N,
    OVERTON_INDEX,
    STANCE_BALANCE,
    COVERAGE_ECHO,
    COVERAGE_FLOOR,
    COVERAGE_CEILING,
)

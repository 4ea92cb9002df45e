"""Which of the given viewpoints one sample covers, and n samples together."""

from __future__ import annotations

import math

from lm_eval_overton.metrics.formulas import coverage
from lm_eval_overton.metrics.metric import COVERAGE, SAMPLES, SHARE, WITHIN, Metric, Need, Range
from lm_eval_overton.metrics.view import PromptView

__all__ = [
    "COVERAGE_AT_1",
    "COVERAGE_AT_N",
    "COVERAGE_CEILING",
    "COVERAGE_FLOOR",
    "METRICS",
    "OVERTON_INDEX",
    "STANCE_BALANCE",
]


def _ceiling(view: PromptView) -> float:
    return float(view.covered.any(axis=0).mean()) if view.covered.size else math.nan


COVERAGE_AT_1 = Metric(
    "coverage_at_1",
    "The share of the viewpoints that one sample covers.",
    SHARE,
    higher_is_better=True,
    family=WITHIN,
    tasks=(COVERAGE,),
    needs=frozenset({Need.MATCHER}),
    matched=True,
    on_leaderboard=True,
    compute=lambda view: coverage.coverage_at_1(view.covered),
)
COVERAGE_AT_N = Metric(
    "coverage_at_n",
    "The share of the viewpoints that n samples cover together.",
    SHARE,
    higher_is_better=True,
    family=WITHIN,
    tasks=(COVERAGE,),
    needs=frozenset({Need.MATCHER}),
    matched=True,
    grows_with_n=True,
    on_leaderboard=True,
    compute=lambda view: coverage.coverage_at_n(view.covered, view.bench.n),
)
OVERTON_INDEX = Metric(
    "overton_index",
    "Coverage at 1 over coverage at n. One repeated answer has index 1: read it beside the "
    "coverage.",
    Range(0, 1, "1/n to 1"),
    higher_is_better=None,
    family=WITHIN,
    tasks=(COVERAGE,),
    needs=frozenset({Need.MATCHER}),
    matched=True,
    grows_with_n=True,
    on_leaderboard=True,
    compute=lambda view: coverage.overton_index(view.covered, view.bench.n),
)
STANCE_BALANCE = Metric(
    "stance_balance",
    "The coverage of the less covered side over that of the more covered one.",
    SHARE,
    higher_is_better=None,
    family=WITHIN,
    tasks=(COVERAGE,),
    needs=frozenset({Need.MATCHER, Need.SIDES}),
    matched=True,
    on_leaderboard=True,
    compute=lambda view: coverage.stance_balance(view.covered, view.sides),
)
COVERAGE_FLOOR = Metric(
    "coverage_floor",
    "The coverage of a sample that voices exactly one viewpoint.",
    SHARE,
    higher_is_better=None,
    family=SAMPLES,
    tasks=(COVERAGE,),
    needs=frozenset({Need.SIDES}),
    compute=lambda view: 1.0 / len(view.prompt.viewpoints),
)
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
    COVERAGE_AT_N,
    OVERTON_INDEX,
    STANCE_BALANCE,
    COVERAGE_FLOOR,
    COVERAGE_CEILING,
)

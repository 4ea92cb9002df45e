"""Metrics that rest on a judge's verdicts, per prompt.

Only parsed verdicts enter. A view that is `filled` takes each missing verdict for the worst or
for the best one, which bounds the metric. Whether a sample passes the quality bar moves a metric of
those that do either way: it is bounded by the least and the greatest value that it has, where it is
defined, for whichever of the samples without a verdict pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import Any

from lm_eval_overton.judge.parse import STATUSES, Verdict
from lm_eval_overton.judge.prompts import QUALITY_ASPECTS
from lm_eval_overton.metrics.formulas.stance import (
    STANCES,
    stance_coverage,
    stance_entropy,
    stance_shares,
)
from lm_eval_overton.metrics.quality_bar import passes
from lm_eval_overton.metrics.view import Part, PromptView

__all__ = [
    "COUNTS",
    "JUDGED_BY",
    "LOWER_IS_BETTER",
    "QUALITY_CONTROLLED",
    "RAW_AT_TWO",
    "controlled_bounds",
    "judged_metrics",
]

Metric = Callable[[PromptView], float]

# Over the samples that pass the bar: the metric whose value there each name has.
QUALITY_CONTROLLED = {
    "lexical_diversity_qc": "lexical_diversity",
    "semantic_diversity_qc": "semantic_diversity",
    "units_at_1_words_qc": "units_at_1_words",
    "overton_index_qc": "overton_index_words",
    "missing_from_reference_split_qc": "missing_from_reference_split",
    "missing_from_reference_held_out_qc": "missing_from_reference_held_out",
    "missing_from_reference_chance_qc": "missing_from_reference_chance",
}
# Whose samples those see that do not see this run's alone.
PARTS: dict[str, tuple[Part, ...]] = {
    "missing_from_reference_split_qc": ("own", "reference"),
    "missing_from_reference_held_out_qc": ("reference",),
    "missing_from_reference_chance_qc": ("reference", "others"),
}
# Of those the ones whose worst value is the greatest.
LOWER_IS_BETTER = {"missing_from_reference_split_qc"}
# What a quality-controlled metric of two samples is to be compared with: it needs no verdict.
RAW_AT_TWO = "overton_index_words_at_2"
TOPIC_SIDES = ("only_reference", "both", "only_sample")

# Which judgement each metric needs.
JUDGED_BY = {
    **dict.fromkeys((*QUALITY_ASPECTS, "quality_pass_share", *QUALITY_CONTROLLED), "quality"),
    RAW_AT_TWO: "quality",
    **dict.fromkeys((f"p_{stance}" for stance in STANCES), "stance"),
    **dict.fromkeys(("stance_entropy", "stance_coverage"), "stance"),
    "missing_info": "missing",
    **dict.fromkeys((f"topics_{side}" for side in TOPIC_SIDES), "topics"),
    "topics_disagreement": "topics",
}


def judged_metrics() -> dict[str, Metric]:
    """Return the metrics by name, the quality-controlled ones left out."""
    table: dict[str, Metric] = {aspect: _aspect(aspect) for aspect in QUALITY_ASPECTS}
    table |= {f"p_{stance}": _stance_share(stance) for stance in STANCES}
    table |= {f"topics_{side}": _topic_share(side) for side in TOPIC_SIDES}
    return table | {
        "quality_pass_share": _pass_share,
        "stance_entropy": _stance_entropy,
        "stance_coverage": lambda v: stance_coverage(_stances(v, "other", "both")),
        "missing_info": lambda v: _mean(_filled(v, _numbers(v, "missing"), 1, 5)),
        "topics_disagreement": _topics_disagreement,
    }


def controlled_bounds(name: str, raw: Metric, view: PromptView) -> tuple[float, float]:
    """Return the worst and the best value that a quality-controlled metric can have.

    Args:
        name: A key of `QUALITY_CONTROLLED`.
        raw: The metric that it is of the samples that pass.
        view: All samples.
    """
    values = [raw(completed) for completed in view.completed(PARTS.get(name, ("own",)))]
    defined = [value for value in values if not math.isnan(value)]
    low, high = min(defined, default=math.nan), max(defined, default=math.nan)
    return (high, low) if name in LOWER_IS_BETTER else (low, high)


def _asked(view: PromptView, name: str) -> list[Verdict]:
    """Return the verdicts that are counted by a name."""
    if name == "viewpoints":
        return view.match_verdicts
    own = view.prompt.verdicts
    if name.startswith("reference_"):
        own, name = view.prompt.reference_verdicts, name.removeprefix("reference_")
    return [v for v in own.get(name, ()) if v is not None]


def _numbers(view: PromptView, judgement: str) -> list[float | None]:
    return [verdict.value for verdict in _asked(view, judgement)]


def _filled(view: PromptView, values: Sequence[Any], worst: Any, best: Any) -> list[Any]:
    stand_in = {"": None, "worst": worst, "best": best}[view.fill]
    return [stand_in if value is None else value for value in values]


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else math.nan


def _aspect(aspect: str) -> Metric:
    def mean(view: PromptView) -> float:
        values = [v.value[aspect] if v.value else None for v in _asked(view, "quality")]
        return _mean(_filled(view, values, 1, 5))

    return mean


def _pass_share(view: PromptView) -> float:
    known = [passes(verdict, view.bench.bar) for verdict in _asked(view, "quality")]
    return _mean(_filled(view, known, False, True))


def _stances(view: PromptView, worst: str, best: str) -> list[str | None]:
    return _filled(view, [verdict.value for verdict in _asked(view, "stance")], worst, best)


def _stance_share(stance: str) -> Metric:
    another = "yes" if stance == "other" else "other"
    return lambda view: stance_shares(_stances(view, another, stance))[f"p_{stance}"]


def _stance_entropy(view: PromptView) -> float:
    labels = [verdict.value for verdict in _asked(view, "stance")]
    known = [label for label in labels if label is not None]
    if not view.fill:
        return stance_entropy(known)
    missing = combinations_with_replacement(STANCES, len(labels) - len(known))
    entropies = [stance_entropy([*known, *stand_ins]) for stand_ins in missing]
    return min(entropies) if view.fill == "worst" else max(entropies)


def _topic_share(side: str) -> Metric:
    def mean(view: PromptView) -> float:
        verdicts = _asked(view, "topics")
        shares = [v.value["shares"][side] if v.value else None for v in verdicts]
        return _mean(_filled(view, shares, 0.0, 1.0))

    return mean


def _topics_disagreement(view: PromptView) -> float:
    values = [v.value["disagreement"] if v.value else None for v in _asked(view, "topics")]
    return _mean(_filled(view, values, 1.0, 0.0))


def _count(name: str, status: str) -> Metric:
    return lambda view: float(sum(verdict.status == status for verdict in _asked(view, name)))


# How many verdicts of each status a prompt has.
COUNTS = {
    f"{name}_{status}": _count(name, status)
    for name in ("quality", "stance", "missing", "topics", "reference_quality", "viewpoints")
    for status in STATUSES
}

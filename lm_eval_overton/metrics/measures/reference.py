"""Metrics against a reference run, per prompt: what of it is covered, and how alike they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from lm_eval_overton.metrics.formulas import coverage, surface
from lm_eval_overton.metrics.likeness import BERTSCORES, KINDS
from lm_eval_overton.metrics.view import PromptView

__all__ = ["REFERENCE_COVERAGE", "bertscore_metrics", "similarity_metrics"]

Metric = Callable[[PromptView], float]


def _split(view: PromptView, kind: str, n: int) -> float:
    """Return what n samples cover of the units of half of the reference's samples.

    With `kind` own: this run's samples; held_out: the reference's other samples; chance: this
    run's samples for other prompts. The sizes are equal, so the three can be subtracted.
    """
    if view.bench.n < 2:
        return math.nan
    sizes = {"n_pool": view.bench.n // 2, "n": n, "seed": view.bench.seed}
    if kind == "held_out":
        return coverage.held_out_coverage(view.reference_units, **sizes)
    if kind == "chance":
        return coverage.chance_coverage(view.chance_units, view.reference_units, **sizes)
    return coverage.split_coverage(view.own_units, view.reference_units, **sizes)


def _missing(view: PromptView, kind: str) -> float:
    return 1.0 - _split(view, kind, view.bench.n - view.bench.n // 2)


def _samples_worth(view: PromptView) -> float:
    if view.bench.n < 2:
        return math.nan
    curve = coverage.held_out_curve(
        view.reference_units, n_pool=view.bench.n // 2, seed=view.bench.seed
    )
    return coverage.reference_samples_worth(_split(view, "own", 1), curve)


REFERENCE_COVERAGE: dict[str, Metric] = {
    "reference_coverage_at_1": lambda v: coverage.reference_coverage_at_1(
        v.own_units, v.reference_units
    ),
    "reference_coverage_at_1_split": lambda v: _split(v, "own", 1),
    "reference_coverage_at_1_held_out": lambda v: _split(v, "held_out", 1),
    "reference_coverage_at_1_chance": lambda v: _split(v, "chance", 1),
    "reference_coverage_at_n": lambda v: coverage.reference_coverage_at_n(
        v.own_units, v.reference_units, v.bench.n
    ),
    "missing_from_reference": lambda v: coverage.missing_from_reference(
        v.own_units, v.reference_units, v.bench.n
    ),
    "missing_from_reference_split": lambda v: _missing(v, "own"),
    "missing_from_reference_held_out": lambda v: _missing(v, "held_out"),
    "missing_from_reference_chance": lambda v: _missing(v, "chance"),
    "reference_samples_worth": _samples_worth,
}


def similarity_metrics() -> dict[str, Metric]:
    """Return the similarities by name, each on whole texts and on the first 100 words."""
    table: dict[str, Metric] = {}
    for kind in KINDS:
        for suffix, short in (("", False), ("_100w", True)):
            table[f"{kind}{suffix}"] = partial(_similarity, kind=kind, short=short)
            table[f"{kind}{suffix}_ceiling"] = partial(_ceiling, kind=kind, short=short)
    return table


def _similarity(view: PromptView, kind: str, short: bool) -> float:
    return view.likeness.of(kind, short)


def _ceiling(view: PromptView, kind: str, short: bool) -> float:
    return view.likeness.ceiling(kind, short)


def bertscore_metrics() -> dict[str, Metric]:
    """Return the metrics by name that need a BERTScore model."""
    return {
        **{f"bertscore_{part}": partial(_bertscore, part=part) for part in BERTSCORES},
        "bertscore_f1_ceiling": lambda v: v.likeness.bertscore_ceiling(),
        "bertscore_cut_share": _bertscore_cut,
    }


def _bertscore(view: PromptView, part: str) -> float:
    return view.likeness.bertscore(part)


def _bertscore_cut(view: PromptView) -> float:
    assert view.bench.bert is not None
    return surface.share(view.texts, view.bench.bert.is_cut)

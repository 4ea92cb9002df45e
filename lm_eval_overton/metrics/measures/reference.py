"""How much of a reference run's units the samples cover.

Beside each finding stand its two baselines at equal sizes: `held_out`, what the reference's other
samples cover, and `chance`, what this run's answers to other prompts cover. Of words there are
three more, that say what a sample has for repeating: `repeated`, what a sample of the reference
covers that it holds whole, `held_out_chance`, that chance of the reference's own answers, and
`echo`, what the prompt itself covers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from lm_eval_overton.metrics.formulas import against_reference as formulas
from lm_eval_overton.metrics.metric import (
    AGAINST_REFERENCE,
    COVERAGE,
    DIVERSITY,
    SHARE,
    Compute,
    Metric,
    Need,
    Range,
    Task,
)
from lm_eval_overton.metrics.view import PromptView

__all__ = [
    "COVERED",
    "ECHO",
    "HELD_OUT_CHANCE",
    "METRICS",
    "MISSING",
    "MISSING_FROM_REFERENCE",
    "REFERENCE_COVERAGE_AT_1",
    "REFERENCE_COVERAGE_AT_N",
    "REFERENCE_SAMPLES_WORTH",
    "REPEATED",
]

# What is compared: a finding, and its two baselines.
Side = Literal["split", "held_out", "chance"]
Part = Side | Literal["held_out_chance", "echo"]

# Units are viewpoints where there is a matcher, else words.
_NEEDS = frozenset({Need.REFERENCE, Need.MATCHER, Need.TOKENS})
_WHOSE: dict[Side, str] = {
    "split": "this run's samples",
    "held_out": "the reference's other samples",
    "chance": "this run's answers to other prompts",
}


def _of_half(view: PromptView, part: Part, n: int) -> float:
    """Return what n samples cover of the units of half of the reference's samples."""
    if view.bench.n < 2:
        return math.nan
    sizes = {"n_pool": view.bench.n // 2, "n": n, "seed": view.bench.seed}
    if part == "held_out_chance":
        others = [view.units(other.reference_texts) for other in view.others]
        return formulas.chance_coverage(others, view.reference_units, **sizes)
    if part == "echo":
        echo = view.units([view.prompt.asked])
        return formulas.split_coverage(echo, view.reference_units, **sizes)
    if part == "held_out":
        return formulas.held_out_coverage(view.reference_units, **sizes)
    if part == "chance":
        return formulas.chance_coverage(view.chance_units, view.reference_units, **sizes)
    return formulas.split_coverage(view.own_units, view.reference_units, **sizes)


def _covered(part: Side) -> Compute:
    return lambda view: _of_half(view, part, 1)


def _missing(part: Side) -> Compute:
    return lambda view: 1.0 - _of_half(view, part, view.bench.n - view.bench.n // 2)


def _repeated(view: PromptView) -> float:
    if view.bench.n < 2:
        return math.nan
    sizes = {"n_pool": view.bench.n // 2, "seed": view.bench.seed}
    return formulas.repeated_coverage(view.own_units, view.reference_units, **sizes)


def _samples_worth(view: PromptView) -> float:
    if view.bench.n < 2:
        return math.nan
    curve = formulas.held_out_curve(
        view.reference_units, n_pool=view.bench.n // 2, seed=view.bench.seed
    )
    return formulas.reference_samples_worth(_of_half(view, "split", 1), curve)


def _metric(
    name: str,
    says: str,
    higher_is_better: bool | None,
    compute: Compute,
    *,
    range: Range = SHARE,
    needs: frozenset[Need] = _NEEDS,
    is_baseline: bool = False,
    grows_with_n: bool = True,
    tasks: tuple[Task, ...] = (DIVERSITY, COVERAGE),
) -> Metric:
    return Metric(
        name,
        says,
        range,
        higher_is_better=higher_is_better,
        family=AGAINST_REFERENCE,
        tasks=tasks,
        needs=needs,
        is_baseline=is_baseline,
        grows_with_n=grows_with_n,
        compute=compute,
    )


def _parts(
    name: str, says: str, higher_is_better: bool, compute: Callable[[Side], Compute]
) -> dict[Side, Metric]:
    """Return the finding and its two baselines by part; a baseline has no better direction."""
    return {
        part: _metric(
            f"{name}_{part}",
            says.format(whose),
            higher_is_better if part == "split" else None,
            compute(part),
            needs=_NEEDS | ({Need.OTHER_PROMPTS} if part == "chance" else set()),
            is_baseline=part != "split",
        )
        for part, whose in _WHOSE.items()
    }


REFERENCE_COVERAGE_AT_1 = _metric(
    "reference_coverage_at_1",
    "The share of the reference's units that one sample covers.",
    True,
    lambda view: formulas.reference_coverage_at_1(view.own_units, view.reference_units),
    grows_with_n=False,
)
COVERED = _parts(
    "reference_coverage_at_1",
    "What one of {} covers of the units of half of the reference's samples.",
    True,
    _covered,
)
REPEATED = _metric(
    "reference_coverage_at_1_repeated",
    "What one of the reference's samples covers of the words of half of them: another, or one that "
    "a sample repeats.",
    None,
    _repeated,
    is_baseline=True,
    tasks=(DIVERSITY,),
)
HELD_OUT_CHANCE = _metric(
    "reference_coverage_at_1_held_out_chance",
    "What one of the reference's answers to other prompts covers of the words of half of its "
    "samples.",
    None,
    lambda view: _of_half(view, "held_out_chance", 1),
    needs=_NEEDS | {Need.OTHER_PROMPTS},
    is_baseline=True,
    tasks=(DIVERSITY,),
)
ECHO = _metric(
    "reference_coverage_at_1_echo",
    "What the prompt itself covers of the words of half of the reference's samples.",
    None,
    lambda view: _of_half(view, "echo", 1),
    is_baseline=True,
    tasks=(DIVERSITY,),
)
REFERENCE_COVERAGE_AT_N = _metric(
    "reference_coverage_at_n",
    "The share of the reference's units that n samples cover together.",
    True,
    lambda view: formulas.reference_coverage_at_n(
        view.own_units, view.reference_units, view.bench.n
    ),
)
MISSING_FROM_REFERENCE = _metric(
    "missing_from_reference",
    "The share of the reference's units that n samples do not cover.",
    False,
    lambda view: formulas.missing_from_reference(
        view.own_units, view.reference_units, view.bench.n
    ),
)
MISSING = _parts(
    "missing_from_reference",
    "What {}, as many as are left, do not cover of the units of half of the reference's samples.",
    False,
    _missing,
)
REFERENCE_SAMPLES_WORTH = _metric(
    "reference_samples_worth",
    "How many held-out samples of the reference cover as much as one sample.",
    None,
    _samples_worth,
    range=Range(0, math.inf),
)
METRICS = (
    REFERENCE_COVERAGE_AT_1,
    *COVERED.values(),
    REPEATED,
    HELD_OUT_CHANCE,
    ECHO,
    REFERENCE_COVERAGE_AT_N,
    MISSING_FROM_REFERENCE,
    *MISSING.values(),
    REFERENCE_SAMPLES_WORTH,
)

"""Whether one answer covers more than in the base, not only longer: of viewpoints, of its words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import COVERAGE, DIVERSITY, Both, lacking, paired
from lm_eval_overton.comparison.compared import Gain
from lm_eval_overton.comparison.missing import not_held_against
from lm_eval_overton.comparison.references import is_measured_on
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1, COVERAGE_ECHO
from lm_eval_overton.metrics.measures.reference import COVERED, ECHO, HELD_OUT_CHANCE, REPEATED
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.short_paths import short_path

__all__ = ["gains", "whose"]

AT_1 = COVERAGE_AT_1.name
# What a repeated question covers of its viewpoints.
ECHOED = COVERAGE_ECHO.name
OF_BASE = tuple(
    metric.name for metric in (COVERED["split"], COVERED["chance"], REPEATED, HELD_OUT_CHANCE, ECHO)
)


def gains(
    tasks: Mapping[str, Both], base: FinishedRun, run: FinishedRun, seed: int
) -> tuple[Gain, Gain]:
    """Return what one answer covers more of the viewpoints, and of the base's own words.

    Neither grows for length, or for repeating the question or an answer of the base. Of the
    viewpoints, an answer has to cover more than the base's does and more than the question. Of the
    base's words, what answers to other prompts cover is taken off on both sides; what is left has
    to be more than an answer of the base has left, another or the one that is repeated, and more
    than what the question covers.

    Args:
        tasks: The shared prompts by task.
        base: The base.
        run: What is compared with it.
        seed: Of the resamples.
    """
    return _of_viewpoints(tasks.get(COVERAGE), base, run, seed), _of_base(base, run, seed)


def _of_viewpoints(both: Both | None, base: FinishedRun, run: FinishedRun, seed: int) -> Gain:
    if both is None or AT_1 not in both.metrics:
        why = lacking(COVERAGE, AT_1, base, run) or f"{AT_1} of the two cannot be compared"
        command = f"`overton score RESPONSES --task {COVERAGE}`, or run it with --tasks {COVERAGE}"
        return Gain(AT_1, why=f"{why}: {command}")
    before, after = both.aligned(AT_1)
    echo = _echo(both)
    if echo is None:
        return _gain(f"{AT_1} (what the question covers is not known)", after, before, seed)
    return _gain(f"{AT_1} above {ECHOED}", after, np.maximum(before, echo), seed)


def _echo(both: Both) -> stats.Array | None:
    """Return what the questions cover, (n_shared,): prompts and matcher alone decide it."""
    for own, at in ((both.run, both.run_at), (both.base, both.base_at)):
        if ECHOED in own.values and not np.isnan(own.values[ECHOED][at]).all():
            return own.values[ECHOED][at]
    return None


def _of_base(base: FinishedRun, run: FinishedRun, seed: int) -> Gain:
    own = run.tasks.get(DIVERSITY)
    what = f"what one answer covers of the words of {whose(base, own)} beyond chance"
    why = _why_not(base, run, own)
    if own is None or why:
        return Gain(what, why=why)
    split, chance, of_base, of_base_chance, echo = (own.values[name] for name in OF_BASE)
    return _gain(what, split - chance, np.maximum(of_base - of_base_chance, echo), seed)


def whose(base: FinishedRun, own: TaskResult | None) -> str:
    """Return whose words are covered; where that cannot be told, as the run names it."""
    if own is None or own.reference_run is None or is_measured_on(base, own) is not None:
        return base.name
    return short_path(own.reference_run)


def _why_not(base: FinishedRun, run: FinishedRun, own: TaskResult | None) -> str:
    """Return why it is not known what a run covers of the base's words; empty if it is."""
    if own is None:
        return f"no {DIVERSITY} in {run.name}"
    lacks = [name for name in OF_BASE if name not in own.values]
    if lacks:
        what = "reference run" if len(lacks) == len(OF_BASE) else " and no ".join(lacks)
        return not_held_against(DIVERSITY, base, run, what)
    if is_measured_on(base, own) is False:
        other = own.reference_run or "a reference"
        return f"{run.name} is measured against {other}, which is not {base.name}"
    return ""


def _gain(what: str, run: stats.Array, base: stats.Array, seed: int) -> Gain:
    [change] = paired([(base, run)], seed)
    if change.n < stats.FEWEST_PAIRS:
        least = f"expected at least {stats.FEWEST_PAIRS} prompts that define it, got {change.n}"
        return Gain(what, why=f"{what}: {least}")
    return Gain(what, change)

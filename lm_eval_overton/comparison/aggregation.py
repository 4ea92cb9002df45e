"""Whether one sample says more of what all of them say."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lm_eval_overton.comparison.aligned import COVERAGE, DIVERSITY, lacking, means
from lm_eval_overton.comparison.compared import UNDEFINED, Row, Shift
from lm_eval_overton.metrics.measures.coverage import (
    COVERAGE_AT_1,
    COVERAGE_AT_N,
    COVERAGE_CEILING,
    OVERTON_INDEX,
)
from lm_eval_overton.metrics.measures.units import (
    OVERTON_INDEX_CLUSTERS,
    OVERTON_INDEX_WORDS,
    UNITS_AT_1_CLUSTERS,
    UNITS_AT_1_WORDS,
)
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

__all__ = ["claim", "shifts"]

METRICS = {
    DIVERSITY: (
        UNITS_AT_1_WORDS,
        UNITS_AT_1_CLUSTERS,
        OVERTON_INDEX_WORDS,
        OVERTON_INDEX_CLUSTERS,
    ),
    COVERAGE: (COVERAGE_AT_1, COVERAGE_AT_N, OVERTON_INDEX),
}
CEILING = COVERAGE_CEILING.name
# Any of these has to rise before a change is called aggregation.
WITHIN = tuple(m.name for m in (UNITS_AT_1_WORDS, UNITS_AT_1_CLUSTERS, COVERAGE_AT_1))


def shifts(
    rows: Sequence[Row], runs: Sequence[FinishedRun], run: FinishedRun, seed: int
) -> list[Shift]:
    """Return the paired differences of the metrics of what one sample holds, and what it could.

    Args:
        rows: The comparison of the run with the base.
        runs: All runs, the base first.
        run: One of the others.
        seed: Of the resamples.
    """
    found = {(row.task, row.metric): row for row in rows}
    changes = [
        _shift(found.get((task, metric.name)), task, metric.name, runs[0], run)
        for task, metrics in METRICS.items()
        for metric in metrics
    ]
    return [*changes, _ceiling(runs, run, seed)]


def _shift(row: Row | None, task: str, metric: str, base: FinishedRun, run: FinishedRun) -> Shift:
    if row is not None and row.paired.n:
        return Shift("aggregation", "change", metric, row.change)
    why = lacking(task, metric, base, run) or "undefined on every shared prompt"
    return Shift("aggregation", "change", metric, UNDEFINED, why)


def _ceiling(runs: Sequence[FinishedRun], run: FinishedRun, seed: int) -> Shift:
    """Return the share of the viewpoints that any sample of any run covers."""
    part = "ceiling over all runs"
    why = lacking(COVERAGE, CEILING, runs[0], run)
    if why:
        return Shift("aggregation", part, CEILING, UNDEFINED, why)
    known = [_covered(one.tasks[COVERAGE]) for one in runs if not lacking(COVERAGE, CEILING, one)]
    shared = [key for key in known[0] if all(key in own for own in known)]
    shares = np.array([_share([own[key] for own in known]) for key in shared])
    [value] = means([shares], seed)
    note = "" if shared else "no prompt of which every run knows what it covers"
    return Shift("aggregation", part, CEILING, value, note)


# The positions of the viewpoints that a run's samples cover, and which share of all that is.
Covered = tuple[frozenset[int], float]


def _covered(own: TaskResult) -> dict[str, Covered]:
    """Return what the samples of each prompt cover, of those where that is known."""
    ceilings = dict(zip(own.ids, own.values[CEILING].tolist(), strict=True))
    units = {
        key: frozenset(i for sample in details["covered"] if sample is not None for i in sample)
        for key, details in zip(own.ids, own.details, strict=True)
        if "covered" in details
    }
    return {key: (found, ceilings[key]) for key, found in units.items() if ceilings[key] >= 0}


def _share(runs: Sequence[Covered]) -> float:
    together = frozenset[int]().union(*(units for units, _ in runs))
    # How many viewpoints there are is not stored: any run that covers one tells.
    return next((share * len(together) / len(units) for units, share in runs if units), 0.0)


def claim(changes: Sequence[Shift]) -> str:
    """Return whether the change may be called aggregation."""
    within = [shift for shift in changes if shift.metric in WITHIN]
    measured = [shift for shift in within if not math.isnan(shift.value.low)]
    if not measured:
        return f"whether this is aggregation is not known: none of {', '.join(WITHIN)} is defined"
    risen = [_rise(shift) for shift in measured if shift.value.low > 0]
    if risen:
        return f"this may be called aggregation: {', '.join(risen)} with the interval above 0"
    names = ", ".join(shift.metric for shift in measured)
    return f"this may not be called aggregation: none of {names} rises with its interval above 0"


def _rise(shift: Shift) -> str:
    return f"{shift.metric} rises by {shift.value.estimate:.3f}"

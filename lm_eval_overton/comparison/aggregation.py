"""Whether one sample says more of what all of them say."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_overton.comparison.aligned import COVERAGE, DIVERSITY, lacking
from lm_eval_overton.comparison.compared import UNDEFINED, Row, Shift
from lm_eval_overton.results import FinishedRun

__all__ = ["claim", "shifts"]

METRICS = {
    DIVERSITY: (
        "units_at_1_words",
        "units_at_1_clusters",
        "overton_index_words",
        "overton_index_clusters",
    ),
    COVERAGE: ("coverage_at_1", "coverage_at_n", "overton_index"),
}
# Any of these has to rise before a change is called aggregation.
WITHIN = ("units_at_1_words", "units_at_1_clusters", "coverage_at_1")


def shifts(rows: Sequence[Row], base: FinishedRun, run: FinishedRun) -> list[Shift]:
    """Return the paired differences of the metrics of what one sample holds."""
    found = {(row.task, row.metric): row for row in rows}
    return [
        _shift(found.get((task, metric)), task, metric, base, run)
        for task, metrics in METRICS.items()
        for metric in metrics
    ]


def _shift(row: Row | None, task: str, metric: str, base: FinishedRun, run: FinishedRun) -> Shift:
    if row is not None and row.paired.n:
        return Shift("aggregation", "change", metric, row.change)
    why = lacking(task, metric, base, run) or "undefined on every shared prompt"
    return Shift("aggregation", "change", metric, UNDEFINED, why)


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

"""Whether one sample says more of what all of them say, and not only more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison import noise
from lm_eval_overton.comparison.aligned import COVERAGE, DIVERSITY, lacking, means
from lm_eval_overton.comparison.compared import UNDEFINED, Gain, Row, Shift
from lm_eval_overton.metrics.measures.about_samples import DEGENERATE_SHARE
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
# What a longer answer has more of, whatever it says.
COUNTS = (UNITS_AT_1_WORDS.name, UNITS_AT_1_CLUSTERS.name)
NOISE = DEGENERATE_SHARE.name
MAY_NOT = "this may not be called aggregation"


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


def claim(rows: Sequence[Row], gains: Sequence[Gain]) -> str:
    """Return whether the change may be called aggregation, with the numbers that decide it.

    One answer has to cover more of what can be said; that it holds more words or clusters is what
    length alone brings.

    Args:
        rows: The comparison of the run with the base.
        gains: What one answer covers more.
    """
    known = [gain.change for gain in gains if gain.change is not None]
    covers = "; ".join(_said(gain.what, gain.change) for gain in gains if gain.change is not None)
    more = [row for row in rows if row.metric in COUNTS and row.paired.is_rise]
    counted = ", ".join(_said(row.metric, row.paired) for row in more)
    more_noise = max(noise.gains(rows).values(), default=0.0)
    if more_noise:
        rest = "".join(f"; {part}" for part in (covers, counted) if part)
        return f"{MAY_NOT}: {NOISE} rises by {more_noise:.3f}, so that the rest may be noise{rest}"
    if not known:
        why = "; ".join(gain.why for gain in gains)
        longer = f"; {counted}, as it does for length alone" if counted else ""
        return f"whether this is aggregation is not known: {why}{longer}"
    clear = {change.difference > 0 for change in known if change.is_clear}
    if clear == {True}:
        return f"this may be called aggregation: {covers}"
    longer = f"longer, not broader: {counted}, but " if counted and True not in clear else ""
    return f"{MAY_NOT}: {longer}{covers}"


def _said(what: str, change: stats.Comparison) -> str:
    return (
        f"{what} {'rises' if change.is_rise else 'changes'} by {change.difference:.3f} "
        f"[{change.ci_low:.3f}, {change.ci_high:.3f}] (p = {change.p_value:.2g}, n = {change.n})"
    )

"""The rows of a task in two runs: every metric that is compared, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import Both, means, paired
from lm_eval_overton.comparison.compared import SAMPLES_TABLE, Row
from lm_eval_overton.metrics.measures import is_about_samples, limits_of

__all__ = ["Means", "corrected", "rows_of"]

# Of the base, by task and metric.
Means = dict[str, dict[str, stats.Interval]]


def rows_of(both: Both, seed: int, known: Means) -> Iterator[Row]:
    """Yield the rows of a task, not yet corrected for the tests beside them.

    Args:
        both: The task.
        seed: Of the resamples.
        known: The base's means, which are the same in every pair; it takes up further ones.
    """
    task, metrics = both.base.task, both.metrics
    if not metrics:
        return
    limits = limits_of(metrics)
    changes = paired([both.aligned(metric) for metric in metrics], seed, limits)
    own = means([both.run.values[metric] for metric in metrics], seed, limits)
    for metric, change, mean in zip(metrics, changes, own, strict=True):
        table = SAMPLES_TABLE if is_about_samples(metric) else task
        base = _base_means(both, seed, known)[metric]
        direction = _direction(both, metric)
        yield Row(task, metric, direction, base, mean, change, change.p_value, table)


def corrected(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of a table with p-values that count each test in it once.

    Rows in which nothing differs were no test, and an exact copy of another row was no second one.
    """
    tests = {_tested(row): row.paired.p_value for row in rows if row.paired.difference != 0}
    adjusted = dict(zip(tests, stats.holm([*tests.values()]).tolist(), strict=True))
    return [replace(row, p_holm=adjusted.get(_tested(row), row.paired.p_value)) for row in rows]


def _tested(row: Row) -> tuple[float, ...]:
    """Return what is equal in rows whose prompts differ alike."""
    own = row.paired
    return own.difference, own.ci_low, own.ci_high, own.p_value, own.detectable, own.n


def _base_means(both: Both, seed: int, known: Means) -> dict[str, stats.Interval]:
    """Return the base's means of a task by metric; it is the same in every pair."""
    own = known.setdefault(both.base.task, {})
    new = [metric for metric in both.metrics if metric not in own]
    if new:
        values = [both.base.values[metric] for metric in new]
        own |= zip(new, means(values, seed, limits_of(new)), strict=True)
    return own


def _direction(both: Both, metric: str) -> bool | None:
    own = both.base.higher_is_better.get(metric)
    return both.run.higher_is_better.get(metric) if own is None else own

"""The intervals that tables and figures of a report share, and where a metric is found."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison import Compared, Row
from lm_eval_overton.metrics.measures import limits_of
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.responses import DEFAULT_TASK

__all__ = ["NOTHING", "Estimates", "common_metric", "fullest_metric", "task_names", "task_of"]

NOTHING = stats.Interval(math.nan, math.nan, math.nan, 0)


class Estimates:
    """Means over prompts with 95 % intervals: those of the comparison, and what it lacks.

    `seed` draws the intervals that the comparison does not hold.
    """

    def __init__(self, compared: Compared, seed: int = stats.SEED) -> None:
        self.compared = compared
        self.seed = seed
        self._known: dict[tuple[int, str, str], stats.Interval] = {}
        self._rows: dict[tuple[int, str, str], Row] = {}
        self._headline: dict[tuple[int, str, str], Row] = {}
        for position, pair in enumerate(compared.pairs, start=1):
            for row in pair.rows:
                self._known.setdefault((0, row.task, row.metric), row.base)
                self._known[position, row.task, row.metric] = row.run
                self._rows[position, row.task, row.metric] = row
            for row in pair.headline:
                self._headline[position, row.task, row.metric] = row

    def interval(self, run: int, task: str, metric: str) -> stats.Interval:
        """Return the mean of a metric over a run's own prompts.

        Args:
            run: The run's position.
            task: One of its tasks, or not.
            metric: One of the task's metrics, or not.

        Returns:
            NaN with n = 0 where the run has no such value.
        """
        key = (run, task, metric)
        if key not in self._known:
            self._compute(run, task)
        return self._known.get(key, NOTHING)

    def _compute(self, run: int, task: str) -> None:
        """Compute what the comparison lacks of a task; together it takes a fraction of the time."""
        result = self.compared.runs[run].tasks.get(task)
        values = result.values if result else {}
        new = [metric for metric in values if (run, task, metric) not in self._known]
        if not new:
            return
        table = np.column_stack([values[metric] for metric in new])
        rng = np.random.default_rng(self.seed)
        intervals = stats.mean_intervals(table, rng, limits=limits_of(new))
        self._known |= {(run, task, m): own for m, own in zip(new, intervals, strict=True)}

    def row(self, run: int, task: str, metric: str) -> Row | None:
        """Return how a run differs from the base in a metric, if the two were compared."""
        return self._rows.get((run, task, metric))

    def headline(self, run: int, task: str, metric: str) -> Row | None:
        """Return the same without the prompts that stay out of the headline."""
        return self._headline.get((run, task, metric))


def task_names(runs: Sequence[FinishedRun]) -> list[str]:
    """Return the tasks of any run: the diversity task first, then by name."""
    names = {task for run in runs for task in run.tasks}
    return sorted(names, key=lambda name: (name != DEFAULT_TASK, name))


def task_of(run: FinishedRun, metric: str) -> str | None:
    """Return the task from which a run's value of a metric is shown: the first that defines it."""
    for task in task_names([run]):
        values = run.tasks[task].values.get(metric)
        if values is not None and not np.isnan(values).all():
            return task
    return None


def common_metric(runs: Sequence[FinishedRun], candidates: Sequence[str]) -> str | None:
    """Return the candidate that most runs define; the earlier one of equals, None for none."""
    counts = [sum(task_of(run, metric) is not None for run in runs) for metric in candidates]
    most = max(counts, default=0)
    return candidates[counts.index(most)] if most else None


def fullest_metric(runs: Sequence[FinishedRun], preferred: str, other: str) -> str | None:
    """Return a metric, or another one in its place where that is defined far more often.

    Args:
        runs: All that are shown.
        preferred: The metric, unless the other one is defined for more than twice the prompts.
        other: What says much the same.

    Returns:
        None if no run defines either.
    """
    counts = [sum(_n_defined(run, metric) for run in runs) for metric in (preferred, other)]
    if not any(counts):
        return None
    return other if counts[1] > 2 * counts[0] else preferred


def _n_defined(run: FinishedRun, metric: str) -> int:
    task = task_of(run, metric)
    return 0 if task is None else int((~np.isnan(run.tasks[task].values[metric])).sum())

"""One task in two runs, prompt by prompt, and the statistics of such columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.responses import DEFAULT_TASK, IN_CONTEXT
from lm_eval_overton.runs.short_paths import short_path
from lm_eval_overton.settings.signature import fields

__all__ = [
    "COVERAGE",
    "DIVERSITY",
    "ICL",
    "Both",
    "align",
    "complete",
    "defined",
    "lacking",
    "means",
    "paired",
    "speaks",
    "verdict_counts",
]

DIVERSITY, COVERAGE, ICL = DEFAULT_TASK, "overton_coverage", IN_CONTEXT
# Fields of the signatures of tasks whose answers are given: how they are told, or whose they are.
CLOSED = frozenset({"answers", "whose"})


@dataclass(frozen=True)
class Both:
    """One task in two runs: the positions of the shared prompts in each, and what is compared."""

    base: TaskResult
    run: TaskResult
    base_at: list[int]
    run_at: list[int]
    metrics: tuple[str, ...]

    def aligned(self, metric: str) -> tuple[stats.Array, stats.Array]:
        """Return the base's and the run's values on the shared prompts, (n_shared,) each."""
        return self.base.values[metric][self.base_at], self.run.values[metric][self.run_at]


def align(base: TaskResult, run: TaskResult) -> Both:
    """Return a task of two runs with the prompts and the metrics that both have.

    Without a prompt in common there is no metric.
    """
    place = {key: i for i, key in enumerate(run.ids)}
    shared = [(i, place[key]) for i, key in enumerate(base.ids) if key in place]
    names = set(run.values) - verdict_counts(base) - verdict_counts(run) if shared else set()
    metrics = tuple(name for name in base.values if name in names)
    return Both(base, run, [i for i, _ in shared], [j for _, j in shared], metrics)


def speaks(run: FinishedRun) -> bool:
    """Return whether a run holds texts of a model's own words, and not choices among given answers
    or log-probabilities alone."""
    signed = [fields(own.signature) for own in run.tasks.values()]
    return any(CLOSED.isdisjoint(own) for own in signed)


def verdict_counts(own: TaskResult) -> set[str]:
    """Return the columns that count the judge's verdicts by status: they are no metrics."""
    counts = own.judge.counts if own.judge else {}
    return {f"{name}_{status}" for name, statuses in counts.items() for status in statuses}


def paired(
    columns: Iterable[tuple[stats.Array, stats.Array]],
    seed: int,
    limits: Sequence[stats.Range] | None = None,
) -> list[stats.Comparison]:
    """Return run minus base for each pair of columns (base, run), all (n_shared,).

    `limits` are the least and the greatest value of each, where they are known.
    """
    base, run = (np.column_stack(own) for own in zip(*columns, strict=True))
    return stats.paired_comparisons(run, base, np.random.default_rng(seed), limits=limits)


def means(
    columns: Iterable[stats.Array], seed: int, limits: Sequence[stats.Range] | None = None
) -> list[stats.Interval]:
    """Return the mean of the defined values of each column (n_prompts,) with its interval."""
    table = np.column_stack(list(columns))
    return stats.mean_intervals(table, np.random.default_rng(seed), limits=limits)


def defined(*columns: stats.Array) -> stats.Array:
    """Return the columns, (n,) each, as (n_defined, n_columns): the prompts that all define."""
    table = np.column_stack(columns)
    return table[~np.isnan(table).any(axis=1)]


def lacking(task: str, metric: str, *runs: FinishedRun) -> str:
    """Return which runs lack a task or its metric; empty if none does."""
    without = [run.name for run in runs if task not in run.tasks]
    if without:
        return f"no {task} in {' and '.join(without)}"
    without = [run.name for run in runs if metric not in run.tasks[task].values]
    return f"no {metric} in {' and '.join(without)}" if without else ""


def complete(*runs: FinishedRun) -> str:
    """Return how to add the judge's metrics to runs that lack them."""
    commands = ", ".join(f"`overton judge {short_path(run.place)} --judge ...`" for run in runs)
    return f"complete {' and '.join(run.name for run in runs)} with {commands}"

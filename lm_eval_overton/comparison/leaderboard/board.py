"""The rows of the table: which runs, in which order, with which rank, and what stands beside."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.leaderboard.columns import further_columns
from lm_eval_overton.comparison.leaderboard.settings import Results, common_settings, some
from lm_eval_overton.comparison.references import against_itself
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.metrics.measures import JUDGED_BY, limits_of
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import FRAME, fields

__all__ = [
    "Leaderboard",
    "Row",
    "aligned_values",
    "direction_of",
    "is_ranked",
    "leaderboard",
    "ranked",
    "reason_of",
]


@dataclass(frozen=True)
class Row:
    """One run: its rank, its score, and what stands beside it.

    Attributes:
        rank: The best rank that it can claim: one plus the number of rows that are better for sure.
        last_rank: The worst that it has to fear: the number of rows less those that are worse for
            sure.
        run: The run's name.
        score: The mean over prompts with its 95 % interval and the number of prompts.
        frame: `frame`, `stop` and `system` of the signature, as far as it has them.
        beside: Per further metric its mean (NaN where undefined) and its number of prompts.
        verdicts: How many of the judge's verdicts were parsed, and of how many; None unless the
            metric is judged.
        bounds: The score if all missing verdicts were the worst, and the best; None unless the
            metric is judged.
        above: The row above less this one, on the prompts that both define; None for the first.
    """

    rank: int
    last_rank: int
    run: str
    score: stats.Interval
    frame: Mapping[str, str]
    beside: Mapping[str, tuple[float, int]]
    verdicts: tuple[int, int] | None = None
    bounds: tuple[float, float] | None = None
    above: stats.Comparison | None = None


@dataclass(frozen=True)
class Leaderboard:
    """The rows, best first, and what holds for all of them.

    `missing` says per run that is no row why; `signature` holds what the rows' have in common;
    `judge` is empty unless the metric is judged; `notes` are lines for the reader.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    missing: Mapping[str, str]
    signature: str
    judge: str
    notes: tuple[str, ...] = ()


def leaderboard(
    runs: Sequence[FinishedRun], metric: str, task: str | None = None, seed: int = stats.SEED
) -> Leaderboard:
    """Return the runs sorted by a metric of a task, the best first.

    The direction is that of the results; where neither is better, the highest comes first.

    Args:
        runs: Finished runs with different names.
        metric: The metric that sorts.
        task: Its task; None: the only one that has the metric.
        seed: Seed of the resamples.

    Raises:
        SettingsError: If no run has the metric, several tasks have it, two runs have one name, or
            the runs were not made with the same settings.
    """
    _refuse_equal_names(runs)
    task = task or _only_task(runs, metric)
    found = {run.name: run.tasks[task] for run in runs if task in run.tasks}
    having = {name: own for name, own in found.items() if metric in own.values}
    if not having:
        raise _no_metric(metric, task, found, runs)
    rows = {name: own for name, own in having.items() if is_ranked(own, metric)}
    signature, judge = common_settings(task, metric, rows or having)
    columns, notes = further_columns(metric, rows)
    direction = direction_of(metric, having)
    table = aligned_values(rows, metric)
    order = ranked(table, direction, seed)
    return Leaderboard(
        task,
        metric,
        direction,
        columns,
        tuple(
            _row(name, rank, rows[name], metric, columns, score, above)
            for (name, rank), score, above in zip(
                order,
                _scores([rows[name] for name, _ in order], metric, seed),
                _above(table, order, seed),
                strict=True,
            )
        ),
        {run.name: _missing(run, task, metric) for run in runs if run.name not in rows},
        signature,
        judge,
        (*notes, *_warnings(rows, metric)),
    )


def _refuse_equal_names(runs: Sequence[FinishedRun]) -> None:
    twice = sorted(name for name, n in Counter(run.name for run in runs).items() if n > 1)
    if twice:
        raise SettingsError(
            f"leaderboard: expected runs with different names, got {some(twice)} twice; rename one"
        )


def _only_task(runs: Sequence[FinishedRun], metric: str) -> str:
    tasks = sorted({own.task for run in runs for own in run.tasks.values() if metric in own.values})
    if len(tasks) > 1:
        raise SettingsError(
            f"leaderboard: expected one task with {metric}, got {', '.join(tasks)}; "
            "choose one of them with the task option"
        )
    if not tasks:
        raise _no_metric(metric, None, {}, runs)
    return tasks[0]


def _no_metric(
    metric: str, task: str | None, found: Results, runs: Sequence[FinishedRun]
) -> SettingsError:
    held = {name: None for own in found.values() for name in own.values}
    if held:
        return SettingsError(
            f"leaderboard: expected a metric of {task}, got {metric!r}; there are {', '.join(held)}"
        )
    tasks = ", ".join(sorted({name for run in runs for name in run.tasks})) or "no task"
    wanted = f"runs of {task}" if task else f"a task with the metric {metric!r}"
    return SettingsError(f"leaderboard: expected {wanted}, got results of {tasks}; name another")


def is_ranked(own: TaskResult, metric: str) -> bool:
    """Tell whether a metric that a run has says something of it."""
    return metric not in against_itself(own) and not np.isnan(own.values[metric]).all()


def reason_of(own: TaskResult, metric: str) -> str:
    """Return why a run cannot be ranked by a metric."""
    if metric not in own.values:
        return "not computed"
    if metric in against_itself(own):
        return "its own reference"
    return "undefined for every prompt"


def _missing(run: FinishedRun, task: str, metric: str) -> str:
    return reason_of(run.tasks[task], metric) if task in run.tasks else f"no {task}"


def direction_of(metric: str, having: Results) -> bool | None:
    """Return the direction that any of the runs knows."""
    known = (own.higher_is_better.get(metric) for own in having.values())
    return next((direction for direction in known if direction is not None), None)


def aligned_values(rows: Results, metric: str) -> dict[str, stats.Array]:
    """Return each run's values over the prompts of all runs, NaN where it has none."""
    ids = {
        key: i for i, key in enumerate(dict.fromkeys(k for own in rows.values() for k in own.ids))
    }
    table = {name: np.full(len(ids), np.nan) for name in rows}
    for name, own in rows.items():
        table[name][[ids[key] for key in own.ids]] = own.values[metric]
    return table


def ranked(
    table: Mapping[str, stats.Array], direction: bool | None, seed: int
) -> list[tuple[str, stats.Rank]]:
    """Return names and ranks, best first."""
    if not table:
        return []
    values = np.stack([*table.values()])
    signed = -values if direction is False else values
    names = list(table)
    ranks = stats.rank_ranges(signed, np.random.default_rng(seed))
    return [(names[rank.row], rank) for rank in ranks]


def _above(
    table: Mapping[str, stats.Array], ranked: Sequence[tuple[str, stats.Rank]], seed: int
) -> list[stats.Comparison | None]:
    """Return for each row how the row above differs from it; None for the first."""
    if len(ranked) < 2:
        return [None] * len(ranked)
    columns = np.column_stack([table[name] for name, _ in ranked])
    rng = np.random.default_rng(seed)
    return [None, *stats.paired_comparisons(columns[:, :-1], columns[:, 1:], rng)]


def _scores(rows: Sequence[TaskResult], metric: str, seed: int) -> list[stats.Interval]:
    """Return each row's score, which is the same in every table."""
    if not rows:
        return []
    # Each in the order of its own prompts, by which it is resampled.
    columns = np.full((max(len(own.ids) for own in rows), len(rows)), np.nan)
    for column, own in zip(columns.T, rows, strict=True):
        column[: len(own.ids)] = own.values[metric]
    limits = limits_of([metric]) * len(rows)
    return stats.mean_intervals(columns, np.random.default_rng(seed), limits=limits)


def _row(
    name: str,
    rank: stats.Rank,
    own: TaskResult,
    metric: str,
    columns: Sequence[str],
    score: stats.Interval,
    above: stats.Comparison | None,
) -> Row:
    signed = fields(own.signature)
    return Row(
        rank.first,
        rank.last,
        name,
        score,
        {key: signed[key] for key in FRAME if key in signed},
        {column: _mean(own.values.get(column)) for column in columns},
        _verdicts(own, metric) if metric in own.judged else None,
        own.bounds.get(metric),
        above,
    )


def _mean(values: stats.Array | None) -> tuple[float, int]:
    defined = np.array([]) if values is None else values[~np.isnan(values)]
    return (float(defined.mean()) if len(defined) else math.nan), len(defined)


def _verdicts(own: TaskResult, metric: str) -> tuple[int, int] | None:
    """Return how many verdicts on the run's samples a metric rests on: parsed, and all."""
    counts = own.judge.counts.get(JUDGED_BY.get(metric, "viewpoints"), {}) if own.judge else {}
    total = sum(counts.values())
    return (counts.get("parsed", 0), total) if total else None


def _warnings(rows: Results, metric: str) -> list[str]:
    """Return what makes rows hard to compare: alarms, too few prompts, and not the same ones."""
    alarms = [f"alarm of {name}: {text}" for name, own in rows.items() for text in own.alarms]
    differ = (
        "the runs' prompts differ" if len({frozenset(o.ids) for o in rows.values()}) > 1 else ""
    )
    if len({_defined(own, metric) for own in rows.values()}) > 1:
        differ = differ or f"the runs define {metric} on different prompts"
    if differ:
        alarms.append(f"{differ}: scores are over each run's own, ranks over shared")
    fewest = min((len(own.ids) for own in rows.values()), default=0)
    if len(rows) > 1 and fewest < stats.FEWEST_PAIRS:
        alarms.append(
            f"ranks need at least {stats.FEWEST_PAIRS} prompts, there are {fewest}: fewer tell no "
            "two runs apart"
        )
    return alarms


def _defined(own: TaskResult, metric: str) -> frozenset[str]:
    values = own.values[metric].tolist()
    return frozenset(k for k, v in zip(own.ids, values, strict=True) if not math.isnan(v))

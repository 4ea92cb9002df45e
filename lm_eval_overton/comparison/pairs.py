"""Every run beside the base: its rows, its shifts, its notes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lm_eval_overton import stats
from lm_eval_overton.comparison import (
    aggregation,
    broader,
    echo,
    missing,
    noise,
    quality,
    recovered,
)
from lm_eval_overton.comparison.aligned import ICL, Both, align, means, paired
from lm_eval_overton.comparison.compared import (
    SAMPLES_TABLE,
    Compared,
    Pair,
    Row,
    Shift,
)
from lm_eval_overton.comparison.notes import Notes
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.metrics.measures import is_about_samples, limits_of
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.short_paths import short_path

__all__ = ["compare"]

Tasks = Mapping[str, Both]
# Of the base, by task and metric.
Means = dict[str, dict[str, stats.Interval]]


def compare(
    base: FinishedRun,
    others: Sequence[FinishedRun],
    *,
    force: bool = False,
    seed: int = stats.SEED,
) -> Compared:
    """Return every run beside the base.

    Args:
        base: What the others are compared with.
        others: At least one run, in training order. A run of in-context tasks only has no rows;
            what it recovers stands in the shifts of every pair.
        force: Compare runs of different settings and note the differences.
        seed: Of the resamples; every interval starts from it, so none depends on the others.

    Raises:
        SettingsError: If settings differ that can change a score, or there is no other run.
        DataError: If a run has no task, no prompt or no metric in common with the base.
    """
    if not others:
        raise SettingsError("compare: expected a base and at least one other run, got one run")
    runs = _told_apart((base, *others))
    known: Means = {}
    return Compared(runs, tuple(_pair(run, runs, force, seed, known) for run in runs[1:]))


def _told_apart(runs: Sequence[FinishedRun]) -> tuple[FinishedRun, ...]:
    """Return the runs, those of one name called by their places too, in full where short ones
    are one."""
    places: dict[str, set[Path]] = {}
    for run in runs:
        places.setdefault(run.name, set()).add(run.place)
    return tuple(
        replace(run, name=f"{run.name} ({_place(run.place, places[run.name])})")
        if len(places[run.name]) > 1
        else run
        for run in runs
    )


def _place(place: Path, others: Collection[Path]) -> str:
    short = short_path(place)
    return short if sum(short_path(other) == short for other in others) == 1 else str(place)


def _pair(
    run: FinishedRun, runs: Sequence[FinishedRun], force: bool, seed: int, known: Means
) -> Pair:
    base = runs[0]
    notes = Notes(base, run, force)
    both = {task: align(base.tasks[task], own) for task, own in _common(base, run).items()}
    tasks = {task: notes.checked(own) for task, own in both.items()}
    rows = _rows(tasks, seed, known)
    if tasks and not rows:
        raise _nothing_in_common(tasks, base, run)
    if not tasks:
        notes.add(f"no task in common with {base.name}: only what it recovers in context is shown")
    for task, text in (*noise.notes(rows), *echo.notes(base, run, seed)):
        notes.add(text, task)
    is_changed = bool(tasks) and not recovered.is_only_icl(run)
    shifts = _changes(tasks, rows, runs, run, notes, seed) if is_changed else []
    shifts += recovered.shifts(run, runs, force, seed)
    notes.add_alarms()
    return Pair(base.name, run.name, tuple(rows), tuple(shifts), notes.lines())


def _common(base: FinishedRun, run: FinishedRun) -> dict[str, TaskResult]:
    common = {task: own for task, own in run.tasks.items() if task in base.tasks}
    if not common and not any(task.startswith(ICL) for task in run.tasks):
        raise DataError(
            f"{run.name}: expected a task in common with {base.name} ({', '.join(base.tasks)}), "
            f"got {', '.join(run.tasks)}; run the same task on both"
        )
    return common


def _nothing_in_common(tasks: Tasks, base: FinishedRun, run: FinishedRun) -> DataError:
    if any(both.base_at for both in tasks.values()):
        return DataError(
            f"{run.name}: expected a metric in common with {base.name} that the same reference "
            f"measures, got none in {', '.join(tasks)}; run both with the same reference"
        )
    return DataError(
        f"{run.name}: expected prompts in common with {base.name}, got none; prompts are "
        "matched by id"
    )


def _changes(
    tasks: Tasks,
    rows: Sequence[Row],
    runs: Sequence[FinishedRun],
    run: FinishedRun,
    notes: Notes,
    seed: int,
) -> list[Shift]:
    """Return what the change is made of, except what comes back in context."""
    base = runs[0]
    within = aggregation.shifts(rows, runs, run, seed)
    notes.add(aggregation.claim(rows, broader.gains(tasks, base, run, seed)))
    for task, text in missing.notes(base, run).items():
        notes.add(text, task)
    return [*quality.shifts(tasks, base, run, seed), *within, *missing.shifts(base, run, seed)]


def _rows(tasks: Tasks, seed: int, known: Means) -> list[Row]:
    """Return the rows table by table, each corrected for the tests of its table."""
    rows = [row for both in tasks.values() for row in _rows_of(both, seed, known)]
    tables = dict.fromkeys([*tasks, SAMPLES_TABLE])
    return [row for table in tables for row in _corrected([r for r in rows if r.table == table])]


def _rows_of(both: Both, seed: int, known: Means) -> Iterator[Row]:
    """Yield the rows of a task, not yet corrected for the tests beside them."""
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


def _corrected(rows: Sequence[Row]) -> list[Row]:
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

"""Every run beside the base: its rows, its shifts, its notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lm_eval_overton import stats
from lm_eval_overton.comparison import aggregation, missing, quality, recovered
from lm_eval_overton.comparison.aligned import ICL, SEED, Both, align, mean, paired
from lm_eval_overton.comparison.compared import Compared, Pair, Row, Shift
from lm_eval_overton.comparison.settings import Notes
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.results import FinishedRun, TaskResult

__all__ = ["compare"]

Tasks = Mapping[str, Both]
Means = dict[tuple[str, str], stats.Interval]


def compare(
    base: FinishedRun,
    others: Sequence[FinishedRun],
    *,
    force: bool = False,
    seed: int = SEED,
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
    runs = (base, *others)
    means: Means = {}
    return Compared(runs, tuple(_pair(run, runs, force, seed, means) for run in others))


def _pair(
    run: FinishedRun, runs: Sequence[FinishedRun], force: bool, seed: int, means: Means
) -> Pair:
    base = runs[0]
    notes = Notes(base, run, runs, force)
    both = {task: align(base.tasks[task], own) for task, own in _common(base, run).items()}
    tasks = {task: notes.checked(own) for task, own in both.items()}
    rows = _rows(tasks, seed, means)
    if tasks and not rows:
        raise _nothing_in_common(tasks, base, run)
    if not tasks:
        notes.add(f"no task in common with {base.name}: only what it recovers in context is shown")
    is_changed = bool(tasks) and not recovered.is_only_icl(run)
    shifts = _changes(tasks, rows, base, run, notes, seed) if is_changed else []
    shifts += recovered.shifts(run, runs, seed)
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
    base: FinishedRun,
    run: FinishedRun,
    notes: Notes,
    seed: int,
) -> list[Shift]:
    """Return what the change is made of, except what comes back in context."""
    within = aggregation.shifts(rows, base, run)
    notes.add(aggregation.claim(within))
    return [*quality.shifts(tasks, base, run, seed), *within, *missing.shifts(base, run, seed)]


def _rows(tasks: Tasks, seed: int, means: Means) -> list[Row]:
    found = [
        (both, metric, paired(*both.aligned(metric), seed))
        for both in tasks.values()
        for metric in both.metrics
    ]
    corrected = stats.holm([own.p_value for *_, own in found])
    return [
        Row(
            both.base.task,
            metric,
            _direction(both, metric),
            _base_mean(both, metric, seed, means),
            mean(both.run.values[metric], seed),
            own,
            float(p),
        )
        for (both, metric, own), p in zip(found, corrected, strict=True)
    ]


def _base_mean(both: Both, metric: str, seed: int, means: Means) -> stats.Interval:
    # The base is the same in every pair.
    key = (both.base.task, metric)
    if key not in means:
        means[key] = mean(both.base.values[metric], seed)
    return means[key]


def _direction(both: Both, metric: str) -> bool | None:
    own = both.base.higher_is_better.get(metric)
    return both.run.higher_is_better.get(metric) if own is None else own

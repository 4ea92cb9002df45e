"""Every run beside the base: its rows, its shifts, its notes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lm_eval_overton import stats
from lm_eval_overton.comparison import (
    aggregation,
    broader,
    chosen,
    classes,
    echo,
    elicited,
    groups,
    likelihood,
    missing,
    noise,
    quality,
    recovered,
)
from lm_eval_overton.comparison.aligned import ICL, Both, align, speaks
from lm_eval_overton.comparison.compared import (
    SAMPLES_TABLE,
    Compared,
    Gain,
    Pair,
    Row,
    Shift,
)
from lm_eval_overton.comparison.notes import Notes
from lm_eval_overton.comparison.rows import Means, corrected, rows_of
from lm_eval_overton.comparison.tagged import Tags, differing, headline_of, left_out, tags_of
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.short_paths import short_path
from lm_eval_overton.stats.progress import progress

__all__ = ["compare"]

Tasks = Mapping[str, Both]


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
    tags = tags_of(runs)
    own = _Comparison(runs, headline_of(runs, tags), tags, force, seed)
    others_at = progress(range(1, len(runs)), "Comparing runs")
    return Compared(runs, tuple(own.pair(i) for i in others_at))


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


@dataclass(frozen=True)
class _Comparison:
    """What every pair of some runs has in common.

    Attributes:
        runs: The base first.
        headline: The same runs without the prompts that stay out of the headline.
        tags: The tags that count, by task and prompt.
        force: Whether runs of different settings are compared.
        seed: Of the resamples.
        known: The base's means over all prompts.
        known_headline: The same over those of the headline.
    """

    runs: tuple[FinishedRun, ...]
    headline: tuple[FinishedRun, ...]
    tags: Tags
    force: bool
    seed: int
    known: Means = field(default_factory=dict)
    known_headline: Means = field(default_factory=dict)

    def pair(self, i: int) -> Pair:
        """Return the run at a position beside the base."""
        base, run = self.runs[0], self.runs[i]
        notes = Notes(base, run, self.force)
        common = {task: align(base.tasks[task], own) for task, own in _common(base, run).items()}
        both = likelihood.comparable(common, notes)
        tasks = {task: notes.checked(own) for task, own in both.items()}
        rows = _rows(tasks, self.seed, self.known)
        if tasks and not rows:
            raise _nothing_in_common(tasks, base, run)
        if not common:
            notes.add(
                f"no task in common with {base.name}: only what it recovers in context is shown"
            )
        for task, own in tasks.items():
            if text := differing(own, self.tags[task]):
                notes.add(text, task)
        few = left_out(base, run, self.tags)
        for task, text in few.items():
            notes.add(text, task)
        shown, headline = self._headline(i, tasks, rows)
        shifts, gains = self._shifts(i, shown, headline, notes)
        notes.add_alarms()
        lines = tuple(f"{task}: {text}" for task, text in few.items())
        return Pair(
            base.name, run.name, tuple(rows), tuple(shifts), notes.lines(), tuple(headline), lines,
            gains,
        )  # fmt: skip

    def _headline(self, i: int, tasks: Tasks, rows: list[Row]) -> tuple[Tasks, list[Row]]:
        """Return the tasks and the rows of a pair on the prompts of the headline."""
        base, run = self.headline[0], self.headline[i]
        if base is self.runs[0] and run is self.runs[i]:
            return tasks, rows
        shown = {
            task: replace(align(base.tasks[task], run.tasks[task]), metrics=own.metrics)
            for task, own in tasks.items()
        }
        return shown, _rows(shown, self.seed, self.known_headline)

    def _shifts(
        self, i: int, tasks: Tasks, rows: Sequence[Row], notes: Notes
    ) -> tuple[list[Shift], tuple[Gain, ...]]:
        """Return what the change is made of and what one answer covers more, and note what is to be
        known of it."""
        runs, seed = self.headline, self.seed
        base, run = runs[0], runs[i]
        for task, text in (*noise.notes(rows), *echo.notes(base, run, seed)):
            notes.add(text, task)
        if not speaks(base) and not speaks(run):
            # Where nothing was said there is nothing to explain of it.
            of_answers = elicited.shifts(tasks, base, run, seed)
            return [*of_answers, *_of_options(base, run, notes, seed)], ()
        is_changed = bool(tasks) and not recovered.is_only_icl(run)
        gains = broader.gains(tasks, base, run, seed) if is_changed else ()
        shifts = _changes(tasks, rows, runs, run, gains, notes, seed) if is_changed else []
        return [*shifts, *recovered.shifts(run, runs, self.force, seed)], gains


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
    gains: Sequence[Gain],
    notes: Notes,
    seed: int,
) -> list[Shift]:
    """Return what the change is made of, except what comes back in context."""
    base = runs[0]
    within = aggregation.shifts(rows, runs, run, seed)
    notes.add(aggregation.claim(rows, gains))
    for task, text in missing.notes(base, run).items():
        notes.add(text, task)
    return [
        *quality.shifts(tasks, base, run, seed),
        *classes.shifts(tasks, base, run, seed),
        *elicited.shifts(tasks, base, run, seed),
        *_of_options(base, run, notes, seed),
        *within,
        *missing.shifts(base, run, seed),
    ]


def _of_options(base: FinishedRun, run: FinishedRun, notes: Notes, seed: int) -> list[Shift]:
    """Return what changed of the choices among options."""
    choices, said = chosen.beside(base, run, seed)
    for text in said:
        notes.add(text)
    return [*choices, *groups.shifts(base, run, seed)]


def _rows(tasks: Tasks, seed: int, known: Means) -> list[Row]:
    """Return the rows table by table, each corrected for the tests of its table."""
    rows = [row for both in tasks.values() for row in rows_of(both, seed, known)]
    tables = dict.fromkeys([*tasks, SAMPLES_TABLE])
    return [row for table in tables for row in corrected([r for r in rows if r.table == table])]

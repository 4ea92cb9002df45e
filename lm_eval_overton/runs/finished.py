"""Finished runs, read from the files that the harness and our own commands wrote.

A run is a folder of the harness's results files, and of `judged_*.json` where `overton judge`
completed it. Both hold, per task, the values of every prompt; nothing here reads a response.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entry import Judging
from lm_eval_overton.runs.judgements import has_verdicts, with_judgements
from lm_eval_overton.runs.notebook import html_table
from lm_eval_overton.runs.places import age, results_files, samples_beside, visible
from lm_eval_overton.runs.results_file import ResultsFile, TaskResult
from lm_eval_overton.runs.short_paths import short_model, short_path
from lm_eval_overton.stats.progress import progress

__all__ = ["FinishedRun", "Judging", "Ranges", "TaskResult", "load_run", "load_runs"]

logger = logging.getLogger("lm_eval.overton")

# Per metric the least and the greatest value that it can have.
Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class FinishedRun:
    """A run folder: its name in tables, its place, and the newest result of each task."""

    name: str
    place: Path
    tasks: Mapping[str, TaskResult]

    def __repr__(self) -> str:
        own = ", ".join(f"{task}: {len(one.ids)} prompts" for task, one in self.tasks.items())
        return f"FinishedRun({self.name!r}, {own})"

    def _repr_html_(self) -> str:
        rows = [
            (task, one.model, len(one.ids), len(one.values), len(one.alarms))
            for task, one in self.tasks.items()
        ]
        return html_table(self.name, ("task", "model", "prompts", "metrics", "alarms"), rows)


def load_run(place: str | Path, ranges: Ranges, name: str | None = None) -> FinishedRun:
    """Return a finished run with the newest result of each of its tasks.

    Of a folder, what cannot be used is passed over with a warning, so that an older result counts.

    Args:
        place: A folder with results files at any depth, or one such file. Judgements are taken
            from the `judged_*.json` in the same folder tree that name the same model or none: per
            metric from the newest, and all from one judge.
        ranges: The values that metrics can have; a task with any other cannot be used.
        name: What tables call the run; default: the folder's name, or the model's of one file.

    Raises:
        DataError: If there are no results of overton tasks, those of several models, or the one
            file that is named cannot be used.
    """
    path = Path(place)
    found = _Found(ranges)
    for file in _results_files(path):
        found.take(file)
    if found.reasons and path.is_file():
        raise DataError(found.reasons[0])
    if not found.tasks:
        raise found.nothing(
            path,
            "run `lm_eval --tasks 'overton_*' -o DIR`, or score responses with `overton score -o "
            "DIR`",
        )
    _refuse_several_models(path, found.tasks)
    complete = found.completed(path if path.is_dir() else path.parent)
    found.tell()
    return FinishedRun(name or _default_name(path, complete), path, complete)


def load_runs(folder: Path, ranges: Ranges) -> dict[tuple[Path, str], FinishedRun]:
    """Return a finished run for each folder below a folder and each model with results in it.

    What cannot be used is passed over with a warning.

    Args:
        folder: What holds results files at any depth.
        ranges: As for `load_run`.

    Returns:
        By folder and model, in their order; a run is called as its model.

    Raises:
        DataError: If there are no results of overton tasks.
    """
    groups: dict[tuple[Path, str], _Found] = {}
    whole = _Found(ranges)
    with _uncollected():
        for path in progress(_results_files(folder), "Reading results"):
            if file := whole.opened(path):
                own = groups.setdefault((path.parent, file.model), _Found(ranges, whole.reasons))
                own.take(path, file)
        runs = {
            (place, model): FinishedRun(model, place, groups[place, model].completed(place))
            for place, model in sorted(groups)
            if groups[place, model].tasks
        }
    if not runs:
        raise whole.nothing(folder, "name the folder that holds the runs' output folders")
    whole.tell()
    return runs


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no cycles meanwhile: of what is read all is kept, and looking through it again and
    again takes a quarter of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass
class _Found:
    """The newest result of each task in files that are taken from the newest to the oldest.

    `reasons` say of each file, or task in it, that cannot be used why.
    """

    ranges: Ranges
    reasons: list[str] = field(default_factory=list)
    tasks: dict[str, TaskResult] = field(default_factory=dict)

    def opened(self, path: Path) -> ResultsFile | None:
        """Return a results file; None for what is none."""
        try:
            return ResultsFile(path)
        except DataError as error:
            self.reasons.append(str(error))
            return None

    def take(self, path: Path, file: ResultsFile | None = None) -> None:
        """Take the results of a file for the tasks that no newer file had."""
        file = file or self.opened(path)
        if file is None:
            return
        for task in file.tasks:
            self._take(file, task)
        for task in file.unscored:
            if task not in self.tasks:
                self.reasons.append(
                    f"{path}: expected scores of {task}, got its answers alone (--predict_only); "
                    f"score them with `overton score {samples_beside(path, task)} --task {task}`"
                )

    def _take(self, file: ResultsFile, task: str) -> None:
        newer = self.tasks.get(task)
        if newer is None:
            try:
                self.tasks[task] = file.result(task, self.ranges)
            except DataError as error:
                self.reasons.append(str(error))
        elif file.model != newer.model:
            alarm = (
                f"{short_path(file.path)} holds results of another model, "
                f"{short_model(file.model)}, and is older: not used"
            )
            self.tasks[task] = replace(newer, alarms=(*newer.alarms, alarm))

    def completed(self, folder: Path) -> dict[str, TaskResult]:
        """Return the results with the judgements of a folder tree, in order of tasks."""
        return {
            task: with_judgements(own, self._judged(folder, own))
            for task, own in sorted(self.tasks.items())
        }

    def _judged(self, folder: Path, base: TaskResult) -> list[TaskResult]:
        """Return the judgements of a task in a folder tree, oldest first, but of no other model."""
        begin = f"judged_{base.task}"
        # One task's name may begin another's; what follows it is a time, without an underscore.
        named = [
            path
            for path in visible(folder, f"{begin}_*.json")
            if path.stem.rpartition("_")[0] == begin
        ]
        found = [self._judgement(path, base.task) for path in sorted(named, key=age)]
        # Files of before, and those of bare responses, name no model.
        own = [one for one in found if one is not None and one.model in ("", base.model)]
        # A judge that was never there takes nothing away from one that was.
        return [one for one in own if has_verdicts(one)] or own

    def _judgement(self, path: Path, task: str) -> TaskResult | None:
        one = _Found(self.ranges, self.reasons)
        one.take(path)
        return one.tasks.get(task)

    def nothing(self, place: Path, remedy: str) -> DataError:
        """Return the error of a place without a result that can be used, which says why."""
        reasons = list(dict.fromkeys(self.reasons))
        if len(reasons) == 1:
            return DataError(reasons[0])
        got = "those of other tasks"
        if reasons:
            got = f"{len(reasons)} that cannot be used, first {reasons[0]}"
        return DataError(f"{place}: expected results of an overton task, got {got}; {remedy}")

    def tell(self) -> None:
        """Warn of what is passed over."""
        for reason in dict.fromkeys(self.reasons):
            logger.warning("passed over: %s", reason)


def _refuse_several_models(path: Path, tasks: Mapping[str, TaskResult]) -> None:
    models: dict[str, list[str]] = {}
    for task, own in sorted(tasks.items()):
        models.setdefault(own.model, []).append(task)
    # What no file names may be the same.
    models.pop("", None)
    if len(models) > 1:
        named = ", ".join(f"{model} ({' '.join(own)})" for model, own in models.items())
        raise DataError(
            f"{path}: expected the results of one model, got {named}; name the folder of one, or "
            "score with `overton score --name MODEL`"
        )


def _default_name(path: Path, tasks: Mapping[str, TaskResult]) -> str:
    # "." has no name until it is resolved; a model's name may be the path of a checkpoint.
    if not path.is_file():
        return path.resolve().name or str(path)
    return Path(next(iter(tasks.values())).model).name or path.stem


def _results_files(place: Path) -> list[Path]:
    """Return the results files of a place, newest first."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise DataError(f"{place}: expected a run's folder or a results file, got nothing there")
    found = results_files(place)
    if not found:
        raise DataError(
            f"{place}: expected results_*.json at any depth, got none; name the folder that was "
            "given as -o, or score the run's generations with `overton score ... -o DIR`"
        )
    return found

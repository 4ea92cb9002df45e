"""Finished runs, read from the files that the harness and our own commands wrote.

A run is a folder of `results_*.json`, and of `judged_*.json` where `overton judge` completed it.
Both hold, per task, the values of every prompt; nothing here reads a response.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.results_file import Judging, ResultsFile, TaskResult

__all__ = ["FinishedRun", "Judging", "TaskResult", "load_run", "parse_run"]

RESULTS, JUDGED = "results_", "judged_"


@dataclass(frozen=True)
class FinishedRun:
    """A run folder: its name in tables, its place, and the newest result of each task."""

    name: str
    place: Path
    tasks: Mapping[str, TaskResult]


def parse_run(text: str) -> tuple[Path, str | None]:
    """Return place and name of a run from `NAME=PLACE` or a place; the name is None without one.

    A path that exists is a path, also if it holds the sign.

    Raises:
        SettingsError: If nothing stands on one side of the sign.
    """
    name, separator, place = text.partition("=")
    if not separator or Path(text).exists():
        return Path(text), None
    if not name or not place:
        raise SettingsError(f"expected a run as NAME=PLACE or a place, got {text!r}")
    return Path(place), name


def load_run(place: str | Path, name: str | None = None) -> FinishedRun:
    """Return a finished run with the newest result of each of its tasks.

    Args:
        place: A folder with `results_*.json` at any depth, or one such file. Judgements are taken
            from `judged_*.json` in the same folder tree: per task the newest file that names the
            same model or none.
        name: What tables call the run; default: the folder's name, or the model's of one file.

    Raises:
        DataError: If there are no results of overton tasks, or a file cannot be used.
    """
    path = Path(place)
    folder = path if path.is_dir() else path.parent
    tasks = _newest(_results_files(path))
    if not tasks:
        raise DataError(
            f"{path}: expected results of an overton task, got those of other tasks only; run "
            "`lm_eval --tasks 'overton_*' -o DIR`, or score responses with `overton score -o DIR`"
        )
    complete = {
        task: _with_judgements(own, _judged_result(folder, own))
        for task, own in sorted(tasks.items())
    }
    return FinishedRun(name or _default_name(path, complete), path, complete)


def _default_name(path: Path, tasks: Mapping[str, TaskResult]) -> str:
    # "." has no name until it is resolved; a model's name may be the path of a checkpoint.
    if not path.is_file():
        return path.resolve().name or str(path)
    return Path(next(iter(tasks.values())).model).name or path.stem


# ---------------------------------------------------------------------------------- which files


def _results_files(place: Path) -> list[Path]:
    """Return the results files of a place, newest first."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise DataError(f"{place}: expected a run's folder or a results file, got nothing there")
    found = sorted(place.rglob(f"{RESULTS}*.json"), key=_age, reverse=True)
    if not found:
        raise DataError(
            f"{place}: expected {RESULTS}*.json at any depth, got none; name the folder that was "
            "given as -o, or score the run's generations with `overton score ... -o DIR`"
        )
    return found


def _age(path: Path) -> tuple[str, int]:
    """Return what sorts files by age: the time in the name survives a copy, that of the file
    does not."""
    return path.stem.rpartition("_")[2], path.stat().st_mtime_ns


def _judged_result(folder: Path, base: TaskResult) -> TaskResult | None:
    """Return the newest judgements of a task in a folder tree that are not of another model."""
    begin = f"{JUDGED}{base.task}"
    # One task's name may begin another's; what follows it is a time, which has no underscore.
    named = [p for p in folder.rglob(f"{begin}_*.json") if p.stem.rpartition("_")[0] == begin]
    for path in sorted(named, key=_age, reverse=True):
        judged = _newest([path]).get(base.task)
        # Files of before, and those of bare responses, name no model.
        if judged is not None and judged.model in ("", base.model):
            return judged
    return None


def _newest(paths: Sequence[Path]) -> dict[str, TaskResult]:
    """Return the first result of each task in files from the newest to the oldest."""
    tasks: dict[str, TaskResult] = {}
    for file in map(ResultsFile, paths):
        for task in file.tasks:
            if task not in tasks:
                tasks[task] = file.result(task)
            elif file.model != tasks[task].model:
                alarm = (
                    f"{file.path} holds results of another model, {file.model}, and is older: "
                    "not used"
                )
                tasks[task] = replace(tasks[task], alarms=(*tasks[task].alarms, alarm))
    return tasks


# ---------------------------------------------------------------------------------- judgements


def _with_judgements(base: TaskResult, judged: TaskResult | None) -> TaskResult:
    """Return a result completed by a judged file, as far as both saw the same responses."""
    if judged is None:
        return base
    rows = {key: i for i, key in enumerate(judged.ids)}
    pairs = [
        (i, rows[key])
        for i, key in enumerate(base.ids)
        if key in rows and _same_responses(base.details[i], judged.details[rows[key]])
    ]
    if not pairs:
        alarm = (
            f"{judged.path} was ignored: none of its prompts has the responses of this run; judge "
            "them with `overton judge`"
        )
        return replace(base, alarms=(*base.alarms, alarm))
    return _merged(base, judged, pairs)


def _same_responses(own: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return own.get("sha") is not None and own.get("sha") == other.get("sha")


def _merged(base: TaskResult, judged: TaskResult, pairs: Sequence[tuple[int, int]]) -> TaskResult:
    """Return the base's result with the judged values of pairs of positions (base, judged)."""
    to, source = (list(own) for own in zip(*pairs, strict=True))
    values = dict(base.values)
    for name, own in judged.values.items():
        values[name] = np.full(len(base.ids), np.nan)
        values[name][to] = own[source]
    details = list(base.details)
    for i, j in pairs:
        details[i] = _joined(base.details[i], judged.details[j])
    return replace(
        base,
        values=values,
        higher_is_better={**base.higher_is_better, **judged.higher_is_better},
        details=tuple(details),
        alarms=(*base.alarms, *judged.alarms),
        judge=judged.judge or base.judge,
        judged=base.judged | judged.judged | frozenset(judged.values),
        bounds={**base.bounds, **judged.bounds},
    )


def _joined(own: Mapping[str, Any], judged: Mapping[str, Any]) -> dict[str, Any]:
    joined = {**own, **judged}
    if "verdicts" in own and "verdicts" in judged:
        joined["verdicts"] = {**own["verdicts"], **judged["verdicts"]}
    return joined

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

from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entry import Judging
from lm_eval_overton.runs.places import age
from lm_eval_overton.runs.results_file import ResultsFile, TaskResult

__all__ = ["FinishedRun", "Judging", "TaskResult", "load_run"]

RESULTS, JUDGED = "results_", "judged_"


@dataclass(frozen=True)
class FinishedRun:
    """A run folder: its name in tables, its place, and the newest result of each task."""

    name: str
    place: Path
    tasks: Mapping[str, TaskResult]


def load_run(place: str | Path, name: str | None = None) -> FinishedRun:
    """Return a finished run with the newest result of each of its tasks.

    Args:
        place: A folder with `results_*.json` at any depth, or one such file. Judgements are taken
            from the `judged_*.json` in the same folder tree that name the same model or none: per
            metric from the newest, and all from one judge.
        name: What tables call the run; default: the folder's name, or the model's of one file.

    Raises:
        DataError: If there are no results of overton tasks, those of several models, or a file that
            cannot be used.
    """
    path = Path(place)
    folder = path if path.is_dir() else path.parent
    tasks = _newest(_results_files(path))
    if not tasks:
        raise DataError(
            f"{path}: expected results of an overton task, got those of other tasks or of "
            "--predict_only alone; run `lm_eval --tasks 'overton_*' -o DIR`, or score responses "
            "with `overton score -o DIR`"
        )
    _refuse_several_models(path, tasks)
    complete = {
        task: _with_judgements(own, _judged_results(folder, own))
        for task, own in sorted(tasks.items())
    }
    return FinishedRun(name or _default_name(path, complete), path, complete)


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


# ---------------------------------------------------------------------------------- which files


def _results_files(place: Path) -> list[Path]:
    """Return the results files of a place, newest first."""
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise DataError(f"{place}: expected a run's folder or a results file, got nothing there")
    found = sorted(place.rglob(f"{RESULTS}*.json"), key=age, reverse=True)
    if not found:
        raise DataError(
            f"{place}: expected {RESULTS}*.json at any depth, got none; name the folder that was "
            "given as -o, or score the run's generations with `overton score ... -o DIR`"
        )
    return found


def _judged_results(folder: Path, base: TaskResult) -> list[TaskResult]:
    """Return the judgements of a task in a folder tree, oldest first, but of no other model."""
    begin = f"{JUDGED}{base.task}"
    # One task's name may begin another's; what follows it is a time, which has no underscore.
    named = [p for p in folder.rglob(f"{begin}_*.json") if p.stem.rpartition("_")[0] == begin]
    found = [_newest([path]).get(base.task) for path in sorted(named, key=age)]
    # Files of before, and those of bare responses, name no model.
    own = [one for one in found if one is not None and one.model in ("", base.model)]
    # A judge that was never there takes nothing away from one that was.
    return [one for one in own if _has_verdicts(one)] or own


def _has_verdicts(judged: TaskResult) -> bool:
    counts = judged.judge.counts.values() if judged.judge else ()
    return any(count.get("parsed") for count in counts)


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


def _with_judgements(base: TaskResult, files: Sequence[TaskResult]) -> TaskResult:
    """Return a result completed by judged files, as far as they saw the same responses.

    Args:
        base: The result.
        files: Its judged files, oldest first.
    """
    known = {judged.path: _same_prompts(base, judged) for judged in files}
    fitting = [judged for judged in files if known[judged.path]]
    if files and not fitting:
        alarm = (
            f"{files[-1].path} was ignored: none of its prompts has the responses of this run; "
            "judge them with `overton judge`"
        )
        return replace(base, alarms=(*base.alarms, alarm))
    for judged in fitting:
        base = _merged(_before(base, judged), judged, known[judged.path])
    return base


def _same_prompts(base: TaskResult, judged: TaskResult) -> list[tuple[int, int]]:
    """Return the positions, in base and judged, of the prompts with the same responses."""
    rows = {key: i for i, key in enumerate(judged.ids)}
    return [
        (i, rows[key])
        for i, key in enumerate(base.ids)
        if key in rows and _same_responses(base.details[i], judged.details[rows[key]])
    ]


def _before(base: TaskResult, judged: TaskResult) -> TaskResult:
    """Return a result without what its judged file replaces: all that another judge said."""
    old, new = base.judge, judged.judge
    if old is None or new is None:
        return base
    replaced = set(old.counts) & set(new.counts)
    if old.signature == new.signature:
        return replace(base, alarms=_without_verdict_alarms(base.alarms, replaced))
    alarms = _without_verdict_alarms(base.alarms, set(old.counts))
    lost = sorted(set(old.counts) - replaced)
    if lost:
        alarms += (
            f"{judged.path} is of another judge than the verdicts before it on {', '.join(lost)}, "
            "which do not count any more; judge all with one judge",
        )
    counted = {f"{name}_{status}" for name, own in old.counts.items() for status in own}
    gone = base.judged | counted
    return replace(
        base,
        values={name: own for name, own in base.values.items() if name not in gone},
        details=tuple({k: v for k, v in own.items() if k != "verdicts"} for own in base.details),
        alarms=alarms,
        judge=None,
        judged=frozenset(),
        bounds={name: own for name, own in base.bounds.items() if name not in gone},
    )


def _without_verdict_alarms(alarms: Sequence[str], judgements: set[str]) -> tuple[str, ...]:
    return tuple(text for text in alarms if text.partition(":")[0] not in judgements)


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
        judge=_joint(base.judge, judged.judge),
        judged=base.judged | judged.judged | frozenset(judged.values),
        bounds={**base.bounds, **judged.bounds},
    )


def _joint(own: Judging | None, judged: Judging | None) -> Judging | None:
    if own is None or judged is None:
        return judged or own
    return replace(judged, counts={**own.counts, **judged.counts})


def _joined(own: Mapping[str, Any], judged: Mapping[str, Any]) -> dict[str, Any]:
    joined = {**own, **judged}
    if "verdicts" in own and "verdicts" in judged:
        joined["verdicts"] = {**own["verdicts"], **judged["verdicts"]}
    return joined

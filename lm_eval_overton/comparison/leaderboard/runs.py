"""The finished runs below a folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entry import part_of
from lm_eval_overton.runs.finished import FinishedRun, load_run
from lm_eval_overton.runs.places import age

__all__ = ["find_runs"]


def find_runs(folder: str | Path) -> list[FinishedRun]:
    """Return a run for each model in each folder, at any depth, that holds results files.

    A run is called as its model is, with its folder if two models have one name. Files without
    results of overton tasks are passed over.

    Raises:
        DataError: If there are no results of overton tasks, or a file cannot be used.
    """
    top = Path(folder)
    groups: dict[tuple[Path, str], FinishedRun] = {}
    for path in sorted(filter(_is_ours, top.rglob("results_*.json")), key=age):
        run = load_run(path)
        model = next(iter(run.tasks.values())).model
        key = (path.parent, model)
        name = _model_name(model) or path.parent.name
        # Of several files the newest result of each task counts.
        earlier = groups[key].tasks if key in groups else {}
        groups[key] = FinishedRun(name, path.parent, {**earlier, **run.tasks})
    if not groups:
        raise DataError(
            f"{folder}: expected results_*.json of overton tasks at any depth, got none; name the "
            "folder that holds the runs' output folders"
        )
    return _distinctly_named(top, [groups[key] for key in sorted(groups)])


def _is_ours(path: Path) -> bool:
    """Return whether a file holds results of our tasks, or cannot be read.

    Raises:
        DataError: If it is of our tasks but without the values of their prompts.
    """
    try:
        configs = json.loads(path.read_text(encoding="utf-8"))["configs"].items()
        held = {task: part_of(config) for task, config in configs}
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError):
        # `load_run` says what is wrong with it.
        return True
    if any(part is not None for part in held.values()):
        return True
    named = ", ".join(task for task in held if task.startswith("overton_"))
    if named:
        raise DataError(
            f"{path}: expected the values of every prompt of {named}, got none; remove the file, "
            "or run the task again with this version"
        )
    return False


def _model_name(model: str) -> str:
    # A hub's name has an owner; where a checkpoint lies on one machine says nothing on another.
    return Path(model).name if Path(model).is_absolute() else model


def _distinctly_named(top: Path, runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    uses = Counter(run.name for run in runs)
    return [
        replace(run, name=f"{run.name} ({run.place.relative_to(top).as_posix()})")
        if uses[run.name] > 1
        else run
        for run in runs
    ]

"""The finished runs below a folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lm_eval_overton.metrics.measures import RANGES
from lm_eval_overton.runs.finished import FinishedRun, load_runs
from lm_eval_overton.runs.short_paths import short_model

__all__ = ["find_runs"]


def find_runs(folder: str | Path) -> list[FinishedRun]:
    """Return a run for each model in each folder, at any depth, that holds results files.

    A run is called as its model is, with its folder if two models have one name. Files without
    results of overton tasks are passed over, and with a warning those that cannot be used.

    Raises:
        DataError: If there are no results of overton tasks.
    """
    top = Path(folder)
    found = load_runs(top, RANGES).values()
    named = [replace(run, name=_model_name(run.name) or run.place.name) for run in found]
    return _distinctly_named(top, named)


def _model_name(model: str) -> str:
    # A hub's name has an owner; where a checkpoint lies on one machine says nothing on another.
    return Path(model).name if Path(model).is_absolute() else model


def _distinctly_named(top: Path, runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Return the runs, those of one name with the end of their models' paths, then their folders.

    The folder that the harness makes for a model repeats its path, and is the last resort.
    """
    for more in (_checkpoint, _folder, _whole_folder):
        uses = Counter(run.name for run in runs)
        runs = [
            replace(run, name=_with(run.name, more(top, run))) if uses[run.name] > 1 else run
            for run in runs
        ]
    return list(runs)


def _with(name: str, more: str) -> str:
    return f"{name} ({more})" if more else name


def _checkpoint(top: Path, run: FinishedRun) -> str:
    models = {own.model for own in run.tasks.values()}
    paths = sorted(model for model in models if Path(model).is_absolute())
    return short_model(paths[0]) if paths else ""


def _folder(top: Path, run: FinishedRun) -> str:
    folder = run.place.relative_to(top)
    made = folder.name.startswith("__")
    return (folder.parent if made else folder).as_posix()


def _whole_folder(top: Path, run: FinishedRun) -> str:
    return run.place.relative_to(top).as_posix()

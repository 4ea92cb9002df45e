"""Where things are: task and run configurations in a wheel or a checkout, the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_dir", "configs_folder", "task_files", "tasks_folder"]

_PACKAGE = Path(__file__).resolve().parents[1]


def _folder(name: str) -> Path:
    # A wheel carries these folders within the package; a checkout has them beside it.
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def tasks_folder() -> Path:
    """Return the folder to give to the harness's `--include_path`."""
    return _folder("tasks")


def task_files() -> list[Path]:
    """Return the file of each task, wherever it lies in the folder of tasks, in order of names."""
    found = (tasks_folder() / "overton").rglob("overton_*.yaml")
    return sorted(found, key=lambda path: path.stem)


def configs_folder() -> Path:
    """Return the folder of run settings for `lm_eval run --config`."""
    return _folder("configs")


def cache_dir() -> Path:
    """Return the folder under which runs are kept: `OVERTON_CACHE_DIR` or the user's cache."""
    given = os.environ.get("OVERTON_CACHE_DIR")
    if given:
        return Path(given).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lm_eval_overton"

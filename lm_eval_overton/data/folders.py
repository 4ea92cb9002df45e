"""Where the task and run configurations are, in a wheel and in a checkout."""

from __future__ import annotations

from pathlib import Path

__all__ = ["configs_folder", "tasks_folder"]

_PACKAGE = Path(__file__).resolve().parents[1]


def _folder(name: str) -> Path:
    # A wheel carries these folders within the package; a checkout has them beside it.
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def tasks_folder() -> Path:
    """Return the folder to give to the harness's `--include_path`."""
    return _folder("tasks")


def configs_folder() -> Path:
    """Return the folder of run settings for `lm_eval run --config`."""
    return _folder("configs")

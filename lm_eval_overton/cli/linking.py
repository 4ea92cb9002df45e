"""Stub files in the installed harness's own task folder, so that it finds ours by name."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.errors import LinkError
from lm_eval_overton.runs.lock import alone

__all__ = ["harness_folder", "link", "linked", "stubs_folder", "targets", "unlink"]

MARKER = "# Written by `overton link`, removed by `overton unlink`."
FOLDER = "overton"


def harness_folder() -> Path:
    """Return the installed harness's folder of tasks.

    Raises:
        LinkError: If lm_eval is not installed, or a stray folder hides it.
    """
    spec = importlib.util.find_spec("lm_eval")
    if spec is None:
        raise LinkError("expected lm_eval to be installed, got none; run `pip install lm-eval`")
    if spec.origin is None:
        where = ", ".join(spec.submodule_search_locations or [])
        raise LinkError(
            f"expected the lm_eval package, got a folder without __init__.py that hides it "
            f"({where}); remove that folder"
        )
    return Path(spec.origin).parent / "tasks"


def stubs_folder() -> Path:
    """Return the folder in the installed harness that holds our stubs, as our tasks lie in ours."""
    return harness_folder() / FOLDER


def _stub(path: Path) -> str:
    # A JSON string is a YAML string, whatever characters the path holds.
    return f"{MARKER}\ninclude: {json.dumps(str(path), ensure_ascii=False)}\n"


def _is_ours(path: Path) -> bool:
    return path.is_file() and path.read_bytes().startswith(MARKER.encode())


def _stubs(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.yaml")) if _is_ours(path)]


def linked() -> list[Path]:
    """Return our stubs in the installed harness, in alphabetical order."""
    return _stubs(stubs_folder())


def targets() -> dict[Path, Path]:
    """Return the task file that each of our stubs in the installed harness includes."""
    return {stub: _included(stub) for stub in linked()}


def _included(stub: Path) -> Path:
    """Return the file that a stub includes; one that is not there for a damaged stub."""
    try:
        content = yaml.safe_load(stub.read_text("utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError):
        content = None
    named = content.get("include") if isinstance(content, dict) else None
    return Path(str(named)) if named else stub / "damaged"


def link() -> list[Path]:
    """Write one stub per task file; those of another installation are replaced.

    Returns:
        The stubs that are there now.

    Raises:
        LinkError: If the harness cannot be written to, or a file of another origin is in the way.
    """
    target, tasks = stubs_folder(), tasks_folder() / FOLDER
    wanted = {target / path.relative_to(tasks): path for path in sorted(tasks.rglob("*.yaml"))}
    try:
        # Beside another process that unlinks, it is all or nothing.
        with alone(target.parent):
            target.mkdir(exist_ok=True)
            _require_no_foreign_file(wanted)
            for path, source in wanted.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, _stub(source))
            old = [path for path in _stubs(target) if path not in wanted]
            _remove([*old, *_left_behind(target)], target)
            return _stubs(target)
    except OSError as error:
        raise LinkError(
            f"expected to write to {target}, got {error.strerror or error}; run `lm_eval` with "
            f"`--include_path {tasks_folder()}` instead"
        ) from error


def _write(path: Path, text: str) -> None:
    # Another process may read the stub meanwhile: it is there as a whole or as it was.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _left_behind(folder: Path) -> list[Path]:
    """Return what killed processes left: while a lock is held, no other one is writing."""
    return [path for path in folder.rglob(".*.yaml.*") if path.suffix[1:].isdecimal()]


def _require_no_foreign_file(paths: Iterable[Path]) -> None:
    for path in paths:
        if path.exists() and not _is_ours(path):
            raise LinkError(
                f"expected no file of another origin at {path}, got one; remove it, or use "
                f"`--include_path {tasks_folder()}` instead of linking"
            )


def unlink() -> list[Path]:
    """Remove exactly the stubs that `link` wrote, and their folders if nothing else is in them.

    Returns:
        The stubs that were removed.

    Raises:
        LinkError: If the harness cannot be written to.
    """
    folder = stubs_folder()
    try:
        with alone(folder.parent):
            removed = _stubs(folder)
            _remove([*removed, *_left_behind(folder)], folder)
    except OSError as error:
        raise LinkError(
            f"expected to remove the stubs in {folder}, got {error.strerror or error}; remove "
            "them with the rights of the user who installed the harness"
        ) from error
    return removed


def _remove(stubs: Sequence[Path], folder: Path) -> None:
    """Remove stubs, and those of their folders and the folder of all that are empty then."""
    for stub in stubs:
        stub.unlink()
    within = {place for stub in stubs for place in stub.parents if place.is_relative_to(folder)}
    # What lies deeper comes first.
    for place in sorted(within | {folder}, reverse=True):
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()

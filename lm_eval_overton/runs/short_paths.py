"""Paths as files may show them that are handed on: without where they lie on one machine."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath, PureWindowsPath

__all__ = ["short_model", "short_path", "without_folders"]

ELSEWHERE = "..."
# An absolute path within a text, of two parts at least; neither an address nor a fraction.
_ABSOLUTE = re.compile(
    r"""(?<![\w/\\:.~<-])(?:~?/|[A-Za-z]:[\\/])[^\s/\\`'",;:()<>|]+(?:[\\/][^\s\\/`'",;()<>|]*)+"""
)
# The folder that the harness calls after a model whose name is a path.
_OF_MODEL = re.compile(r"(^|[/\\])__[^/\\]*__([^/\\]+)")


def short_path(path: str | Path) -> str:
    """Return a path as seen from where the command runs, or else its last parts."""
    text = str(path)
    if _is_absolute(text):
        text = _below_here(text) or f"{ELSEWHERE}/{_last_parts(text)}"
    return _OF_MODEL.sub(rf"\1{ELSEWHERE}__\2", text)


def _below_here(text: str) -> str | None:
    try:
        here = Path.cwd()
        # Seen from the root, all is within.
        return Path(text).relative_to(here).as_posix() if here.name else None
    except (ValueError, OSError):
        return None


def short_model(model: str) -> str:
    """Return a model's name; of a checkpoint's path the last parts."""
    return _last_parts(model) if _is_absolute(model) else model


def without_folders(text: str) -> str:
    """Return a text with its absolute paths cut short."""
    return _ABSOLUTE.sub(lambda path: short_path(path[0]), text)


def _is_absolute(text: str) -> bool:
    is_of_home = text.startswith(("~/", "~\\"))
    return is_of_home or PurePosixPath(text).is_absolute() or PureWindowsPath(text).is_absolute()


def _last_parts(text: str) -> str:
    parts = [part for part in re.split(r"[\\/]", text) if part]
    # What is as short begins at the root.
    return "/".join(parts[-2:] if len(parts) > 3 else parts[-1:]) or text

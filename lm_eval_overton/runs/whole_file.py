"""Files that are there as a whole or not at all."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lm_eval_overton.errors import DataError

__all__ = [
    "require_folder",
    "require_place",
    "whole_folder",
    "whole_text",
    "why_unwritable",
    "write_whole",
]

# Unlike an empty file, so much shows a disk that is full.
TRIED = bytes(65536)
# Nothing that is written takes as long: whoever began it was killed.
STALE_S = 86400.0
_PARTIAL = re.compile(r"\.[0-9a-f]{8}\.partial")


def why_unwritable(path: Path) -> str | None:
    """Return why a file could not be written; None if it could."""
    try:
        if path.exists() and not path.is_file():
            return "a folder or a device"
        # A link that leads nowhere is in the way of a folder.
        there = (own for own in path.absolute().parents if own.exists() or own.is_symlink())
        above = next(there)
        if not above.is_dir():
            return f"{above}, which is no folder"
        _try(above)
    except (OSError, ValueError) as error:
        return _reason(error)
    return None


def require_place(path: Path) -> None:
    """Look, before the work on its content begins, whether a file can be written.

    Raises:
        DataError: If the path names a folder or a device, or its folder cannot be made or written.
    """
    why = why_unwritable(path)
    if why:
        raise _unwritable(path, why)


def require_folder(folder: Path) -> None:
    """Make a folder if it is not there, and look whether files can be written into it.

    Raises:
        DataError: If not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _try(folder)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder}: expected a folder that can be written to, got {_reason(error)}; name "
            "another"
        ) from error


def _try(folder: Path) -> None:
    # Rights alone do not tell: a file system may refuse what they allow, or be full.
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(TRIED)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name, then give it its own: it is never there by half.

    Raises:
        DataError: If it cannot be written.
    """
    require_place(path)
    try:
        with _partial(path.parent) as partial:
            partial.write_bytes(content)
            partial.replace(path)
    except (OSError, ValueError) as error:
        raise _unwritable(path, _reason(error)) from error


@contextmanager
def whole_text(path: Path) -> Iterator[IO[str]]:
    """Open a file to be written; it has its name once it is complete.

    Raises:
        OSError: If it cannot be written.
    """
    with _partial(path.parent) as partial:
        # Half of a surrogate pair has no UTF-8: as an escape it is valid JSON and is read back.
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
            yield file
        partial.replace(path)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder within a folder; it is gone afterwards, with what was left in it.

    Raises:
        OSError: If it cannot be made.
    """
    with _partial(folder) as partial:
        partial.mkdir()
        yield partial


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    """Yield a path in a folder, which is made, for what is removed if it still is there at the
    end."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    # The name says nothing of the file's own, which may be as long as a name can be.
    partial = folder / f".{secrets.token_hex(4)}.partial"
    try:
        yield partial
    finally:
        _remove(partial)


def _sweep(folder: Path) -> None:
    """Remove what killed processes left."""
    with suppress(OSError):
        for path in folder.iterdir():
            named = _PARTIAL.fullmatch(path.name)
            if named and path.lstat().st_mtime < time.time() - STALE_S:
                _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _unwritable(path: Path, got: str) -> DataError:
    return DataError(f"{path}: expected a file that can be written, got {got}; name another")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)

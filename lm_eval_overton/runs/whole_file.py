"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from lm_eval_overton.errors import DataError

__all__ = ["require_folder", "require_place", "write_whole"]


def require_place(path: Path) -> None:
    """Look, before the work on its content begins, whether a file can be written.

    Raises:
        DataError: If the path names a folder or a device, or its folder cannot be made.
    """
    try:
        if path.exists() and not path.is_file():
            raise _unwritable(path, "a folder or a device")
        above = next(folder for folder in path.absolute().parents if folder.exists())
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error
    if not above.is_dir():
        raise _unwritable(path, f"{above}, which is no folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise _unwritable(path, f"{above}, which is write-protected")


def require_folder(folder: Path) -> None:
    """Make a folder if it is not there, and look whether files can be written into it.

    Raises:
        DataError: If not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Rights alone do not tell: a file system may refuse what they allow.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{folder}: expected a folder that can be written to, got {reason}; name another"
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name, then give it its own: it is never there by half.

    Raises:
        DataError: If it cannot be written.
    """
    require_place(path)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise _unwritable(path, error.strerror or str(error)) from error


def _unwritable(path: Path, got: str) -> DataError:
    return DataError(f"{path}: expected a file that can be written, got {got}; name another")

"""One process at a time: what two would spoil together."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["alone"]


@contextmanager
def alone(place: Path, *, wait: bool = True) -> Iterator[bool]:
    """Hold a file or a folder for this process; it is free again at the process's end.

    Where a system or its file system has no such locks, nothing is held.

    Args:
        place: A file or a folder that is there.
        wait: Whether to wait for another process that holds it.

    Yields:
        Whether no other process holds it.
    """
    try:
        fcntl = importlib.import_module("fcntl")
        held = os.open(place, os.O_RDONLY)
    except (ImportError, OSError):
        yield True
        return
    try:
        yield _lock(fcntl, held, wait)
    finally:
        os.close(held)


def _lock(fcntl: object, held: int, wait: bool) -> bool:
    exclusive, at_once = fcntl.LOCK_EX, fcntl.LOCK_NB  # type: ignore[attr-defined]
    try:
        fcntl.flock(held, exclusive if wait else exclusive | at_once)  # type: ignore[attr-defined]
    except BlockingIOError:
        return False
    except OSError:
        # A file system of the network may know no locks.
        return True
    return True

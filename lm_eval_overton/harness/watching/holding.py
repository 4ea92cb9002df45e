"""One watcher at a time in a folder, on one machine or on several that share it."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.watching.weights import read_object
from lm_eval_overton.runs.lock import alone

__all__ = ["BEAT_S", "held"]

# A watcher at work gives a sign of life so often; one without any for so long is dead.
BEAT_S, DEAD_S = 5.0, 60.0


@contextmanager
def held(file: Path) -> Iterator[Callable[[], None]]:
    """Hold a folder by a file in it that says who does.

    What a watcher that was killed left is taken over.

    Args:
        file: Made if it is not there.

    Yields:
        What is to be called every `BEAT_S` seconds, as a sign of life for other machines.

    Raises:
        SettingsError: If another watcher holds it.
    """
    file.touch()
    with alone(file, wait=False) as is_free:
        # Locks may end at a machine's border, or not be known at all.
        if not is_free or _lives(file):
            raise _busy(file)
        own = {"pid": os.getpid(), "host": socket.gethostname()}
        file.write_text(json.dumps(own), encoding="utf-8")
        try:
            yield lambda: _beat(file)
        finally:
            with suppress(OSError):
                file.write_text("", encoding="utf-8")


def _beat(file: Path) -> None:
    with suppress(OSError):
        os.utime(file)


def _lives(file: Path) -> bool:
    """Return whether the watcher that a file names is at work.

    A clock of another machine is not compared with: its sign of life is waited for.
    """
    other = read_object(file)
    if not other or (other.get("host") == socket.gethostname() and _is_gone(other.get("pid"))):
        return False
    before, end = file.stat().st_mtime_ns, time.monotonic() + DEAD_S
    while time.monotonic() < end:
        time.sleep(min(0.2, DEAD_S))
        if file.stat().st_mtime_ns != before:
            return True
    return False


def _is_gone(pid: object) -> bool:
    # Where every start has the same number, as in containers, it is this process.
    if type(pid) is not int or pid <= 0 or pid == os.getpid():
        return True
    if os.name != "posix":
        # Elsewhere the same call would end it.
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _busy(file: Path) -> SettingsError:
    other = read_object(file)
    who = f"pid {other['pid']} on {other.get('host')}" if "pid" in other else "of another process"
    return SettingsError(
        f"{file.parent}: expected no other watcher, got one ({who}); end it first, or name "
        "another -o"
    )

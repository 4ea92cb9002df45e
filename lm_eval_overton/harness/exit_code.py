"""A command of the harness that wrote all it has, and is to end as a failure all the same."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["FAILED", "fail_at_the_end"]

FAILED = 2

_lines: list[str] = []
_registered_later: list[Callable[..., Any]] = []


def fail_at_the_end(line: str) -> None:
    """Let the program end with exit code 2, after everything else, and say why.

    The harness ends with 0 whatever its tasks say, and what a task raises costs its results.
    """
    if not _lines:
        atexit.register(_end)
        atexit.register = _remembering(atexit.register)
    _lines.append(line)


def _remembering(register: Any) -> Any:
    """Return what registers a function, and remembers that it did so after `_end`."""

    def remember(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        _registered_later.append(function)
        return register(function, *args, **kwargs)

    return remember


def _end() -> None:
    for line in _lines:
        print(f"error: {line}", file=sys.stderr)
    # What was registered later has been done by now, and would be done once more.
    for function in (_end, *_registered_later):
        atexit.unregister(function)
    # What was registered before is done before the end.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(FAILED)

"""A command of the harness that wrote all it has, and is to end as a failure all the same."""

from __future__ import annotations

import atexit
import os
import sys

__all__ = ["FAILED", "fail_at_the_end"]

FAILED = 2

_lines: list[str] = []


def fail_at_the_end(line: str) -> None:
    """Let the program end with exit code 2, after everything else, and say why.

    The harness ends with 0 whatever its tasks say, and what a task raises costs its results.
    """
    if not _lines:
        atexit.register(_end)
    _lines.append(line)


def _end() -> None:
    # What others registered to be done at the end is done before.
    atexit.unregister(_end)
    atexit._run_exitfuncs()
    for line in _lines:
        print(f"error: {line}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(FAILED)

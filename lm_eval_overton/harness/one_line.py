"""A user's error ends `lm_eval` with one line instead of a traceback."""

from __future__ import annotations

import sys
from typing import Any

from lm_eval_overton.errors import OvertonError

__all__ = ["print_own_errors_in_one_line"]


def print_own_errors_in_one_line() -> None:
    """Let a user's error end the program with one line instead of a traceback."""
    previous = sys.excepthook
    if getattr(previous, "_overton", False):
        return

    def hook(kind: Any, error: BaseException, trace: Any) -> None:
        if isinstance(error, OvertonError):
            print(f"error: {error}", file=sys.stderr)
        else:
            previous(kind, error, trace)

    hook._overton = True  # type: ignore[attr-defined]
    sys.excepthook = hook

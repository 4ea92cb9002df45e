"""A user's error ends `lm_eval` with one line instead of a traceback."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Any

from lm_eval_overton.errors import OvertonError
from lm_eval_overton.settings.shown import in_a_line

__all__ = ["print_own_errors_in_one_line"]

DUPLICATE = re.compile(r"Duplicate task '(overton_\w+)': found in both '(\w+)' and '(\w+)'")
# Where the harness talks to servers, and what the libraries raise that it does so with.
CLIENTS = "api_models.py"
# Where our own requests are sent.
SENDER = "sending.py"
LIBRARIES = {"aiohttp", "requests", "urllib3", "tenacity"}


def print_own_errors_in_one_line() -> None:
    """Let a user's error end the program with one line instead of a traceback."""
    previous = sys.excepthook
    if getattr(previous, "_overton", False):
        return

    def hook(kind: Any, error: BaseException, trace: Any) -> None:
        line = in_one_line(error, trace)
        if line is None:
            previous(kind, error, trace)
        else:
            print(f"error: {in_a_line(line)}", file=sys.stderr)
            # What else was under way fails too, and would be shown with tracebacks at the end.
            logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    hook._overton = True  # type: ignore[attr-defined]
    sys.excepthook = hook


def in_one_line(error: BaseException, trace: TracebackType | None) -> str | None:
    """Return what to say of an error that a user can mend; None for any other."""
    if isinstance(error, OvertonError):
        return str(error)
    if isinstance(error, KeyboardInterrupt) and _passed(trace, SENDER):
        return "interrupted; with `--use_cache FILE` the same command asks only for what is missing"
    duplicate = DUPLICATE.match(str(error)) if isinstance(error, ValueError) else None
    if duplicate:
        task, *sources = duplicate.groups()
        group = next((name for name in sources if name != task), sources[0])
        return (
            f"--tasks: expected every task once, got {task} beside {group}, which has it too; name "
            "one of them"
        )
    if _is_of_network(error) and _passed(trace, CLIENTS):
        text = " ".join(str(error).split())
        return (
            f"expected an answer of the model's server, got {type(error).__name__}"
            f"{': ' + text if text else ''}; see base_url in --model_args and what the log says "
            "above (with `--use_cache FILE` the same command asks only for what is missing)"
        )
    return None


def _is_of_network(error: BaseException) -> bool:
    library = type(error).__module__.partition(".")[0]
    return library in LIBRARIES or isinstance(error, ConnectionError | TimeoutError)


def _passed(trace: TracebackType | None, file: str) -> bool:
    return any(frame.filename.endswith(file) for frame in traceback.extract_tb(trace))

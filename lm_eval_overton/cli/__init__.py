"""The `overton` command: parses arguments and calls."""

from __future__ import annotations

import argparse
import io
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from lm_eval_overton.cli import (
    comparing,
    judging,
    listing,
    recovering,
    scoring,
    setup,
    surveys,
    watching,
)
from lm_eval_overton.errors import OvertonError
from lm_eval_overton.settings.credentials import without_keys
from lm_eval_overton.settings.shown import clean_logs, clean_output, in_a_line, printable
from lm_eval_overton.version import __version__

__all__ = ["main"]

ERROR = 2
# What a shell shows of a process that wrote into a closed pipe.
PIPE_CLOSED = 141
# And of one that was ended with Ctrl-C.
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code: 0, or 2 for an error.

    `compare --fail-on`, `watch --fail-on` and `leaderboard --check` return 1 if something failed,
    and nothing else does.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Names and texts may hold what a terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    args = _parser().parse_args(argv)
    clean_logs()
    try:
        with clean_output():
            return _run(args)
    finally:
        _drop_unwritable()


def _run(args: argparse.Namespace) -> int:
    try:
        code = args.run(args)
        print(end="", flush=True)
    except BrokenPipeError:
        # Whoever reads the output has enough of it.
        return PIPE_CLOSED
    except KeyboardInterrupt:
        _failed("error: interrupted; what was written is kept")
        return INTERRUPTED
    except (OvertonError, OSError) as error:
        return _failed(f"error: {in_a_line(error)}")
    except Exception:
        return _failed(printable(without_keys(traceback.format_exc())))
    return code or 0


def _failed(why: str) -> int:
    with suppress(OSError):
        print(why, file=sys.stderr)
    return ERROR


def _drop_unwritable() -> None:
    """Let the interpreter's end not fail once more, with a code of its own, on what could not
    be written."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="overton",
        description="Response diversity and Overton pluralism with lm-evaluation-harness.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    modules = (setup, scoring, judging, comparing, recovering, watching, surveys, listing)
    for module in modules:
        module.add(commands)
    return parser

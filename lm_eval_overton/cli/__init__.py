"""The `overton` command: parses arguments and calls."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lm_eval_overton import __version__
from lm_eval_overton.cli import comparing, judging, scoring, setup
from lm_eval_overton.errors import OvertonError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code: 0, or 2 for a user's error.

    `compare --fail-on` returns 1 if something failed.
    """
    args = _parser().parse_args(argv)
    try:
        code = args.run(args)
    except OvertonError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="overton",
        description="Response diversity and Overton pluralism with lm-evaluation-harness.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (setup, scoring, judging, comparing):
        module.add(commands)
    return parser

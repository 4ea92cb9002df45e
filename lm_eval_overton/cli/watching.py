"""The command that evaluates the checkpoints of a training run as they appear."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lm_eval_overton.cli.arguments import add_command

__all__ = ["add"]

LOCK = "watcher.json"
EVERY_S = 30.0
# How the names of our tasks begin, and that of their group.
OURS = "overton"


def add(commands: Any) -> None:
    """Add the command."""
    watch = add_command(
        commands,
        "watch",
        _watch,
        "evaluate checkpoints as they appear, and show the trend",
        "overton watch checkpoints -o runs/trend --fail-on 'semantic_diversity<-0.05' -- "
        "--tasks overton_diversity --batch_size 16",
    )
    watch.usage = "overton watch CHECKPOINTS -o DIR [options] -- [options of lm_eval run]"
    watch.add_argument("folder", type=Path, metavar="CHECKPOINTS", help="what holds their folders")
    watch.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="for results and the page"
    )
    watch.add_argument(
        "--base", help="the zero line: a checkpoint or a finished run (default: the first one)"
    )
    watch.add_argument("--once", action="store_true", help="end when what is there is evaluated")
    watch.add_argument(
        "--every",
        type=float,
        default=EVERY_S,
        metavar="SECONDS",
        help=f"look this often (default: {EVERY_S:g})",
    )
    watch.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="METRIC<BOUND",
        help="end with 1 at the first checkpoint whose change from the base lies wholly beyond",
    )
    watch.add_argument("--force", action="store_true", help="compare whatever the settings")
    watch.add_argument(
        "--harness",
        metavar="COMMAND",
        help="e.g. 'accelerate launch -m lm_eval' (default: lm_eval)",
    )
    watch.set_defaults(options=[])
    # What follows the sign is the harness's; argparse would take it for further arguments of ours.
    watch.parse_known_args = _before_the_sign(watch.parse_known_args)  # type: ignore[method-assign]


def _before_the_sign(parse: Callable[..., Any]) -> Callable[..., Any]:
    def parsed(args: list[str], namespace: Any = None) -> Any:
        at = args.index("--") if "--" in args else len(args)
        found, rest = parse(args[:at], namespace)
        found.options = args[at + 1 :]
        return found, rest

    return parsed


def _watch(args: argparse.Namespace) -> int:
    from lm_eval_overton.cli.watcher import Watcher
    from lm_eval_overton.comparison.fail_on import require_readable
    from lm_eval_overton.comparison.trends import Pairing
    from lm_eval_overton.errors import SettingsError
    from lm_eval_overton.harness.check import check
    from lm_eval_overton.harness.watching.checkpoints import Checkpoints
    from lm_eval_overton.harness.watching.evaluation import Evaluations
    from lm_eval_overton.harness.watching.holding import held
    from lm_eval_overton.harness.watching.options import read_options
    from lm_eval_overton.reporting.svg import require_matplotlib
    from lm_eval_overton.runs.whole_file import require_folder

    if args.output.resolve() == args.folder.resolve():
        raise SettingsError(f"-o: expected a folder beside the checkpoints, got {args.output}")
    if not args.every > 0:
        raise SettingsError(f"--every: expected a number above 0, got {args.every:g}")
    require_readable(args.fail_on)
    require_matplotlib()
    options = read_options(args.options, args.harness)
    # What would fail at the first checkpoint, which may be hours away, is said now.
    for task in options.tasks:
        if task.startswith(OURS):
            list(check([task], options.metadata))
    require_folder(args.output)
    with held(args.output / LOCK) as beat:
        watcher = Watcher(
            args,
            Checkpoints(args.folder),
            Evaluations(args.output, options),
            Pairing(args.force),
            beat,
        )
        return watcher.run()

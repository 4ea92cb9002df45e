"""Commands that hold runs against the paper: its own tables, and how much comes back in context."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lm_eval_overton.cli.arguments import STOPS, add_command, add_forms

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the commands."""
    _add_replicate(commands)
    _add_recover(commands)


def _add_replicate(commands: Any) -> None:
    again = add_command(
        commands,
        "replicate",
        _replicate,
        "the paper's tables from its own data",
        "overton replicate paper_data -o tables.md",
    )
    again.add_argument("folder", type=Path, metavar="DATA_DIR", help="the released outputs")
    again.add_argument(
        "--encoder", help="of the cosines; '' measures words alone (default: the tasks' encoder)"
    )
    again.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the tables (default: printed)"
    )
    again.add_argument("--json", action="store_true", help="all numbers, as JSON")


def _add_recover(commands: Any) -> None:
    recover = add_command(
        commands,
        "recover",
        _recover,
        "how much of an aligned model comes back",
        "overton recover icl=runs/icl --reference runs/chat --floor runs/base",
    )
    recover.add_argument("runs", nargs="+", metavar="RUN", help="NAME=PLACE, or a place")
    recover.add_argument(
        "--reference", required=True, metavar="REF", help="the aligned model's overton_diversity"
    )
    recover.add_argument(
        "--floor", required=True, metavar="RUN", help="the base model's overton_icl_zeroshot"
    )
    recover.add_argument("--peer", metavar="RUN", help="another aligned model, to compare with")
    recover.add_argument(
        "--prompts",
        help="file of the prompts, for responses without them (default: what the responses say)",
    )
    recover.add_argument(
        "--stop", action="append", help=f"cut responses here, not the reference's {STOPS}"
    )
    recover.add_argument(
        "--reference-stop", action="append", help=f"cut the reference's responses here {STOPS}"
    )
    recover.add_argument("--encoder", help="for the cosine (default: the tasks' encoder)")
    add_forms(recover)


def _replicate(args: argparse.Namespace) -> None:
    from lm_eval_overton.replicate import as_json, as_markdown, replicate
    from lm_eval_overton.runs.whole_file import require_place, write_whole

    if args.output:
        require_place(args.output)
    found = replicate(args.folder, args.encoder)
    text = as_json(found) if args.json else as_markdown(found)
    if args.output:
        write_whole(args.output, f"{text}\n".encode("utf-8", "backslashreplace"))
        print(f"written to {args.output}")
    else:
        print(text)


def _recover(args: argparse.Namespace) -> None:
    from lm_eval_overton.comparison.recover import recover
    from lm_eval_overton.data import load_prompts
    from lm_eval_overton.reporting.tables import recovered
    from lm_eval_overton.runs.answers import read_run
    from lm_eval_overton.runs.responses import DEFAULT_TASK
    from lm_eval_overton.text.encoder import get_encoder
    from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, find_encoder

    prompts = load_prompts(args.prompts) if args.prompts else None
    encoder = get_encoder(find_encoder(args.encoder or DEFAULT_ENCODER))
    runs = [read_run(run, prompts, args.stop) for run in args.runs]
    floor = read_run(args.floor, prompts, args.stop, "overton_icl_zeroshot")
    peer = read_run(args.peer, prompts, args.stop, DEFAULT_TASK) if args.peer else None
    reference = read_run(args.reference, prompts, args.reference_stop, DEFAULT_TASK).samples
    rows = recover(runs, reference, floor, peer, encoder)
    print(getattr(recovered, f"as_{args.form or 'markdown'}")(rows))

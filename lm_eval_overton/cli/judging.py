"""Commands that ask a judge."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_overton.cli.arguments import (
    PROMPTS,
    STOPS,
    add_command,
    add_metadata,
    json_or_path,
    stops,
)
from lm_eval_overton.errors import SettingsError

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the commands."""
    judge = add_command(
        commands,
        "judge",
        _judge,
        "add a judge's metrics to a finished run",
        "overton judge runs/chat --judge judge.yaml --dry-run",
    )
    judge.add_argument(
        "place", type=Path, metavar="RUN_DIR", help="a run's folder, samples or generations file"
    )
    judge.add_argument(
        "--judge", type=json_or_path, help="JSON object or YAML file (default: the run's)"
    )
    judge.add_argument("--task", help="default: all tasks of the run with judged metrics")
    judge.add_argument("--prompts", help=PROMPTS)
    judge.add_argument("--dry-run", action="store_true", help="say what it would send and cost")
    judge.add_argument(
        "--prices", type=Path, help="YAML or JSON, per million tokens, for --dry-run"
    )
    judge.add_argument(
        "--retry-unreadable", action="store_true", help="ask again where replies cannot be read"
    )
    judge.add_argument("--yes", action="store_true", help="send to the address that the run names")
    add_metadata(judge)
    calibrate = add_command(
        commands,
        "calibrate",
        _calibrate,
        "compare a judge with existing labels",
        "overton calibrate --judgement stance --responses answers.jsonl --labels labels.jsonl "
        "--judge judge.yaml",
    )
    calibrate.add_argument(
        "--judgement", type=_judgement, required=True, help="stance, say; a wrong name lists all"
    )
    for name, of in (("responses", "what was judged"), ("labels", "what people said of it")):
        calibrate.add_argument(
            f"--{name}",
            action="append",
            required=True,
            metavar="[MODEL=]FILE",
            help=f"{of} (again for several models)",
        )
    calibrate.add_argument(
        "--judge", type=json_or_path, required=True, help="JSON object or YAML file"
    )
    calibrate.add_argument("--prompts", help=PROMPTS)
    calibrate.add_argument("--stop", action="append", help=f"cut responses here {STOPS}")
    calibrate.add_argument("--reference", metavar="RUN", help="for missing and equivalence")
    calibrate.add_argument(
        "--reference-stop", action="append", help=f"cut the reference's responses here {STOPS}"
    )
    calibrate.add_argument("--repeats", type=int, default=1, help="ask each question so often")
    calibrate.add_argument("--limit", type=int, help="the first prompts alone (default: all)")
    calibrate.add_argument("--json", action="store_true", help="all numbers, as JSON")


def _judgement(text: str) -> str:
    # What declares the judgements takes longer to import than most commands take.
    from lm_eval_overton.judge.judgements import CALIBRATED

    if text not in CALIBRATED:
        choices = ", ".join(map(repr, CALIBRATED))
        raise argparse.ArgumentTypeError(f"invalid choice: {text!r} (choose from {choices})")
    return text


def _judge(args: argparse.Namespace) -> None:
    from lm_eval.utils import make_table

    from lm_eval_overton.errors import ScoringError
    from lm_eval_overton.harness.judging import run as judge_run
    from lm_eval_overton.harness.readable import readable
    from lm_eval_overton.settings.task import refuse_unknown

    refuse_unknown(args.metadata, "judge")
    given = {**args.metadata, **({"judge": args.judge} if args.judge else {})}
    if args.dry_run:
        for line in judge_run.dry_run(args.place, args.task, given, args.prompts, args.prices):
            print(line)
        return
    silent: dict[str, Mapping[str, int]] = {}
    for results in judge_run.judge_run(
        args.place,
        args.task,
        given,
        args.prompts,
        trusting=args.yes,
        retry_unreadable=args.retry_unreadable,
    ):
        print(make_table(readable(results)))
        print(f"written to {results['path']}")
        silent |= judge_run.without_verdict(results)
    if silent:
        raise ScoringError("; ".join(_no_verdict(task, own) for task, own in silent.items()))


def _no_verdict(task: str, counts: Mapping[str, int]) -> str:
    """Return what became of the verdicts of a task, and what to do."""
    became = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    remedy = "run the same command again"
    if not counts["failed"]:
        remedy = "give another judge, more max_tokens, or --retry-unreadable"
    return (
        f"{task}: expected verdicts, got none ({became or 'nothing was asked'}); see the log for "
        f"why, then {remedy}"
    )


def _calibrate(args: argparse.Namespace) -> None:
    from lm_eval_overton.harness.judging.calibrate import calibrate_run
    from lm_eval_overton.judge.calibration import as_json, as_lines

    found = calibrate_run(
        args.judgement,
        _labelled(args.responses, args.labels),
        args.judge,
        prompts=args.prompts,
        stops=stops(args.stop),
        reference=args.reference,
        reference_stops=stops(args.reference_stop),
        repeats=args.repeats,
        limit=args.limit,
    )
    if args.json:
        print(json.dumps([as_json(one) for one in found], indent=2, allow_nan=False))
        return
    for one in found:
        print("\n".join([*as_lines(one), ""]))


def _labelled(responses: Sequence[str], labels: Sequence[str]) -> list[Any]:
    """Return the responses files with their labels, by model or else by position."""
    from lm_eval_overton.harness.judging.calibrate import Labelled
    from lm_eval_overton.runs.places import parse_run

    if len(responses) != len(labels):
        raise SettingsError(
            f"calibrate: expected one --labels for each --responses, got {len(labels)} and "
            f"{len(responses)}"
        )
    pairs = []
    for response, label in zip(responses, labels, strict=True):
        path, name = parse_run(response)
        pairs.append(Labelled(name or path.stem, path, parse_run(label)[0]))
    return pairs

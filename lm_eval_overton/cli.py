"""The `overton` command: parses arguments and calls."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval_overton import __version__
from lm_eval_overton.errors import OvertonError, SettingsError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the process's exit code: 0, or 2 for a user's error."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except OvertonError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="overton",
        description="Response diversity and Overton pluralism with lm-evaluation-harness.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "link", _link, "let the installed lm_eval find the tasks by name")
    _add(commands, "unlink", _unlink, "undo `overton link`")
    _add(commands, "tasks-path", _tasks_path, "print the folder for `lm_eval --include_path`")
    _add(commands, "doctor", _doctor, "say what is installed, linked and would be used")
    check = _add(commands, "check", _check, "check prompts and settings without a model")
    check.add_argument("--tasks", default="overton_*", help="names or patterns, by comma")
    _add_metadata(check)
    score = _add(commands, "score", _score, "score responses that exist already")
    score.add_argument("responses", type=Path, metavar="RESPONSES.jsonl")
    score.add_argument("--task", default="overton_diversity")
    score.add_argument("--prompts", help="file of the prompts that were answered")
    score.add_argument(
        "--stop", action="append", help="cut responses here (again for several; '' for none)"
    )
    score.add_argument("--name", help="what the results call the model (default: the file's name)")
    score.add_argument("--reference", metavar="RUN", help="a reference run to compare units with")
    score.add_argument(
        "--reference-stop", action="append", help="cut the reference's responses here"
    )
    score.add_argument("-o", "--output", type=Path, metavar="DIR")
    _add_metadata(score)
    judge = _add(commands, "judge", _judge, "add a judge's metrics to a finished run")
    judge.add_argument(
        "place", type=Path, metavar="RUN_DIR", help="a run's folder, samples or generations file"
    )
    judge.add_argument("--judge", type=_json_or_path, help="JSON object or YAML file")
    judge.add_argument("--task", help="default: all tasks of the run with judged metrics")
    judge.add_argument("--prompts", help="file of the prompts that were answered")
    judge.add_argument("--dry-run", action="store_true", help="say what it would send and cost")
    judge.add_argument("--prices", type=Path, help="YAML or JSON, per million tokens")
    _add_metadata(judge)
    calibrate = _add(commands, "calibrate", _calibrate, "compare a judge with existing labels")
    calibrate.add_argument(
        "--judgement", required=True, choices=("quality", "stance", "missing", "equivalence")
    )
    for name in ("responses", "labels"):
        calibrate.add_argument(
            f"--{name}",
            action="append",
            required=True,
            metavar="[MODEL=]FILE",
            help="again for several models",
        )
    calibrate.add_argument("--judge", type=_json_or_path, required=True)
    calibrate.add_argument("--prompts", help="file of the prompts that were answered")
    calibrate.add_argument("--stop", action="append", help="cut responses here")
    calibrate.add_argument("--reference", metavar="RUN", help="for missing and equivalence")
    calibrate.add_argument("--reference-stop", action="append")
    calibrate.add_argument("--repeats", type=int, default=1, help="ask each question so often")
    calibrate.add_argument("--limit", type=int, help="the first prompts alone")
    calibrate.add_argument("--json", action="store_true")
    matcher = _add(commands, "matcher", _matcher, "measure a viewpoint matcher on gold responses")
    _add_metadata(matcher)
    hints = _add(commands, "hints", _hints, "let a model summarise reference responses")
    hints.add_argument("--responses", type=Path, required=True, metavar="REF")
    hints.add_argument("--model", required=True, help="a model of the harness, e.g. hf")
    hints.add_argument("--model_args", default="", help="its arguments, as for lm_eval")
    hints.add_argument("--apply_chat_template", action="store_true")
    hints.add_argument("-o", "--output", type=Path, required=True, metavar="HINTS.jsonl")
    recover = _add(commands, "recover", _recover, "how much of an aligned model comes back")
    recover.add_argument("runs", nargs="+", metavar="RUN", help="NAME=PLACE, or a place")
    recover.add_argument("--reference", required=True, metavar="REF")
    recover.add_argument("--floor", required=True, metavar="RUN")
    recover.add_argument("--peer", metavar="RUN")
    recover.add_argument("--prompts", help="file of the prompts, for responses without them")
    recover.add_argument("--stop", action="append", help="cut responses here (not the reference's)")
    recover.add_argument("--reference-stop", action="append")
    recover.add_argument("--encoder", help="for the cosine")
    form = recover.add_mutually_exclusive_group()
    for name in ("json", "markdown", "csv"):
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name)
    demo = _add(commands, "demo", _demo, "train two tiny checkpoints to try things with")
    demo.add_argument("folder", type=Path, metavar="DIR")
    return parser


def _add(commands: Any, name: str, run: Any, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run)
    return parser


def _add_metadata(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metadata",
        type=_json_object,
        default={},
        metavar="JSON",
        help="""settings as for lm_eval, e.g. '{"n_samples": 10}'""",
    )


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"expected a JSON object, got {text!r}")
    return value


def _json_or_path(text: str) -> dict[str, Any] | str:
    return _json_object(text) if text.lstrip().startswith("{") else text


def _link(_: argparse.Namespace) -> None:
    from lm_eval_overton.linking import link

    stubs = link()
    names = ", ".join(path.stem for path in stubs)
    print(f"linked {names} into {stubs[0].parent}")


def _unlink(_: argparse.Namespace) -> None:
    from lm_eval_overton.linking import unlink

    removed = unlink()
    print(f"removed {len(removed)} stubs" if removed else "nothing was linked")


def _tasks_path(_: argparse.Namespace) -> None:
    from lm_eval_overton.paths import tasks_folder

    print(tasks_folder())


def _doctor(_: argparse.Namespace) -> None:
    from lm_eval_overton.doctor import diagnose

    for line in diagnose():
        print(line)


def _check(args: argparse.Namespace) -> None:
    from lm_eval_overton.harness.check import check

    for line in check(args.tasks.split(","), args.metadata):
        print(line)


def _score(args: argparse.Namespace) -> None:
    from lm_eval.utils import make_table

    from lm_eval_overton.harness.replay import score
    from lm_eval_overton.recorded import read_responses
    from lm_eval_overton.settings import refuse_unknown

    refuse_unknown(args.metadata, args.task)
    results = score(
        read_responses(args.responses, args.task),
        args.task,
        prompts=args.prompts,
        stops=_stops(args.stop),
        metadata=_with_reference(args),
        output=args.output,
        name=args.name,
    )
    print(make_table(results))


def _with_reference(args: argparse.Namespace) -> dict[str, Any]:
    given = {"reference_run": args.reference, "reference_stop": args.reference_stop}
    return {**args.metadata, **{key: value for key, value in given.items() if value}}


def _judge(args: argparse.Namespace) -> None:
    from lm_eval.utils import make_table

    from lm_eval_overton.harness import judge_run
    from lm_eval_overton.settings import refuse_unknown

    refuse_unknown(args.metadata, "judge")
    given = {**args.metadata, **({"judge": args.judge} if args.judge else {})}
    if args.dry_run:
        for line in judge_run.dry_run(args.place, args.task, given, args.prompts, args.prices):
            print(line)
        return
    for results in judge_run.judge_run(args.place, args.task, given, args.prompts):
        print(make_table(results))
        print(f"written to {results['path']}")


def _calibrate(args: argparse.Namespace) -> None:
    from lm_eval_overton.harness.calibrate_run import calibrate_run
    from lm_eval_overton.judge.calibrate import as_json, as_lines

    found = calibrate_run(
        args.judgement,
        _labelled(args.responses, args.labels),
        args.judge,
        prompts=args.prompts,
        stops=_stops(args.stop),
        reference=args.reference,
        reference_stops=_stops(args.reference_stop),
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
    from lm_eval_overton.harness.calibrate_run import Labelled

    if len(responses) != len(labels):
        raise SettingsError(
            f"calibrate: expected one --labels for each --responses, got {len(labels)} and "
            f"{len(responses)}"
        )
    pairs = []
    for response, label in zip(responses, labels, strict=True):
        name, path = _named(response)
        pairs.append(Labelled(name or path.stem, path, _named(label)[1]))
    return pairs


def _named(text: str) -> tuple[str, Path]:
    # A path may hold the sign too.
    name, separator, place = ("", "", text) if Path(text).exists() else text.partition("=")
    return (name, Path(place)) if separator else ("", Path(text))


def _stops(given: Sequence[str] | None) -> list[str] | None:
    """Return the stop sequences; an empty one stands for none at all."""
    return None if given is None else [stop for stop in given if stop]


def _matcher(args: argparse.Namespace) -> None:
    from lm_eval_overton.encoders import find_encoder, get_encoder
    from lm_eval_overton.gold import measure
    from lm_eval_overton.matchers import make_matcher
    from lm_eval_overton.settings import read_settings, refuse_unknown

    refuse_unknown(args.metadata, "matcher")
    settings = read_settings(args.metadata, "matcher")
    encoder = get_encoder(find_encoder(settings.encoder), settings.encoder_device)
    chosen = make_matcher(
        settings.matcher,
        encoder,
        settings.nli_model,
        settings.threshold,
        settings.encoder_device,
    )
    for line in measure(chosen):
        print(line)


def _hints(args: argparse.Namespace) -> None:
    from lm_eval_overton.harness.hints import write_hints
    from lm_eval_overton.recorded import read_responses

    found = read_responses(args.responses)
    for line in write_hints(
        found, args.model, args.model_args, args.apply_chat_template, args.output
    ):
        print(line, flush=True)


def _recover(args: argparse.Namespace) -> None:
    from lm_eval_overton import recover
    from lm_eval_overton.data import load_prompts
    from lm_eval_overton.encoders import DEFAULT_ENCODER, find_encoder, get_encoder
    from lm_eval_overton.harness.finished import finished_run

    prompts = load_prompts(args.prompts) if args.prompts else None
    encoder = get_encoder(find_encoder(args.encoder or DEFAULT_ENCODER))
    runs = [finished_run(run, prompts, args.stop) for run in args.runs]
    floor = finished_run(args.floor, prompts, args.stop)
    peer = finished_run(args.peer, prompts, args.stop) if args.peer else None
    reference = finished_run(args.reference, prompts, args.reference_stop).samples
    rows = recover.recover(runs, reference, floor, peer, encoder)
    print(getattr(recover, f"as_{args.form or 'markdown'}")(rows))


def _demo(args: argparse.Namespace) -> None:
    from lm_eval_overton.demo import train

    if args.folder.exists() and not args.folder.is_dir():
        raise SettingsError(f"demo: expected a folder, got the file {args.folder}")
    for line in train(args.folder):
        print(line, flush=True)

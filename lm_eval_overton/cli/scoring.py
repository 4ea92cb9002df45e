"""Commands that score responses, or make what scoring needs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lm_eval_overton.cli.arguments import PROMPTS, STOPS, add_command, add_metadata, stops
from lm_eval_overton.errors import SettingsError

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the commands."""
    score = add_command(
        commands,
        "score",
        _score,
        "score responses that exist already",
        "overton score answers.jsonl --name chat -o runs",
    )
    score.add_argument(
        "responses", type=Path, nargs="?", metavar="RESPONSES.jsonl", help="a file of responses"
    )
    score.add_argument(
        "--overtonbench",
        type=Path,
        metavar="CSV",
        help="in place of responses: OvertonBench's ratings, for OvertonScores as a table",
    )
    score.add_argument("--task", default="overton_diversity", help="the task that scores them")
    score.add_argument(
        "--metrics",
        metavar="NAME,NAME,...",
        help="compute these alone, e.g. distinct_k,utility_k (default: all that the task reports)",
    )
    score.add_argument("--prompts", help=PROMPTS)
    score.add_argument(
        "--stop",
        action="append",
        help=f"cut responses here, again for several, '' for none {STOPS}",
    )
    score.add_argument("--name", help="what the results call the model (default: the file's name)")
    score.add_argument("--reference", metavar="RUN", help="a reference run to compare units with")
    score.add_argument(
        "--reference-stop",
        action="append",
        help=f"cut the reference's responses here {STOPS}",
    )
    score.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="where results and samples are written"
    )
    add_metadata(score)
    _add_matcher(commands)
    _add_hints(commands)


def _add_matcher(commands: Any) -> None:
    matcher = add_command(
        commands,
        "matcher",
        _matcher,
        "measure a viewpoint matcher on gold responses",
        """overton matcher --metadata '{"matcher": "hybrid"}'""",
    )
    matcher.add_argument(
        "--items",
        action="store_true",
        help="print instead in what share of the real answers each viewpoint is expressed",
    )
    matcher.add_argument(
        "--equivalence",
        metavar="NAME",
        help="measure instead what says which samples are the same, such as rouge1",
    )
    matcher.add_argument(
        "--pairs",
        type=Path,
        metavar="PAIRS.jsonl",
        help='on labelled pairs: "prompt", "generation_0", "generation_1", "similar" (0 or 1)',
    )
    add_metadata(matcher)


def _add_hints(commands: Any) -> None:
    hints = add_command(
        commands,
        "hints",
        _hints,
        "let a model summarise reference responses",
        "overton hints --responses runs/chat --model hf --model_args pretrained=DIR -o hints.jsonl",
    )
    hints.add_argument(
        "--responses", type=Path, required=True, metavar="REF", help="a run or a file"
    )
    hints.add_argument("--prompts", help=PROMPTS)
    hints.add_argument("--model", required=True, help="a model of the harness, e.g. hf")
    hints.add_argument("--model_args", default="", help="its arguments, as for lm_eval")
    hints.add_argument(
        "--apply_chat_template", action="store_true", help="ask within the model's chat template"
    )
    hints.add_argument(
        "-o", "--output", type=Path, required=True, metavar="HINTS.jsonl", help="the file"
    )


def _score(args: argparse.Namespace) -> None:
    if (args.responses is None) == (args.overtonbench is None):
        raise SettingsError(
            "score: expected RESPONSES.jsonl or --overtonbench CSV, got "
            f"{'none' if args.responses is None else 'both'}; name one of them"
        )
    if args.responses is None:
        _score_ratings(args.overtonbench)
    else:
        _score_responses(args)


def _score_ratings(path: Path) -> None:
    from lm_eval_overton.data.overtonbench import read_ratings
    from lm_eval_overton.metrics.overtonbench import overton_scores
    from lm_eval_overton.reporting.tables.overtonbench import as_markdown

    print(as_markdown(overton_scores(read_ratings(path))))


def _score_responses(args: argparse.Namespace) -> None:
    from lm_eval.utils import make_table

    from lm_eval_overton.harness.closing import closing
    from lm_eval_overton.harness.readable import readable
    from lm_eval_overton.harness.replay import score
    from lm_eval_overton.runs.responses import read_responses
    from lm_eval_overton.settings.task import refuse_unknown

    refuse_unknown(args.metadata, args.task)
    results = score(
        read_responses(args.responses, args.task),
        args.task,
        prompts=args.prompts,
        stops=stops(args.stop),
        metadata=_with_reference(args),
        output=args.output,
        name=args.name,
        chosen=None if args.metrics is None else _listed(args.metrics),
    )
    print(make_table(readable(results)))
    print(closing(results, args.output))


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _with_reference(args: argparse.Namespace) -> dict[str, Any]:
    given = {"reference_run": args.reference, "reference_stop": args.reference_stop}
    return {**args.metadata, **{key: value for key, value in given.items() if value}}


def _matcher(args: argparse.Namespace) -> None:
    from lm_eval_overton.matchers.measuring import item_table, measure
    from lm_eval_overton.matchers.table import MATCHERS, check_matcher, make_matcher
    from lm_eval_overton.settings.task import read_settings, refuse_unknown
    from lm_eval_overton.text.encoder import get_encoder
    from lm_eval_overton.text.encoder_source import find_encoder

    refuse_unknown(args.metadata, "matcher")
    if args.items:
        print("\n".join(item_table()))
        return
    if args.equivalence or args.pairs:
        _equivalence(args)
        return
    settings = read_settings(args.metadata, "matcher")
    check_matcher(settings, "matcher")
    encoder = get_encoder(
        find_encoder(settings.encoder), settings.encoder_device, settings.encoder_dtype
    )
    chosen = make_matcher(
        settings.matcher,
        encoder,
        settings.nli_model,
        settings.threshold,
        settings.encoder_device,
        _judge(settings),
    )
    for line in measure(chosen, MATCHERS[settings.matcher].thresholds):
        print(line)


def _equivalence(args: argparse.Namespace) -> None:
    from lm_eval_overton.judge.client.model import HarnessJudge
    from lm_eval_overton.matchers.equivalence.measuring import KNOWN, measure_pairs, read_pairs
    from lm_eval_overton.matchers.equivalence.table import (
        DEFAULT_EQUIVALENCE,
        RECORDED,
        check_equivalence,
        equivalence_asks_judge,
        make_equivalence,
    )
    from lm_eval_overton.settings.task import read_settings
    from lm_eval_overton.text.encoder import get_encoder
    from lm_eval_overton.text.encoder_source import find_encoder

    name = args.equivalence or DEFAULT_EQUIVALENCE
    settings = read_settings({**args.metadata, "equivalence": name}, "matcher")
    check_equivalence(settings, "matcher")
    if name == RECORDED:
        raise SettingsError(
            f"--equivalence: expected one that compares texts, got {name}, which is read from a "
            "file of responses"
        )
    if args.pairs is None:
        print("\n".join([*KNOWN, "for numbers of your own give --pairs PAIRS.jsonl"]))
        return
    pairs = read_pairs(args.pairs)
    asks = equivalence_asks_judge(settings)
    judge = HarnessJudge(settings.judge) if settings.judge and asks else None
    made = make_equivalence(
        name,
        get_encoder(
            find_encoder(settings.encoder), settings.encoder_device, settings.encoder_dtype
        ),
        settings.equivalence_model,
        settings.equivalence_threshold,
        settings.encoder_device,
        judge,
    )
    for line in measure_pairs(made, pairs):
        print(line)


def _judge(settings: Any) -> Any:
    """Return the judge that the matcher asks; None if it asks nobody."""
    from lm_eval_overton.judge.client.model import HarnessJudge
    from lm_eval_overton.judge.judgements import check_names
    from lm_eval_overton.matchers.table import asks_judge

    if settings.judge:
        check_names(settings.judge, "matcher")
    return HarnessJudge(settings.judge) if settings.judge and asks_judge(settings) else None


def _hints(args: argparse.Namespace) -> None:
    from lm_eval_overton.data import load_prompts
    from lm_eval_overton.harness.icl.hints import write_hints
    from lm_eval_overton.runs.matching import match_prompts
    from lm_eval_overton.runs.responses import read_responses

    prompts = load_prompts(args.prompts) if args.prompts else None
    found = match_prompts(read_responses(args.responses), prompts)
    for line in write_hints(
        found, args.model, args.model_args, args.apply_chat_template, args.output
    ):
        print(line, flush=True)

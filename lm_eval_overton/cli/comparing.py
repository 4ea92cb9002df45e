"""Commands that compare finished runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from lm_eval_overton.cli.arguments import add_command, add_forms
from lm_eval_overton.cli.many_runs import load_all, refuse_groups, write_trend
from lm_eval_overton.settings.shown import in_a_line, printable

__all__ = ["add"]

RUN = "NAME=PLACE, or a place: a run's folder or one of its results files"
ALIKE = ("homogeneity", "source_mixing", "shared_ngrams", "collapse")
BY_TAG = "by_tag"
CROSSED = ("likelihoods", "divergences")
TABLES = ("rows", "shifts", BY_TAG, *ALIKE, *CROSSED)
LIKENESSES = ("words", "cosine")


def add(commands: Any) -> None:
    """Add the commands."""
    compare = add_command(
        commands,
        "compare",
        _compare,
        "what changed from one run to others",
        "overton compare base=runs/base chat=runs/chat",
    )
    _add_runs(compare)
    compare.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="METRIC<BOUND",
        help="exit with 1 if a change lies wholly beyond, e.g. 'semantic_diversity<-0.05'",
    )
    compare.add_argument(
        "--by-tag", action="store_true", help="what changed for the prompts with each tag"
    )
    compare.add_argument(
        "-v", "--verbose", action="store_true", help="all metrics with all columns"
    )
    _add_homogeneity(compare)
    add_forms(compare)
    compare.add_argument(
        "--table", choices=TABLES, help=f"which one --csv holds (default: {TABLES[0]})"
    )
    report = add_command(
        commands,
        "report",
        _report,
        "the comparison as one page of HTML",
        "overton report base=runs/base chat=runs/chat -o report.html",
    )
    _add_runs(report)
    _add_homogeneity(report)
    report.add_argument(
        "--trend", action="store_true", help="the page of checkpoints over the steps of a training"
    )
    report.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="REPORT.html",
        help="the page (default: report.html, or none with --plots)",
    )
    report.add_argument("--plots", type=Path, metavar="DIR", help="the figures as PNG and SVG")
    _add_leaderboard(commands)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help=RUN)
    parser.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="in training order; NAME=PLACE1,PLACE2: seeds of a recipe",
    )
    parser.add_argument("--force", action="store_true", help="compare whatever the settings")
    _add_seed(parser)


def _add_homogeneity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--homogeneity", action="store_true", help="how alike samples are within and across runs"
    )
    parser.add_argument(
        "--similarity",
        choices=LIKENESSES,
        help="of samples: their content words, or the base's encoder; default: words",
    )


def _add_leaderboard(commands: Any) -> None:
    board = add_command(
        commands,
        "leaderboard",
        _leaderboard,
        "many models by one metric",
        "overton leaderboard runs --metric lexical_diversity",
    )
    board.add_argument(
        "folder", nargs="?", type=Path, metavar="RUNS_DIR", help="what holds all runs"
    )
    board.add_argument("--metric", help="what models are sorted by, with --html at first")
    board.add_argument("--task", help="where several have the metric (default: the one that has)")
    board.add_argument("--html", type=Path, metavar="DIR", help="all metrics as a static site")
    board.add_argument(
        "--check", type=Path, metavar="FILE", help="whether a results file can join, and why not"
    )
    _add_seed(board)
    add_forms(board)


def _add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, help="of the resamples (default: 1234)")


def _compared(args: argparse.Namespace) -> Any:
    from lm_eval_overton.comparison.seeds import compare_groups

    seed = _seed(args)
    base, *others = load_all(args)
    return compare_groups(base, others, force=args.force, seed=seed)


def _seed(args: argparse.Namespace) -> int:
    from lm_eval_overton.errors import SettingsError
    from lm_eval_overton.stats import SEED

    seed = SEED if args.seed is None else int(args.seed)
    if seed < 0:
        raise SettingsError(f"--seed: expected an integer of at least 0, got {seed}")
    return seed


def _compare(args: argparse.Namespace) -> int:
    from lm_eval_overton.comparison import by_tag, crossed_of, fails
    from lm_eval_overton.reporting import tables

    table = _table(args)
    if args.by_tag or table == BY_TAG:
        refuse_groups(args, "--by-tag")
    compared = _compared(args)
    alike = _alike(args, compared.runs, table)
    tagged = by_tag(compared, _seed(args)) if args.by_tag or table == BY_TAG else None
    crossed = crossed_of(compared.runs, _seed(args))
    if args.form == "json":
        print(tables.as_json(compared, alike, tagged, crossed))
    elif table in CROSSED:
        print(tables.likelihood_csv(_some(crossed, table), table))
    elif table == BY_TAG:
        print(tables.by_tag_csv(tagged or ()))
    elif args.form == "csv":
        is_alike = table in ALIKE
        print(tables.homogeneity_csv(alike, table) if is_alike else tables.as_csv(compared, table))
    else:
        if args.verbose or args.form:
            parts = [tables.as_markdown(compared, tagged or ())]
        elif tables.is_trend(compared) and tagged is None:
            parts = [tables.as_trend(compared, _seed(args))]
        else:
            parts = [tables.as_brief(compared, tagged or ())]
        parts += [tables.likelihood_markdown(crossed)] if crossed is not None else []
        parts += [tables.homogeneity_markdown(alike)] if alike is not None else []
        print("\n\n".join(parts))
    failures = fails(compared, args.fail_on)
    for line in failures:
        print(printable(line), file=sys.stderr)
    return 1 if failures else 0


def _some(crossed: Any, table: str) -> Any:
    from lm_eval_overton.errors import DataError

    if crossed is None:
        raise DataError(
            f"--table {table}: expected runs with results of overton_likelihood, got none; run it "
            "with --metadata '{\"responses\": RUN}', or choose another table"
        )
    return crossed


def _table(args: argparse.Namespace) -> str:
    """Return the table that CSV holds."""
    from lm_eval_overton.errors import SettingsError

    if args.table and args.form != "csv":
        raise SettingsError("--table: expected --csv beside it, which holds one table, got none")
    more = "--homogeneity" if args.homogeneity or args.similarity else ""
    more = more or ("--by-tag" if args.by_tag else "")
    if args.form == "csv" and more and not args.table:
        raise SettingsError(
            f"--csv: expected one table, got the comparison and {more}; choose one with "
            f"--table {' or '.join(TABLES)}"
        )
    return args.table or TABLES[0]


def _alike(args: argparse.Namespace, runs: Any, table: str = "") -> Any:
    """Return how alike the runs' samples are, if that was asked for."""
    if not (args.homogeneity or args.similarity or table in ALIKE):
        return None
    from lm_eval_overton.comparison import homogeneity_of

    return homogeneity_of(runs, args.similarity or LIKENESSES[0], _seed(args))


def _report(args: argparse.Namespace) -> None:
    from lm_eval_overton import reporting
    from lm_eval_overton.comparison import Compared
    from lm_eval_overton.comparison.loaded import load_run
    from lm_eval_overton.runs.places import parse_run

    if args.trend:
        return write_trend(args, _seed(args))
    refuse_groups(args, "report")
    one, seed = not args.runs, _seed(args)
    compared = Compared((load_run(*parse_run(args.base)),), ()) if one else _compared(args)
    alike = _alike(args, compared.runs)
    if args.output or not args.plots:
        path = reporting.write(compared, args.output or Path("report.html"), seed=seed, alike=alike)
        print(f"written to {path}")
    if args.plots:
        for path in reporting.plots(compared, args.plots, seed=seed, alike=alike):
            print(f"written to {path}")


def _leaderboard(args: argparse.Namespace) -> int:
    from lm_eval_overton.comparison.leaderboard import check, find_runs, leaderboard
    from lm_eval_overton.reporting.site import write_site
    from lm_eval_overton.reporting.tables import leaderboard as output

    seed = _seed(args)
    _refuse_unused(args)
    runs = find_runs(args.folder) if args.folder else []
    if args.check:
        checked = check(args.check, runs)
        print(in_a_line(checked))
        return 1 if checked.faults else 0
    if args.html:
        page = write_site(runs, args.html, metric=args.metric or "", task=args.task, seed=seed)
        print(f"written to {page}")
    else:
        board = leaderboard(runs, args.metric, args.task, seed)
        print(getattr(output, f"as_{args.form or 'markdown'}")(board))
    return 0


def _refuse_unused(args: argparse.Namespace) -> None:
    """Refuse arguments of the leaderboard that say too little, or of which one would do nothing."""
    from lm_eval_overton.errors import SettingsError

    if args.check and (args.html or args.form or args.metric or args.task):
        raise SettingsError(
            "--check: expected no other option than RUNS_DIR and --seed, got one; check first"
        )
    if args.html and args.form:
        raise SettingsError(f"--html: expected no --{args.form} beside it, got it; ask for one")
    if not args.check and not args.folder:
        raise SettingsError("leaderboard: expected RUNS_DIR, the folder of the runs, got none")
    if not args.check and not args.html and not args.metric:
        raise SettingsError(
            "leaderboard: expected --metric, by which to sort, got none; or write all metrics as "
            "a site with --html DIR"
        )

"""Commands on many runs: the checkpoints of one training, the seeds of one recipe."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["load_all", "refuse_groups", "write_trend"]


def load_all(args: argparse.Namespace) -> list[Any]:
    """Return the base, and every run or group of seeds after it.

    Raises:
        OvertonError: If a run cannot be read, the base is a group, or one of the seeds is the base
            or another seed.
    """
    from lm_eval_overton.comparison.loaded import load_run
    from lm_eval_overton.comparison.seeds import Group
    from lm_eval_overton.errors import SettingsError
    from lm_eval_overton.runs.places import parse_group, parse_run
    from lm_eval_overton.runs.short_paths import short_path

    if parse_group(args.base):
        raise SettingsError(f"{args.base}: expected one run as the base, got a group of seeds")
    found: list[Any] = []
    for given in (args.base, *args.runs):
        places, name = parse_group(given), given.partition("=")[0]
        if len(places) > 1:
            runs = [load_run(place, f"{name} ({short_path(place)})") for place in places]
            _require_apart(given, [*found[:1], *runs])
            found.append(Group(name, tuple(runs)))
        else:
            found.append(load_run(places[0], name) if places else load_run(*parse_run(given)))
    return found


def _require_apart(given: str, runs: Sequence[Any]) -> None:
    """Refuse a group in which one results file is of two runs, the base among them."""
    from lm_eval_overton.errors import SettingsError

    known: dict[Path, str] = {}
    for run in runs:
        for path in {own.path.resolve() for own in run.tasks.values()}:
            if path in known:
                raise SettingsError(
                    f"{given}: expected seeds of their own beside the base, got the results of "
                    f"{known[path]} again in {run.name}; name each once"
                )
            known[path] = run.name


def refuse_groups(args: argparse.Namespace, what: str) -> None:
    """Refuse groups of seeds where only single runs can be shown.

    Raises:
        SettingsError: If one is given.
    """
    from lm_eval_overton.errors import SettingsError
    from lm_eval_overton.runs.places import parse_group

    for given in (args.base, *args.runs):
        if len(parse_group(given)) > 1:
            raise SettingsError(
                f"{what}: expected single runs, got the seeds {given}; name one of them, or use "
                "overton compare without it"
            )


def write_trend(args: argparse.Namespace, seed: int) -> None:
    """Write the page of checkpoints over the steps of their training.

    Raises:
        OvertonError: If runs cannot be read or compared, or the page cannot be written.
    """
    from lm_eval_overton.comparison.courses import COUNTED, in_steps
    from lm_eval_overton.comparison.loaded import load_run
    from lm_eval_overton.comparison.trends import Pairing
    from lm_eval_overton.errors import SettingsError
    from lm_eval_overton.reporting.trends import write
    from lm_eval_overton.runs.places import parse_run

    refuse_groups(args, "--trend")
    if not args.runs:
        raise SettingsError(
            f"--trend: expected a base and its checkpoints, got {args.base} alone; name them after "
            "it"
        )
    if args.plots or args.homogeneity or args.similarity:
        raise SettingsError(
            "--trend: expected no --plots, --homogeneity or --similarity beside it, got one; leave "
            "it out"
        )
    base, *runs = [load_run(*parse_run(given)) for given in (args.base, *args.runs)]
    ordered, is_named = in_steps(base, runs)
    if not is_named:
        print(f"steps 1 to {len(ordered)}{COUNTED}")
    trend = Pairing(args.force, seed).trend(base, ordered)
    print(f"written to {write(trend, args.output or Path('report.html'))}")

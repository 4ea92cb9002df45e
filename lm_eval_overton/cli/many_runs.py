"""Commands on many runs: the checkpoints of one training, the seeds of one recipe."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

__all__ = ["load_all", "refuse_groups", "write_trend"]


def load_all(args: argparse.Namespace) -> list[Any]:
    """Return the base, and every run or group of seeds after it.

    Raises:
        OvertonError: If a run cannot be read, or the base is a group.
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
            found.append(Group(name, tuple(runs)))
        else:
            found.append(load_run(places[0], name) if places else load_run(*parse_run(given)))
    return found


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
    from lm_eval_overton.comparison.courses import in_steps
    from lm_eval_overton.comparison.loaded import load_run
    from lm_eval_overton.comparison.trends import Pairing
    from lm_eval_overton.errors import SettingsError
    from lm_eval_overton.reporting.trends import write
    from lm_eval_overton.runs.places import parse_run

    refuse_groups(args, "--trend")
    if args.plots or args.homogeneity or args.similarity or not args.runs:
        raise SettingsError(
            "--trend: expected a base and checkpoints, without --plots, --homogeneity and "
            "--similarity, got others; leave them out"
        )
    base, *runs = [load_run(*parse_run(given)) for given in (args.base, *args.runs)]
    trend = Pairing(args.force, seed).trend(base, in_steps(base, runs)[0])
    print(f"written to {write(trend, args.output or Path('report.html'))}")

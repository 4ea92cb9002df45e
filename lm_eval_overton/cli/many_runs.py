"""Commands on many runs: the checkpoints of one training."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["write_trend"]


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

    if args.plots or args.homogeneity or args.similarity or not args.runs:
        raise SettingsError(
            "--trend: expected a base and checkpoints, without --plots, --homogeneity and "
            "--similarity, got others; leave them out"
        )
    base, *runs = [load_run(*parse_run(given)) for given in (args.base, *args.runs)]
    trend = Pairing(args.force, seed).trend(base, in_steps(base, runs)[0])
    print(f"written to {write(trend, args.output or Path('report.html'))}")

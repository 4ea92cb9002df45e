"""Commands that list what there is."""

from __future__ import annotations

import argparse
from typing import Any

from lm_eval_overton.cli.arguments import add_command, add_forms

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the commands."""
    metrics = add_command(
        commands,
        "metrics",
        _metrics,
        "list the metrics: range, direction, needs, what each says",
        "overton metrics",
    )
    add_forms(metrics, {"json": "all that is declared of them", "markdown": "one table to paste"})


def _metrics(args: argparse.Namespace) -> None:
    from lm_eval_overton.metrics.measures import REGISTRY
    from lm_eval_overton.reporting.tables import metrics

    print(getattr(metrics, f"as_{args.form or 'text'}")(list(REGISTRY.values())))

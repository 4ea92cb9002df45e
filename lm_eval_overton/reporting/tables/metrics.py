"""The metrics themselves, as text for a terminal, Markdown and JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from lm_eval_overton.metrics.metric import FAMILIES, Metric
from lm_eval_overton.reporting.tables import cells

__all__ = ["as_json", "as_markdown", "as_text"]

HEAD = ("metric", "range", "better", "needs", "what it says")
BETTER = {True: "higher", False: "lower", None: ""}


def as_text(metrics: Sequence[Metric]) -> str:
    """Return the metrics under the headings of their families, in aligned columns."""
    widths = [max(len(_row(metric)[k]) for metric in metrics) for k in range(len(HEAD) - 1)]
    lines: list[str] = []
    for family in FAMILIES:
        own = [_row(metric) for metric in metrics if metric.family == family]
        lines += ["", family] if own and lines else [family] if own else []
        lines += [
            "  ".join(["", *map(str.ljust, row, widths), row[-1]]) for row in own
        ]  # fmt: skip
    return "\n".join(lines)


def as_markdown(metrics: Sequence[Metric]) -> str:
    """Return the metrics as one table."""
    rows = [[f"`{name}`", *rest] for name, *rest in map(_row, metrics)]
    return cells.table(HEAD, rows, left=range(len(HEAD)), loose=range(len(HEAD)))


def _row(metric: Metric) -> list[str]:
    better = BETTER[metric.higher_is_better]
    return [metric.name, str(metric.range), better, metric.needed, metric.says]


def as_json(metrics: Sequence[Metric]) -> str:
    """Return all that is declared of the metrics, null for a range without an end."""
    return json.dumps(list(map(_record, metrics)), indent=2, allow_nan=False)


def _record(metric: Metric) -> dict[str, Any]:
    ends = (metric.range.low, metric.range.high)
    return {
        "name": metric.name,
        "says": metric.says,
        "range": [end if math.isfinite(end) else None for end in ends],
        "range_shown": str(metric.range),
        "higher_is_better": metric.higher_is_better,
        "family": metric.family,
        "tasks": list(metric.tasks),
        "needs": sorted(need.value for need in metric.needs),
        "judgement": metric.judgement or None,
        "grows_with_n": metric.grows_with_n,
        "about_samples": metric.is_about_samples,
        "baseline": metric.is_baseline,
        "controlled": metric.controlled.name if metric.controlled else None,
        "source": metric.source,
        "version": metric.version,
    }

"""What comes back in context, as Markdown, JSON and CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields

from lm_eval_overton.comparison.recover import Recovery
from lm_eval_overton.reporting.tables import cells

__all__ = ["as_csv", "as_json", "as_markdown"]

MEANS = ("score", "floor", "ceiling", "peer", "gap")


def as_markdown(rows: Sequence[Recovery]) -> str:
    """Return the rows as a Markdown table, rounded to three digits, empty where undefined.

    In brackets stands the number of prompts of a peer that is not defined on all of them.
    """
    head = ["run", "similarity", *MEANS[:-1], "gap recovered", "95 % interval", "n"]
    return cells.table(head, [_cells(row) for row in rows], left=[0, 1, 7], loose=range(len(head)))


def _cells(row: Recovery) -> list[str]:
    low, high = cells.number(row.low), cells.number(row.high)
    means = [cells.number(getattr(row, name)) for name in MEANS]
    if row.peer_n not in (0, row.n):
        means[MEANS.index("peer")] += f" ({row.peer_n})"
    interval = f"{low} to {high}" if low and high else ""
    return [cells.text(row.run), cells.text(row.similarity), *means, interval, str(row.n)]


def as_json(rows: Sequence[Recovery]) -> str:
    """Return the rows as JSON, unrounded, null where undefined."""
    return json.dumps([cells.plain(asdict(row)) for row in rows], indent=2, allow_nan=False)


def as_csv(rows: Sequence[Recovery]) -> str:
    """Return the rows as CSV, unrounded, empty where undefined."""
    return cells.csv_text([field.name for field in fields(Recovery)], map(asdict, rows))

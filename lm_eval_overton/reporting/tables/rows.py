"""The cells of a metric in two runs, rounded for reading."""

from __future__ import annotations

from lm_eval_overton.comparison import Row
from lm_eval_overton.reporting.tables.cells import estimate, number, p_value, text

__all__ = ["ARROWS", "row_cells", "row_head"]

ARROWS = {True: " ↑", False: " ↓", None: ""}


def row_head(base: str, run: str) -> list[str]:
    """Return what stands above the metric and its cells."""
    means = [f"{text(name)} [95 % interval]" for name in (base, run)]
    return ["metric", *means, "difference [95 % interval]", "p", "p (Holm)", "detectable", "n"]


def row_cells(row: Row) -> list[str]:
    """Return the numbers of a row, empty where they are undefined."""
    paired = row.paired
    return [
        estimate(row.base),
        estimate(row.run),
        estimate(row.change, "+"),
        p_value(paired.p_value),
        p_value(row.p_holm),
        number(paired.detectable),
        str(paired.n),
    ]

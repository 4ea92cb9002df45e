"""The cells of a metric in two runs, rounded for reading."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_overton.comparison import Row
from lm_eval_overton.reporting.tables.cells import estimate, number, p_value, table, text

__all__ = ["ABOUT_SEEDS", "ARROWS", "row_cells", "row_head", "seeds_table"]

ABOUT_SEEDS = (
    "Several seeds of one recipe: the mean is over seeds and prompts; the differences above have "
    "intervals and p over prompts and seeds, never surer than over prompts alone."
)
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


def seeds_table(named: Sequence[tuple[str, Row]]) -> str:
    """Return what the seeds of a recipe differ in, a line per metric; empty of single runs."""
    head = ["metric", "seeds", "sd", "min", "max", "difference over prompts alone"]
    lines = [
        [
            name,
            str(own.n_seeds),
            *map(number, (own.sd, own.low, own.high)),
            estimate(own.over_prompts, "+"),
        ]
        for name, row in named
        if (own := row.seeds)
    ]
    return table(head, lines, left=[0]) if lines else ""

"""What changed by tag, as Markdown, JSON and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval_overton.comparison import ByTag, TagRow
from lm_eval_overton.comparison.by_tag import NO_TAGS
from lm_eval_overton.reporting.tables.cells import csv_text, four, plain, table, text
from lm_eval_overton.reporting.tables.rows import ARROWS, row_cells, row_head

__all__ = ["by_tag_csv", "by_tag_json", "by_tag_markdown"]

COLUMNS = (
    *("base", "run", "task", "metric", "tag", "higher_is_better"),
    *("base_mean", "base_low", "base_high", "base_n", "run_mean", "run_low", "run_high", "run_n"),
    *("difference", "difference_low", "difference_high", "p", "p_holm", "detectable", "n"),
)


def by_tag_markdown(found: ByTag) -> str:
    """Return a table per task of a pair, a line per metric and tag."""
    if not found.rows:
        return f"No table by tag: {text(NO_TAGS)}."
    parts = [_table(found, task, rows) for task, rows in found.tables.items()]
    parts.append(
        "Each line is over the prompts with its tag; a prompt with several counts for each; p "
        "(Holm) is corrected for all lines of its table."
    )
    if found.notes:
        parts.append("\n".join(f"- {text(note)}" for note in found.notes))
    return "\n\n".join(parts)


def _table(found: ByTag, task: str, rows: Sequence[TagRow]) -> str:
    lines = [
        [
            text(own.row.metric) + ARROWS[own.row.higher_is_better],
            text(own.tag),
            *row_cells(own.row),
        ]
        for own in rows
    ]
    metric, *head = row_head(found.base, found.run)
    return "\n\n".join(
        [f"### {text(task)} by tag", table([metric, "tag", *head], lines, left=[0, 1])]
    )


def by_tag_json(pairs: Sequence[ByTag]) -> list[dict[str, Any]]:
    """Return the rows and the notes of each pair."""
    return [
        {
            "base": own.base,
            "run": own.run,
            "rows": [plain(record) for record in _records(own)],
            "notes": list(own.notes),
        }
        for own in pairs
    ]


def by_tag_csv(pairs: Sequence[ByTag]) -> str:
    """Return the rows of all pairs as CSV, unrounded, empty where undefined."""
    return csv_text(COLUMNS, (record for own in pairs for record in _records(own)))


def _records(found: ByTag) -> list[dict[str, Any]]:
    lines = ((found.base, found.run, *_values(own)) for own in found.rows)
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines]


def _values(own: TagRow) -> tuple[Any, ...]:
    row, paired = own.row, own.row.paired
    return (
        *(row.task, row.metric, own.tag, row.higher_is_better),
        *four(row.base),
        *four(row.run),
        *(paired.difference, paired.ci_low, paired.ci_high),
        *(paired.p_value, row.p_holm, paired.detectable, paired.n),
    )

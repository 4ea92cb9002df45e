"""The tables as a Markdown document, or as JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval_overton.replicate.expected import EXPECTED
from lm_eval_overton.replicate.table import Cell, Expected, Number, Row, Table, numbers_of
from lm_eval_overton.reporting.tables.cells import text as in_cell

__all__ = ["as_json", "as_markdown", "summary", "without_data"]

INTRODUCTION = (
    "Measured with lm-eval-overton on the responses, judgements and BERTScores released with "
    "*From Distributional to Overton Pluralism* (Lake, Choi and Durrett 2024, arXiv:2406.17692). "
    "In brackets stands the number that was expected: computed earlier and independently from the "
    "same files. `(= 0.258)` means that ours rounds to it, `(≠ 0.741)` that it does not; then the "
    "note says why. The prompt is the unit: values are means over prompts, square brackets hold "
    "95 % intervals over prompts. An empty cell is undefined or not released."
)


def without_data(tables: Sequence[Table]) -> list[Expected]:
    """Return the expected numbers that no table holds, in their order."""
    held = {number.expected for number in numbers_of(tables)}
    return [expected for expected in EXPECTED if expected not in held]


def summary(tables: Sequence[Table]) -> str:
    """Return how many numbers were compared and how they agree, in one line."""
    counts = Counter(number.status for number in numbers_of(tables) if number.expected)
    line = (
        f"{counts.total()} numbers compared, {counts['equal']} equal to the printed digit, "
        f"{counts['explained']} explained, {counts['unexplained']} unexplained."
    )
    missing = len(without_data(tables))
    return f"{line} {missing} expected numbers have no data here." if missing else line


def as_markdown(tables: Sequence[Table]) -> str:
    """Return the tables as one Markdown document, the summary first."""
    parts = ["# Replication on the paper's released data", f"**{summary(tables)}**", INTRODUCTION]
    for table in tables:
        parts += _section(table)
    missing = [f"- {_name_of(expected)}" for expected in without_data(tables)]
    if missing:
        parts += ["## Expected numbers without data", "\n".join(missing)]
    return "\n\n".join(parts) + "\n"


def _name_of(expected: Expected) -> str:
    return f"{expected.dataset}, {expected.row}, {expected.column}: {expected.printed}"


def _section(table: Table) -> list[str]:
    title = f"## {table.title}" + (f": {table.dataset}" if table.dataset else "")
    parts = [title, table.about]
    if table.rows:
        parts.append("\n".join(_lines(table)))
    if table.left_out:
        parts.append("\n".join(f"- {line}" for line in table.left_out))
    return parts


def _lines(table: Table) -> list[str]:
    notes = [_notes(row) for row in table.rows]
    head, rule = ["", *table.columns], ["---", *["---:"] * len(table.columns)]
    if any(notes):
        head, rule = [*head, "note"], [*rule, "---"]
    lines = [_line(head), f"|{'|'.join(rule)}|"]
    for row, note in zip(table.rows, notes, strict=True):
        cells = [_shown(row.cells.get(column, ""), column, table) for column in table.columns]
        lines.append(_line([in_cell(row.name), *cells, *([note] if any(notes) else [])]))
    return lines


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _notes(row: Row) -> str:
    texts = [
        f"{column}: {cell.note}"
        for column, cell in row.cells.items()
        if isinstance(cell, Number) and cell.note
    ]
    return "; ".join(texts)


def _shown(cell: Cell, column: str, table: Table) -> str:
    if not isinstance(cell, Number):
        return str(cell)
    if math.isnan(cell.value) and not cell.expected:
        return ""
    digits = table.digits.get(column, 3)
    if cell.expected:
        digits = max(digits, cell.expected.digits)
    text = "undefined" if math.isnan(cell.value) else f"{cell.value:.{digits}f}"
    if column in table.intervals and not math.isnan(cell.low):
        text += f" [{cell.low:.{digits}f}, {cell.high:.{digits}f}]"
    if cell.expected:
        sign = "=" if cell.status == "equal" else "≠"
        text += f" ({sign} {cell.expected.printed})"
    return text


def as_json(tables: Sequence[Table]) -> str:
    """Return the tables as JSON: numbers unrounded, null where undefined."""
    content = {
        "summary": summary(tables),
        "tables": [_plain_table(table) for table in tables],
        "without_data": [_name_of(expected) for expected in without_data(tables)],
    }
    return json.dumps(content, indent=2, allow_nan=False)


def _plain_table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "dataset": table.dataset or None,
        "about": table.about,
        "columns": list(table.columns),
        "rows": [{"name": row.name, "cells": _plain_cells(row.cells)} for row in table.rows],
        "left_out": list(table.left_out),
    }


def _plain_cells(cells: Mapping[str, Cell]) -> dict[str, Any]:
    return {
        column: _plain_number(cell) if isinstance(cell, Number) else cell
        for column, cell in cells.items()
    }


def _plain_number(number: Number) -> dict[str, Any]:
    bounds = {"value": number.value, "ci_low": number.low, "ci_high": number.high}
    plain: dict[str, Any] = {
        key: None if math.isnan(bound) else bound for key, bound in bounds.items()
    }
    if number.expected:
        plain |= {"expected": number.expected.printed, "status": number.status}
        plain |= {"note": number.note} if number.note else {}
    return plain

"""Compared runs as Markdown, rounded to three digits, undefined empty."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from lm_eval_overton.comparison import ByTag, Compared, Pair, Row, Shift
from lm_eval_overton.comparison.account import account
from lm_eval_overton.comparison.chosen import GROUP as CHOSEN
from lm_eval_overton.comparison.classes import GROUP as CLASSES
from lm_eval_overton.comparison.elicited import GROUP as ELICITED
from lm_eval_overton.comparison.groups import GROUP as OF_PEOPLE
from lm_eval_overton.reporting.tables.by_tag import by_tag_markdown
from lm_eval_overton.reporting.tables.cells import estimate, table, text
from lm_eval_overton.reporting.tables.rows import (
    ABOUT_SEEDS,
    ARROWS,
    row_cells,
    row_head,
    seeds_table,
)
from lm_eval_overton.runs.responses import DEFAULT_TASK

__all__ = ["GROUPS", "as_markdown", "main_first", "not_computed", "sign"]

T = TypeVar("T")

GROUPS = {
    "quality": "Explained by quality control",
    CLASSES: "Classes above and below the quality bar",
    ELICITED: "What a better prompt brings out",
    CHOSEN: "What it chooses against what it says",
    OF_PEOPLE: "Likeness to each group of people",
    "aggregation": "Aggregation",
    "missing": "Missing from the reference run",
    "recovered": "Recovered in context",
}


def as_markdown(compared: Compared, tagged: Sequence[ByTag] = ()) -> str:
    """Return one section per run: what changed in sentences, its metrics beside the base's, the
    shift tables, the notes.

    The metrics of each task have a table, and so has what the samples are like.

    Args:
        compared: The runs.
        tagged: The pairs by tag, if that was asked for.
    """
    by_pair: Sequence[ByTag | None] = tagged or [None] * len(compared.pairs)
    sections = (_section(compared, i, own) for i, own in enumerate(by_pair))
    return "\n\n".join(sections)


def main_first(tables: Mapping[str, T]) -> list[tuple[str, T]]:
    """Return tables by their titles, that of the main task first."""
    return sorted(tables.items(), key=lambda own: own[0] != DEFAULT_TASK)


def _section(compared: Compared, i: int, tagged: ByTag | None) -> str:
    pair = compared.pairs[i]
    parts = [f"## {text(pair.run)} against {text(pair.base)}"]
    parts += [text(statement.text) for statement in account(compared, i)]
    parts += [_rows_part(pair, title, rows) for title, rows in main_first(pair.tables)]
    if pair.rows:
        parts.append(_about_rows(pair))
    if pair.is_group:
        parts.append(ABOUT_SEEDS)
    if tagged is not None:
        parts.append(by_tag_markdown(tagged))
    groups = {shift.group for shift in pair.shifts}
    parts += [_shift_part(pair, group) for group in GROUPS if group in groups]
    if pair.notes:
        parts.append("\n".join(["Notes:", "", *(f"- {text(note)}" for note in pair.notes)]))
    return "\n\n".join(parts)


def _rows_part(pair: Pair, title: str, rows: Sequence[Row]) -> str:
    """Return a table of metrics, and below it those that no shared prompt defines."""
    # The samples of several tasks stand in one table.
    several = len({row.task for row in rows}) > 1
    names = {row: text(f"{row.task}.{row.metric}" if several else row.metric) for row in rows}
    shown = [row for row in rows if row.paired.n]
    parts = [f"### {text(title)}"]
    if shown:
        lines = [[names[row] + ARROWS[row.higher_is_better], *row_cells(row)] for row in shown]
        parts.append(table(row_head(pair.base, pair.run), lines, left=[0]))
        parts += filter(None, [seeds_table([(names[row], row) for row in shown])])
    undefined = [name for row, name in names.items() if row not in shown]
    if undefined:
        parts.append(f"Undefined on every shared prompt: {', '.join(undefined)}.")
    return "\n\n".join(parts)


def _about_rows(pair: Pair) -> str:
    return (
        f"Differences are {text(pair.run)} minus {text(pair.base)}, on the n prompts where both "
        "are defined; p (Holm) is corrected for all metrics of its table; detectable is the "
        "smallest difference found with 80 % power."
    )


def _shift_part(pair: Pair, group: str) -> str:
    """Return the table of what could be computed, and what could not with the reason."""
    shifts = [shift for shift in pair.shifts if shift.group == group]
    done = [shift for shift in shifts if not math.isnan(shift.value.estimate)]
    parts = [f"### {GROUPS[group]}"]
    if done:
        parts.append(_shift_table(done))
    if len(done) < len(shifts):
        left_out = [shift for shift in shifts if math.isnan(shift.value.estimate)]
        parts.append(not_computed(left_out))
    return "\n\n".join(parts)


def _shift_table(shifts: Sequence[Shift]) -> str:
    head = ["part", "metric", "value [95 % interval]", "n"]
    lines = [
        [text(one.part), text(one.metric), estimate(one.value, sign(one)), str(one.value.n)]
        for one in shifts
    ]
    if not any(shift.note for shift in shifts):
        return table(head, lines, left=[0, 1])
    lines = [[*cells, text(one.note)] for cells, one in zip(lines, shifts, strict=True)]
    # A long note would pad every line to its length.
    return table([*head, "note"], lines, left=[0, 1, 4], loose=[4])


def sign(shift: Shift) -> str:
    """Return how the sign of a shift is written: that of a difference always."""
    return "+" if shift.is_difference else ""


def not_computed(shifts: Sequence[Shift]) -> str:
    """Return what of some shifts could not be computed, one line for each reason."""
    about: dict[str, dict[str, None]] = {}
    for shift in shifts:
        about.setdefault(shift.note, {})[_subject(shift)] = None
    lines = [f"- {text(', '.join(names))}: {text(note)}" for note, names in about.items()]
    return "\n".join(["Not computed:", "", *lines])


def _subject(shift: Shift) -> str:
    return f"{shift.part} {shift.metric}" if shift.group == "recovered" else shift.metric

"""Compared runs as Markdown, rounded to three digits, undefined empty."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_overton.comparison import Compared, Homogeneity, Pair, Row, Shift
from lm_eval_overton.tables.cells import estimate, number, p_value, table, text

__all__ = ["as_markdown", "homogeneity_markdown"]

GROUPS = {
    "quality": "Explained by quality control",
    "aggregation": "Aggregation",
    "missing": "Missing from the reference run",
    "recovered": "Recovered in context",
}
ARROWS = {True: " ↑", False: " ↓", None: ""}


def as_markdown(compared: Compared) -> str:
    """Return one section per run: its metrics beside the base's, the shift table, the notes."""
    return "\n\n".join(_section(pair) for pair in compared.pairs)


def homogeneity_markdown(alike: Homogeneity) -> str:
    """Return how alike samples are within (on the diagonal) and across runs."""
    head = ["samples of", *map(text, alike.runs)]
    lines = [
        [text(name), *map(estimate, cells)]
        for name, cells in zip(alike.runs, alike.cells, strict=True)
    ]
    n = alike.cells[0][0].n
    return f"{table(head, lines, left=[0])}\n\nMean Jaccard of content words; prompts: {n}."


def _section(pair: Pair) -> str:
    parts = [f"## {text(pair.run)} against {text(pair.base)}"]
    if pair.rows:
        parts.append(_rows_table(pair))
    groups = {shift.group for shift in pair.shifts}
    parts += [_shift_part(pair, group) for group in GROUPS if group in groups]
    if pair.notes:
        parts.append("\n".join(["Notes:", "", *(f"- {text(note)}" for note in pair.notes)]))
    return "\n\n".join(parts)


def _rows_table(pair: Pair) -> str:
    base, run = text(pair.base), text(pair.run)
    head = ["metric", f"{base} [95 % interval]", f"{run} [95 % interval]"]
    head += ["difference [95 % interval]", "p", "p (Holm)", "detectable", "n"]
    several = len({row.task for row in pair.rows}) > 1
    rows = table(head, [_row_cells(row, several) for row in pair.rows], left=[0])
    about = (
        f"Differences are {run} minus {base}, on the n prompts where both are defined; p (Holm) is "
        "corrected for all metrics of this table; detectable is the smallest difference found with "
        "80 % power."
    )
    return f"{rows}\n\n{about}"


def _row_cells(row: Row, several: bool) -> list[str]:
    paired = row.paired
    name = f"{row.task}.{row.metric}" if several else row.metric
    return [
        text(name) + ARROWS[row.higher_is_better],
        estimate(row.base),
        estimate(row.run),
        estimate(row.change, "+"),
        p_value(paired.p_value),
        p_value(row.p_holm),
        number(paired.detectable),
        str(paired.n),
    ]


def _shift_part(pair: Pair, group: str) -> str:
    """Return the table of what could be computed, and what could not with the reason."""
    shifts = [shift for shift in pair.shifts if shift.group == group]
    done = [shift for shift in shifts if not math.isnan(shift.value.estimate)]
    parts = [f"### {GROUPS[group]}"]
    if done:
        parts.append(_shift_table(done))
    if len(done) < len(shifts):
        left_out = [shift for shift in shifts if math.isnan(shift.value.estimate)]
        parts.append(_not_computed(left_out))
    return "\n\n".join(parts)


def _shift_table(shifts: Sequence[Shift]) -> str:
    head = ["part", "metric", "value [95 % interval]", "n"]
    lines = [
        [text(one.part), text(one.metric), estimate(one.value, _sign(one)), str(one.value.n)]
        for one in shifts
    ]
    if not any(shift.note for shift in shifts):
        return table(head, lines, left=[0, 1])
    lines = [[*cells, text(one.note)] for cells, one in zip(lines, shifts, strict=True)]
    # A long note would pad every line to its length.
    return table([*head, "note"], lines, left=[0, 1, 4], loose=[4])


def _sign(shift: Shift) -> str:
    return "+" if shift.group in ("quality", "aggregation") or " - " in shift.part else ""


def _not_computed(shifts: Sequence[Shift]) -> str:
    """Return one line for each reason."""
    about: dict[str, dict[str, None]] = {}
    for shift in shifts:
        about.setdefault(shift.note, {})[_subject(shift)] = None
    lines = [f"- {text(', '.join(names))}: {text(note)}" for note, names in about.items()]
    return "\n".join(["Not computed:", "", *lines])


def _subject(shift: Shift) -> str:
    return f"{shift.part} {shift.metric}" if shift.group == "recovered" else shift.metric

"""Compared runs for a terminal: the headline of each task first, nothing wider than it is."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from unicodedata import east_asian_width

from lm_eval_overton.comparison import SAMPLES_TABLE, ByTag, Compared, Pair, Row, Shift
from lm_eval_overton.comparison.account import account
from lm_eval_overton.comparison.by_tag import NO_TAGS
from lm_eval_overton.metrics.headline import headline_of
from lm_eval_overton.reporting.tables.cells import estimate, in_line, number, p_value, table, text
from lm_eval_overton.reporting.tables.markdown import GROUPS, main_first, not_computed, sign
from lm_eval_overton.reporting.tables.rows import ABOUT_SEEDS, ARROWS, seeds_table

__all__ = ["WIDTH", "as_brief", "cut", "folded"]

WIDTH = 100
# Below it a change is told from none.
LEVEL = 0.05
# To how much the names of runs and tags are cut.
RUN, TAG = 9, 16
NOT_SEEN = "no difference can be seen"
LEGEND = (
    "Means of both runs, and the difference with its 95 % interval on the n prompts where both are "
    "defined; p (Holm) is corrected for all metrics of the task. All metrics with all columns: -v."
)
OF_TAGS = "Each line is over the prompts with its tag; all metrics with all columns: -v."


def as_brief(compared: Compared, tagged: Sequence[ByTag] = ()) -> str:
    """Return one section per run: the headline of each task, what else differs, shifts, notes.

    Args:
        compared: The runs.
        tagged: The pairs by tag, if that was asked for.
    """
    by_pair: Sequence[ByTag | None] = tagged or [None] * len(compared.pairs)
    parts = (part for i, own in enumerate(by_pair) for part in _section(compared, i, own))
    return "\n\n".join("\n".join(map(folded, part.split("\n"))) for part in parts)


def folded(line: str) -> str:
    """Return a line in as many as it takes; a table's stays whole, and so does each word."""
    if line.startswith("|"):
        return line
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(
        line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _section(compared: Compared, i: int, tagged: ByTag | None) -> Iterator[str]:
    pair = compared.pairs[i]
    yield f"## {text(pair.run)} against {text(pair.base)}"
    yield from (in_line(statement.text) for statement in account(compared, i))
    for title, rows in main_first(pair.tables):
        yield f"### {text(title)}"
        yield from _samples(rows) if title == SAMPLES_TABLE else _task(pair, rows)
    if pair.rows:
        yield LEGEND
    if pair.is_group:
        yield ABOUT_SEEDS
    if tagged is not None:
        yield from _by_tag(tagged)
    for group in GROUPS:
        yield from _shifts([shift for shift in pair.shifts if shift.group == group], group)
    if pair.notes:
        yield "\n".join(["Notes:", "", *(f"- {in_line(note)}" for note in pair.notes)])


# --------------------------------------------------------------------------------------- metrics


def _task(pair: Pair, rows: Sequence[Row]) -> Iterator[str]:
    by_name = {row.metric: row for row in rows if row.paired.n}
    shown = [by_name[name] for name in headline_of(by_name)] or list(by_name.values())
    if shown:
        head = ["metric", *_names(pair), "difference", "p (Holm)", "n"]
        yield table(head, [[_name(row), *_means(row), *_change(row)] for row in shown], left=[0])
        if found := seeds_table([(_name(row), row) for row in shown]):
            yield found
    rest = [row for row in by_name.values() if row not in shown]
    if rest:
        yield _rest([(row.metric, row) for row in rest], "further")
    yield from _undefined([row.metric for row in rows if not row.paired.n])


def _samples(rows: Sequence[Row]) -> Iterator[str]:
    several = len({row.task for row in rows}) > 1
    named = [(f"{row.task}.{row.metric}" if several else row.metric, row) for row in rows]
    defined = [own for own in named if own[1].paired.n]
    if defined:
        yield _rest(defined, "in all")
    yield from _undefined([name for name, row in named if not row.paired.n])


def _rest(named: Sequence[tuple[str, Row]], which: str) -> str:
    """Return in which of some rows a difference can be seen, in a sentence."""
    told = [f"{text(name)} {estimate(row.change, '+')}" for name, row in named if _differs(row)]
    seen = f"p (Holm) is below {LEVEL} for {', '.join(told)}" if told else NOT_SEEN
    return f"Metrics {which}: {len(named)}; {seen}."


def _differs(row: Row) -> bool:
    return row.p_holm < LEVEL


def _undefined(names: Sequence[str]) -> Iterator[str]:
    if names:
        yield f"Undefined on every shared prompt: {', '.join(map(text, names))}."


def _name(row: Row) -> str:
    return text(row.metric) + ARROWS[row.higher_is_better]


def _means(row: Row) -> list[str]:
    return [number(row.base.estimate), number(row.run.estimate)]


def _change(row: Row) -> list[str]:
    return [estimate(row.change, "+"), p_value(row.p_holm), str(row.paired.n)]


def cut(name: str, width: int, end: bool = False) -> str:
    """Return a name in at most so many columns of a terminal: its beginning, or its end."""
    words = in_line(name)
    if _columns(words) <= width:
        return text(words)
    shown = ""
    for character in reversed(words) if end else words:
        if _columns(shown + character) > width - 1:
            break
        shown += character
    return text(f"…{shown[::-1]}" if end else f"{shown}…")


def _names(pair: Pair) -> list[str]:
    """Return what both runs are called above their means: where they begin alike, by their ends."""
    for end in (False, True):
        names = [cut(name, RUN, end) for name in (pair.base, pair.run)]
        if names[0] != names[1]:
            return names
    return ["base", "run"]


def _columns(words: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in words)


def _by_tag(found: ByTag) -> Iterator[str]:
    if not found.rows:
        yield f"No table by tag: {text(NO_TAGS)}."
        return
    for task, rows in main_first(found.tables):
        yield f"### {text(task)} by tag"
        first = headline_of(own.row.metric for own in rows)
        shown = [own for own in rows if own.row.metric in first] or rows
        lines = [[_name(own.row), cut(own.tag, TAG), *_change(own.row)] for own in shown]
        yield table(["metric", "tag", "difference", "p (Holm)", "n"], lines, left=[0, 1])
    yield OF_TAGS
    if found.notes:
        yield "\n".join(f"- {in_line(note)}" for note in found.notes)


# ---------------------------------------------------------------------------------------- shifts


def _shifts(shifts: Sequence[Shift], group: str) -> Iterator[str]:
    if not shifts:
        return
    yield f"### {GROUPS[group]}"
    done = [shift for shift in shifts if not math.isnan(shift.value.estimate)]
    if done:
        yield _shift_table(done)
        notes = dict.fromkeys(in_line(shift.note) for shift in done if shift.note)
        if notes:
            yield "\n".join(f"- {note}" for note in notes)
    if len(done) < len(shifts):
        yield not_computed([shift for shift in shifts if shift not in done])


def _shift_table(shifts: Sequence[Shift]) -> str:
    lines = [
        [text(one.part), text(one.metric), estimate(one.value, sign(one)), str(one.value.n)]
        for one in shifts
    ]
    found = table(["part", "metric", "value [95 % interval]", "n"], lines, left=[0, 1])
    if max(map(len, found.split("\n"))) <= WIDTH:
        return found
    return "\n".join(f"- {part}, {metric}: {value} (n = {n})" for part, metric, value, n in lines)

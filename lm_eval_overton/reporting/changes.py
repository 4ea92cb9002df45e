"""What changed from the base to each run: tiles, shift tables, paired comparisons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lm_eval_overton.comparison import Compared, Pair, Row, Shift
from lm_eval_overton.comparison.chosen import GROUP as CHOSEN
from lm_eval_overton.comparison.classes import GROUP as CLASSES
from lm_eval_overton.comparison.elicited import GROUP as ELICITED
from lm_eval_overton.comparison.groups import GROUP as OF_PEOPLE
from lm_eval_overton.reporting.html import (
    Markup,
    Wide,
    bounds,
    join,
    number,
    p_value,
    percent,
    prose,
    signed,
    table,
    tag,
)
from lm_eval_overton.reporting.terms import term

__all__ = [
    "classes_table",
    "direction",
    "missing",
    "pair_tables",
    "paired_cells",
    "paired_table",
]

LEVEL = 0.05
GROUPS = {
    "quality": "What quality control explains",
    CLASSES: "Classes above and below the quality bar",
    ELICITED: "What a better prompt brings out",
    CHOSEN: "What it chooses against what it says",
    OF_PEOPLE: "Likeness to each group of people",
    "aggregation": "Aggregation: what one sample holds",
    "missing": "What is missing from the reference run's units",
    "recovered": "What comes back in context",
}


def missing(reason: str) -> Markup:
    """Return the line that stands in place of a part whose data are missing."""
    return tag("p", prose(reason), class_="missing")


def pair_tables(compared: Compared) -> Markup:
    """Return for every pair its notes, its shift table and its paired comparison."""
    if not compared.pairs:
        return missing("One run has nothing to be compared with: name further runs after it.")
    return join(_pair(pair) for pair in compared.pairs)


def _pair(pair: Pair) -> Markup:
    title = f"{pair.run} against {pair.base}"
    notes = tag("ul", *(tag("li", prose(note)) for note in pair.notes), class_="notes")
    shifts = _shifts(pair) if pair.shifts else missing("No shift was computed for this pair.")
    tables = join(_paired(pair, title, rows) for title, rows in pair.tables.items())
    paired = (
        tables
        if pair.rows
        else missing("The two runs share no task and prompt that can be compared.")
    )
    details = tag(
        "details", tag("summary", f"Paired comparison of all {len(pair.rows)} metrics"), paired
    )
    return join([tag("h3", title), notes if pair.notes else "", shifts, details])


def _shifts(pair: Pair) -> Markup:
    groups = {
        title: _group([shift for shift in pair.shifts if shift.group == group])
        for group, title in GROUPS.items()
    }
    caption = f"What changed from {pair.base} to {pair.run}"
    head = ["part", "metric", "change", "95 % interval", "prompts", "remark"]
    return table(caption, head, {k: rows for k, rows in groups.items() if rows}, words=[1, 5])


def classes_table(compared: Compared) -> Markup | None:
    """Return how much of each change of classes is above the quality bar; None where not known."""
    groups = {
        f"{pair.run} against {pair.base}": _group([s for s in pair.shifts if s.group == CLASSES])
        for pair in compared.pairs
    }
    known = any(
        shift.group == CLASSES and not math.isnan(shift.value.estimate)
        for pair in compared.pairs
        for shift in pair.shifts
    )
    head = ["part", "metric", "change", "95 % interval", "prompts", "remark"]
    return table(GROUPS[CLASSES], head, groups, words=[1, 5]) if known else None


def _group(shifts: Sequence[Shift]) -> list[list[object]]:
    """Return a row per shift; those that lack the same thing share one."""
    computed = [shift for shift in shifts if not math.isnan(shift.value.estimate)]
    # A remark on several rows stands at the first of them.
    before = ["", *(shift.note for shift in computed)]
    rows = [_shift(shift, shift.note != before[i]) for i, shift in enumerate(computed)]
    lacking: dict[str, list[str]] = {}
    for shift in shifts:
        if math.isnan(shift.value.estimate):
            lacking.setdefault(shift.note, []).append(shift.metric)
    for note, metrics in lacking.items():
        names = join(map(term, dict.fromkeys(metrics)), ", ")
        rows.append([tag("i", "not computed"), names, Wide(_remark(note), 4)])
    return rows


def _shift(shift: Shift, is_remarked: bool) -> list[object]:
    value = shift.value
    if shift.group == "recovered":
        shown = percent(value.estimate), f"[{percent(value.low)}, {percent(value.high)}]"
    else:
        shown = (signed if shift.is_difference else number)(value.estimate), bounds(value)
    interval = "" if math.isnan(value.low) else shown[1]
    remark = _remark(shift.note) if is_remarked else ""
    return [shift.part, term(shift.metric), shown[0], interval, value.n, remark]


def _remark(note: str) -> Markup:
    return tag("span", prose(note), class_="note")


def _paired(pair: Pair, title: str, rows: Sequence[Row]) -> Markup:
    """Return a table of metrics, and below it those that no shared prompt defines."""
    # The samples of several tasks stand in one table.
    several = len({row.task for row in rows}) > 1
    groups: dict[str, list[list[object]]] = {}
    for row in rows:
        if row.paired.n:
            cells = paired_cells(row, term(row.metric))
            groups.setdefault(row.task if several else "", []).append(cells)
    undefined = [f"{row.task}.{row.metric}" if several else row.metric
                 for row in rows if not row.paired.n]  # fmt: skip
    words = f"{title}: undefined on every shared prompt: {', '.join(undefined)}."
    return join([
        paired_table(pair.base, pair.run, title, groups) if groups else "",
        missing(words) if undefined else "",
    ])  # fmt: skip


def paired_table(
    base: str,
    run: str,
    title: str,
    groups: Mapping[str, Sequence[Sequence[object]]],
    what: str = "metric",
) -> Markup:
    """Return a table of rows of a pair.

    Args:
        base: What the base is called.
        run: What the run is called.
        title: What the caption begins with.
        groups: What `paired_cells` returned, under the titles of groups.
        what: What each line is named after.
    """
    head = [what, base, run, "difference", "95 % interval", "p", "p (Holm)",
            "detectable", "prompts"]  # fmt: skip
    about = f"{title}: {run} minus {base}, on the prompts that both have"
    return table(about, head, groups)


def paired_cells(row: Row, name: Markup) -> list[object]:
    """Return the cells of a row, the first of which holds a name."""
    paired = row.paired
    # The run is the first of the comparison: the difference is run minus base.
    return [
        join([direction(row), name]), number(paired.mean_b), number(paired.mean_a),
        signed(paired.difference), bounds(paired.interval), p_value(paired.p_value),
        p_value(row.p_holm), number(paired.detectable), paired.n,
    ]  # fmt: skip


def direction(row: Row | None) -> Markup:
    """Return a sign where a run differs from the base, after Holm's correction."""
    if row is None or not row.p_holm < LEVEL:
        return Markup("")
    sign, word = ("▲", "above the base") if row.paired.difference > 0 else ("▼", "below the base")
    return join([tag("span", sign, class_="sign", role="img", aria_label=word, title=word), " "])

"""The tables of a report by tag: what changed in each pair, or what the one run has."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_overton.comparison import ByTag, Compared, TagRow, by_tag
from lm_eval_overton.comparison.by_tag import NO_TAGS, means_by_tag
from lm_eval_overton.reporting.changes import missing, paired_cells, paired_table
from lm_eval_overton.reporting.html import Markup, bounds, breakable, join, number, table, tag
from lm_eval_overton.reporting.terms import term
from lm_eval_overton.runs.finished import FinishedRun

__all__ = ["tables"]

LEGEND = (
    "The metrics of the headline over the prompts with each tag; a prompt with several counts for "
    "each, and p (Holm) is corrected for all lines of its table. Prompts with one right answer are "
    "counted here."
)


def tables(compared: Compared, seed: int) -> Markup:
    """Return for every pair a table per task, a line per metric and tag; of one run its means.

    Args:
        compared: The runs.
        seed: Of the resamples.
    """
    pairs = by_tag(compared, seed)
    shown = [_pair(own, len(pairs) == 1) for own in pairs if own.rows]
    if not compared.pairs:
        shown = _means(compared.runs[0], seed)
    return join([tag("p", LEGEND, class_="detail"), *shown]) if shown else missing(f"{NO_TAGS}.")


def _pair(found: ByTag, is_open: bool) -> Markup:
    notes = [tag("li", note) for note in found.notes]
    return tag(
        "details",
        tag("summary", f"{found.run} against {found.base}"),
        *(_changes(found, task, rows) for task, rows in found.tables.items()),
        tag("ul", *notes, class_="notes") if notes else "",
        open=is_open,
    )


def _changes(found: ByTag, task: str, rows: Sequence[TagRow]) -> Markup:
    groups: dict[str, list[list[object]]] = {}
    for own in rows:
        groups.setdefault(term(own.row.metric), []).append(
            paired_cells(own.row, breakable(own.tag))
        )
    return paired_table(found.base, found.run, f"{task} by tag", groups, "tag")


def _means(run: FinishedRun, seed: int) -> list[Markup]:
    """Return a table per task of the one run."""
    by_task: dict[str, dict[str, list[list[object]]]] = {}
    for own in means_by_tag(run, seed):
        cells = [breakable(own.tag), number(own.mean.estimate), bounds(own.mean), own.mean.n]
        by_task.setdefault(own.task, {}).setdefault(term(own.metric), []).append(cells)
    head = ["tag", run.name, "95 % interval", "prompts"]
    return [
        table(f"{task} by tag: mean over the prompts that define it", head, groups)
        for task, groups in by_task.items()
    ]

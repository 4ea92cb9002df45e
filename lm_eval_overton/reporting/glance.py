"""The head of a report: what changed in each pair in sentences, a figure of it, and tiles."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from lm_eval_overton.comparison import Pair, Row
from lm_eval_overton.comparison.account import UNKNOWN, Statement, account
from lm_eval_overton.comparison.account.phrases import verdict
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1, OVERTON_INDEX
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.metrics.measures.units import (
    OVERTON_INDEX_WORDS,
    UNITS_AT_1_CLUSTERS,
    UNITS_AT_1_WORDS,
)
from lm_eval_overton.metrics.metric import BETWEEN, WITHIN, Metric
from lm_eval_overton.reporting.decomposition import decomposition
from lm_eval_overton.reporting.estimates import Estimates, task_names
from lm_eval_overton.reporting.html import Markup, bounds, join, number, prose, signed, tag
from lm_eval_overton.reporting.picture import Picture
from lm_eval_overton.reporting.terms import term

__all__ = ["at_a_glance"]

# With more pairs than these, figures and tiles are of the last alone, the rest is folded away.
MANY = 4
# What the tiles show, per axis the first that was compared.
AXES: Mapping[str, Sequence[Metric]] = {
    BETWEEN: (SEMANTIC_DIVERSITY, LEXICAL_DIVERSITY),
    WITHIN: (COVERAGE_AT_1, UNITS_AT_1_WORDS, UNITS_AT_1_CLUSTERS),
    "One sample against all of them": (OVERTON_INDEX, OVERTON_INDEX_WORDS),
}
# The verdicts of these stand before a colon.
WITH_VERDICT = ("change", "breadth")
Draw = Callable[[Picture], Markup]
_INTERVAL = re.compile(r"(\[[−+\d.,% ]+\])")


def at_a_glance(estimates: Estimates, figure: Draw) -> Markup:
    """Return what alignment changed, pair by pair; of many the last at length.

    Args:
        estimates: Of the runs.
        figure: Makes the figure of a picture.
    """
    n = len(estimates.compared.pairs)
    first = n - 1 if n > MANY else 0
    shown = [_pair(estimates, i, figure) for i in range(first, n)]
    folded = [_folded(estimates, i) for i in range(first)]
    if not any(shown):
        return Markup("")
    if folded:
        words = f"The last run; the {first} before it are folded below, and in figures and tables."
        shown = [tag("p", words, class_="detail"), *shown]
    return join([*shown, *folded])


def _pair(estimates: Estimates, i: int, figure: Draw) -> Markup:
    pair = estimates.compared.pairs[i]
    said = account(estimates.compared, i)
    tiles = list(_tiles(estimates, i + 1))
    left_out = [tag("p", f"{line}.", class_="detail") for line in pair.left_out]
    if not (said or tiles or left_out):
        return Markup("")
    picture = decomposition(estimates, i)
    beside = figure(picture) if picture else ""
    answer = tag("div", tag("div", *_account(said), class_="account"), beside, class_="answer")
    shown = tag("div", *tiles, class_="tiles") if tiles else ""
    return tag("div", _title(pair), answer, shown, *left_out, class_="change")


def _title(pair: Pair) -> Markup:
    return tag("h3", tag("b", pair.run), tag("span", " against "), pair.base)


def _folded(estimates: Estimates, i: int) -> Markup:
    pair = estimates.compared.pairs[i]
    title = tag("summary", f"{pair.run} against {pair.base}")
    return tag("details", title, *_account(account(estimates.compared, i)))


def _account(said: Sequence[Statement]) -> Iterator[Markup]:
    """Yield the paragraph of sentences, and the one of what could not be computed."""
    told = [own for own in said if own.topic != UNKNOWN]
    if told:
        yield tag("p", join((tag("span", _sentence(own)) for own in told), " "), class_="said")
    rest = [own for own in said if own.topic == UNKNOWN]
    if rest:
        yield tag("p", join((tag("span", prose(own.text)) for own in rest), " "), class_="unknown")


def _sentence(own: Statement) -> Markup:
    verdict, colon, rest = own.text.partition(": ")
    if own.topic not in WITH_VERDICT or not colon:
        return _muted(own.text)
    return join([tag("b", verdict), colon, _muted(rest)])


def _muted(text: str) -> Markup:
    """Return a text in which intervals step back."""
    parts = enumerate(_INTERVAL.split(text))
    return join(tag("small", part) if i % 2 else part for i, part in parts)


def _tiles(estimates: Estimates, run: int) -> Iterator[Markup]:
    for axis, metrics in AXES.items():
        row = _axis_row(estimates, run, metrics)
        if row is not None:
            yield _tile(axis, row, _asked(estimates, run, row.task))


def _axis_row(estimates: Estimates, run: int, metrics: Sequence[Metric]) -> Row | None:
    for metric in metrics:
        for task in task_names(estimates.compared.runs):
            row = estimates.headline(run, task, metric.name)
            if row is not None and not math.isnan(row.paired.difference):
                return row
    return None


def _asked(estimates: Estimates, run: int, task: str) -> int:
    """Return how many prompts of a task the two runs of a pair have in common."""
    base, other = (estimates.compared.runs[i].tasks[task].ids for i in (0, run))
    return len(set(base).intersection(other))


def _tile(axis: str, row: Row, asked: int) -> Markup:
    paired = row.paired
    is_clear = paired.is_clear
    sign = ("▲ " if paired.difference > 0 else "▼ ") if is_clear else ""
    way = f"{sign}{verdict(paired)}"
    on = f"95 % {bounds(paired.interval)}, on {paired.n} of {asked} prompts"
    return tag(
        "div",
        tag("span", axis, class_="axis"),
        tag("strong", signed(paired.difference)),
        tag("span", way, class_="way"),
        tag("span", term(row.metric), class_="metric"),
        tag("span", f"{number(paired.mean_b)} → {number(paired.mean_a)}", class_="detail"),
        tag("span", on, class_="detail"),
        class_="tile" if is_clear else "tile open",
    )  # fmt: skip

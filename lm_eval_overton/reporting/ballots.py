"""What runs answer to survey questions beside what people answer, as bars, question by question."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm_eval_overton.comparison.groups import answered
from lm_eval_overton.metrics.formulas.survey import js_distance
from lm_eval_overton.reporting.estimates import task_names
from lm_eval_overton.reporting.html import Markup, join, number, percent, tag
from lm_eval_overton.reporting.picture import look
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.stats import Array

__all__ = ["ballots"]

# So many questions are open, and so many more can be opened; a page of thousands is read by no one.
OPEN, MOST = 12, 120
PEOPLE = "people"
# Of neither run.
PEOPLE_COLOR = "#7f8792"


@dataclass(frozen=True)
class _Ballot:
    """A question with who answered it.

    Attributes:
        text: The question.
        options: Those that are no refusals.
        answers: By who gave it the shares of the options.
        distance: How far the last run is from the people, without them from the first run; NaN
            where there is neither.
    """

    text: str
    options: Sequence[str]
    answers: Mapping[str, Array]
    distance: float


def ballots(runs: Sequence[FinishedRun]) -> Markup:
    """Return the questions of each task that asks for opinions; empty if no run has one.

    Args:
        runs: The runs.
    """
    colors = {run.name: look(i)["color"] for i, run in enumerate(runs)}
    parts = [_task(task, list(_ballots(runs, task)), colors) for task in task_names(runs)]
    return join(part for part in parts if part)


def _ballots(runs: Sequence[FinishedRun], task: str) -> Iterator[_Ballot]:
    """Yield the questions of the first run that has the task."""
    details = {
        run.name: dict(zip(run.tasks[task].ids, run.tasks[task].details, strict=True))
        for run in runs
        if task in run.tasks
    }
    first = next(iter(details.values()), {})
    for key, detail in first.items():
        if detail.get("shares") and "question" in detail:
            own = {name: questions[key] for name, questions in details.items() if key in questions}
            yield _ballot(detail, own)


def _ballot(first: Mapping[str, Any], runs: Mapping[str, Mapping[str, Any]]) -> _Ballot:
    left_out = set(first.get("refusal", []))
    options = [text for i, text in enumerate(first["shares"]) if i not in left_out]
    answers = {
        name: np.array(answered(detail))
        for name, detail in runs.items()
        if list(detail.get("shares") or {}) == list(first["shares"])
    }
    if groups := first.get("groups"):
        people = np.average(np.array(groups["people"]), axis=0, weights=groups["weight"])
        answers = {PEOPLE: people, **answers}
    ends = list(answers.values())
    distance = float(js_distance(ends[0], ends[-1])) if len(ends) > 1 else math.nan
    return _Ballot(first["question"], options, answers, distance)


def _task(task: str, found: list[_Ballot], colors: Mapping[str, str]) -> Markup:
    if not found:
        return Markup("")
    found.sort(key=lambda own: -own.distance if own.distance >= 0 else math.inf)
    shown = [_question(own, colors) for own in found[:MOST]]
    names = dict.fromkeys(name for own in found for name in own.answers)
    first, last = (list(names)[i] for i in (0, -1))
    words = f"{len(found):,} questions" + (
        f", first those on which {last} is furthest from {first}" if len(names) > 1 else ""
    )
    words += f"; the first {MOST} are here" if len(found) > MOST else ""
    legend = [tag("li", _swatch(name, colors), " ", name) for name in names]
    rest = tag(
        "details",
        tag("summary", f"{len(shown) - OPEN} further questions"),
        tag("div", *shown[OPEN:], class_="ballots"),
    )
    return join([
        tag("h3", task),
        tag("p", f"{words}.", class_="detail"),
        tag("ul", *legend, class_="ballot-key"),
        tag("div", *shown[:OPEN], class_="ballots"),
        rest if len(shown) > OPEN else "",
    ])  # fmt: skip


def _swatch(name: str, colors: Mapping[str, str]) -> Markup:
    return _bar(1.0, colors.get(name, PEOPLE_COLOR), "swatch")


def _question(own: _Ballot, colors: Mapping[str, str]) -> Markup:
    options = [
        tag("li", tag("span", text, class_="option"), _bars(own, i, colors))
        for i, text in enumerate(own.options)
    ]
    far = "" if math.isnan(own.distance) else f"distance {number(own.distance)}"
    return tag(
        "article",
        tag("h4", own.text),
        tag("p", far, class_="detail") if far else "",
        tag("ul", *options),
        class_="ballot",
    )


def _bars(own: _Ballot, option: int, colors: Mapping[str, str]) -> Markup:
    rows = []
    for name, shares in own.answers.items():
        share = float(shares[option])
        color = colors.get(name, PEOPLE_COLOR)
        words = tag("span", percent(share) or "not known", class_="share")
        whose = tag("span", name, class_="visually-hidden")
        rows.append(tag("div", whose, _bar(share, color, "bar"), words))
    return tag("div", *rows, class_="bars")


def _bar(share: float, color: str, kind: str) -> Markup:
    width = 0.0 if math.isnan(share) else round(100 * share, 2)
    rect = tag("rect", width=f"{width:g}", height=8, fill=color)
    return tag(
        "svg",
        rect,
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        class_=kind,
        aria_hidden="true",
    )

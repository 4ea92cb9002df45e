"""The page of a trend, which is written anew with every checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lm_eval_overton.comparison import Pair, Row
from lm_eval_overton.comparison.courses import ABOUT_CHANGES, Line, courses, headline
from lm_eval_overton.comparison.fail_on import Failure
from lm_eval_overton.comparison.trends import Point, Trend, alarms, holds, moved
from lm_eval_overton.errors import DataError
from lm_eval_overton.reporting import svg
from lm_eval_overton.reporting.changes import missing
from lm_eval_overton.reporting.document import Part, document, packaged
from lm_eval_overton.reporting.html import (
    Markup,
    bounds,
    join,
    number,
    prose,
    sha256_source,
    signed,
    table,
    tag,
)
from lm_eval_overton.reporting.trends.answers import side_by_side
from lm_eval_overton.reporting.trends.lines import pictures
from lm_eval_overton.runs.answers import Reader, read_answers
from lm_eval_overton.runs.whole_file import write_whole
from lm_eval_overton.stats import SEED, Interval
from lm_eval_overton.version import __version__

__all__ = ["State", "on_prompts", "write"]

TITLE = "What training changes"
NOTHING_YET = "Nothing is compared yet."
# So many of the prompts that a failure is about are named.
NAMED = 5


@dataclass(frozen=True)
class State:
    """What is to be said of a checkpoint that has no results."""

    name: str
    why: str


def write(
    trend: Trend,
    path: Path,
    *,
    states: Sequence[State] = (),
    failed: tuple[Point, Sequence[Failure]] | None = None,
    samples: Reader = read_answers,
) -> Path:
    """Write the trend of a training run.

    Args:
        trend: The base and the checkpoints in order.
        path: The HTML file; it is replaced as a whole, or left as it was.
        states: Of the checkpoints that have no results.
        failed: The first checkpoint that changed by more than was allowed, and in what.
        samples: Gives the samples of one task of a run.

    Returns:
        The path.

    Raises:
        DataError: If the file cannot be written.
        SettingsError: If matplotlib is not installed.
    """
    svg.require_matplotlib()
    text = _page(trend, list(_parts(trend, states, failed, samples)))
    write_whole(path, text.encode("utf-8", "backslashreplace"))
    return path


def _page(trend: Trend, parts: Sequence[Part]) -> str:
    style = packaged("style.css")
    policy = f"default-src 'none'; style-src {sha256_source(style)}; base-uri 'none'"
    return document(
        f"{TITLE}: {trend.base.name}",
        style,
        f"{policy}; img-src data:",
        tag("header", tag("h1", TITLE), _lead(trend)),
        parts,
        tag("footer", f"Made by lm-eval-overton {__version__}. Undefined values are left empty."),
    )


def _lead(trend: Trend) -> Markup:
    steps = [point.step for point in trend.points]
    span = f", steps {min(steps):,} to {max(steps):,}" if len(steps) > 1 else ""
    counted = "1 checkpoint" if len(steps) == 1 else f"{len(steps)} checkpoints"
    words = f"{counted}{span}. The zero line is "
    return tag("p", words, tag("b", trend.base.name), ".")


def _parts(
    trend: Trend,
    states: Sequence[State],
    failed: tuple[Point, Sequence[Failure]] | None,
    samples: Reader,
) -> Iterator[Part]:
    lines = headline(trend)
    if failed:
        yield "failed", "Beyond its bound", _failed(trend, *failed, samples)
    yield "alarms", "Alarms", _alarms(trend)
    yield "trends", "Trends", _figures(trend, lines)
    yield "changes", "Where it changes", _changes(trend, lines)
    yield "numbers", "In numbers", _numbers(trend, lines)
    yield "answers", "Answers that changed most", _answers(trend, lines, failed, samples)
    yield "checkpoints", "Checkpoints", _checkpoints(trend, states)


def _failed(trend: Trend, point: Point, failures: Sequence[Failure], samples: Reader) -> Markup:
    found = []
    for failure in failures:
        prompts = [tag("li", line) for line in on_prompts(trend, point, failure, samples)]
        found.append(tag("li", str(failure), tag("ul", *prompts)))
    head = tag("p", tag("b", f"Step {point.step:,}, {point.run.name}"), " is the first. Most on:")
    return join([head, tag("ul", *found, class_="alarms")])


def on_prompts(
    trend: Trend, point: Point, failure: Failure, samples: Reader = read_answers
) -> list[str]:
    """Return on which prompts a checkpoint failed most, a line each.

    Args:
        trend: The checkpoints.
        point: The one that failed.
        failure: In what.
        samples: Gives the prompts' texts with the samples.
    """
    row = failure.row
    sign = 1 if row.paired.difference > 0 else -1
    own = (trend.base.tasks[row.task], point.run.tasks[row.task])
    found = moved(*own, row.metric, sign)[:NAMED]
    texts = _texts(samples, point, row.task)
    return [
        f"{one.prompt}: {number(one.before)} → {number(one.after)}  {texts(one.prompt)}".rstrip()
        for one in found
    ]


def _texts(samples: Reader, point: Point, task: str) -> Callable[[str], str]:
    try:
        prompts = samples(point.run, task).prompts
    except DataError:
        # What the answers are is said where they are shown.
        prompts = {}
    return lambda key: " ".join(prompts.get(key, "").split())[:100]


def _alarms(trend: Trend) -> Markup:
    found = [
        tag("li", tag("b", f"Step {point.step:,}, {point.run.name}: {what}"), ": ", prose(said))
        for point in trend.points
        for what, said in alarms(point)
    ]
    return tag("ul", *found, class_="alarms") if found else tag("p", "None.")


def _figures(trend: Trend, lines: Sequence[Line]) -> Markup:
    if not lines:
        return missing("One checkpoint has nothing to be compared with: the next one has.")
    drawn = []
    for picture in pictures(trend, lines):
        assert picture.draw is not None
        figure = svg.inline(picture.draw(), picture.key, picture.label)
        drawn.append(tag("figure", tag("figcaption", picture.title), figure))
    words = (
        "Paired differences from the base over the prompts that both have, with 95 % intervals; "
        "filled where the change holds: the interval leaves 0 out and p < 0.05 after Holm's "
        "correction within the checkpoint. With many checkpoints some hold by chance: a change "
        "that stays is one."
    )
    return join([tag("p", words, class_="detail"), tag("div", *drawn, class_="figures")])


def _changes(trend: Trend, lines: Sequence[Line]) -> Markup:
    found = courses(trend, lines, SEED)
    several = len({task for task, _ in lines}) > 1
    names = {line: f"{line[1]} ({line[0]})" if several else line[1] for line in lines}
    told = [
        tag("li", tag("b", names[line]), ": ", own.said())
        for line, own in found.items()
        if own.said()
    ]
    told += [
        tag("li", tag("b", names[line]), ": unknown, ", own.untested)
        for line, own in found.items()
        if own.untested
    ]
    none = [names[line] for line, own in found.items() if not own.said() and not own.untested]
    rest = [tag("p", f"No change that holds: {', '.join(none)}.")] if none else []
    about = tag("p", ABOUT_CHANGES, class_="detail") if lines else missing(NOTHING_YET)
    return join([about, *([tag("ul", *told)] if told else []), *rest])


def _numbers(trend: Trend, lines: Sequence[Line]) -> Markup:
    tasks = list(dict.fromkeys(task for task, _ in lines))
    if not tasks:
        return missing(NOTHING_YET)
    head = ["step", "mean", "from the base", "from the one before", "prompts"]
    return join(
        table(
            f"{task}: change with its 95 % interval; ▲ and ▼ where it holds",
            head,
            {metric: _rows(trend, task, metric) for own, metric in lines if own == task},
        )
        for task in tasks
    )


def _rows(trend: Trend, task: str, metric: str) -> list[list[object]]:
    rows: list[list[object]] = []
    for point in trend.points:
        base, before = (_row(pair, task, metric) for pair in (point.base, point.before))
        is_base = point.base is None
        # A checkpoint without this task has no mean of its own.
        mean = _of_base(trend, task, metric) if is_base else base.run if base else None
        rows.append(
            [f"{point.step:,}", _mean(mean), "base" if is_base else _change(base), _change(before),
             mean.n if mean else ""]
        )  # fmt: skip
    return rows


def _of_base(trend: Trend, task: str, metric: str) -> Interval | None:
    found = (_row(point.base, task, metric) for point in trend.points)
    return next((row.base for row in found if row), None)


def _row(pair: Pair | None, task: str, metric: str) -> Row | None:
    rows = pair.rows if pair else ()
    return next((row for row in rows if (row.task, row.metric) == (task, metric)), None)


def _mean(mean: Interval | None) -> Markup:
    if mean is None or math.isnan(mean.estimate):
        return Markup("")
    return join([number(mean.estimate), " ", tag("small", bounds(mean))])


def _change(row: Row | None) -> Markup:
    if row is None or math.isnan(row.paired.difference):
        return Markup("")
    sign = "▲ " if row.paired.difference > 0 else "▼ "
    shown = [signed(row.paired.difference), " ", tag("small", bounds(row.change))]
    return join([sign if holds(row) else "", *shown])


def _answers(
    trend: Trend,
    lines: Sequence[Line],
    failed: tuple[Point, Sequence[Failure]] | None,
    samples: Reader,
) -> Markup:
    compared = [point for point in trend.points if point.base]
    if not compared:
        return missing(NOTHING_YET)
    point = failed[0] if failed else compared[-1]
    if failed:
        rows = [(failure.row.task, failure.row.metric) for failure in failed[1]]
        lines = [*rows, *lines]
    title = tag("h3", tag("b", point.run.name), tag("span", " against "), trend.base.name)
    return join([title, side_by_side(trend, point, lines, samples)])


def _checkpoints(trend: Trend, states: Sequence[State]) -> Markup:
    rows: list[list[object]] = [
        [point.run.name, f"{point.step:,}", "base" if point.base is None else "evaluated"]
        for point in trend.points
    ]
    rows += [[state.name, "", state.why] for state in states]
    return table("What was found", ["checkpoint", "step", "state"], {"": rows}, words=[2])

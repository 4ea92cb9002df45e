"""Many compared runs for a terminal, as the checkpoints of one training: a line per metric."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from lm_eval_overton.comparison import Compared
from lm_eval_overton.comparison.courses import COUNTED, Course, Line, courses, headline, trend_of
from lm_eval_overton.comparison.trends import Trend, alarms, holds
from lm_eval_overton.reporting.tables.brief import WIDTH, cut, folded
from lm_eval_overton.reporting.tables.cells import in_line, table, text
from lm_eval_overton.reporting.tables.rows import ARROWS
from lm_eval_overton.stats.draws import ROUNDING
from lm_eval_overton.stats.shown import bounds, number, signed

__all__ = ["as_trend", "is_trend"]

# More runs than these are read as lines over steps and not one by one.
MOST = 5
NAME = 26
BARS, GAP = "▁▂▃▄▅▆▇█", "·"
# A line of fewer bars says nothing that first and last do not.
LEAST_BARS, MOST_BARS = 4, 20
MARKS = {True: "▲ ", False: "▼ "}
LEGEND = (
    "Means over the prompts of each run; last - base with its 95 % interval on the shared prompts, "
    "▲ or ▼ where p < 0.05 after Holm's correction; the step after which the mean changes, if it "
    "does; the means from the lowest to the highest, a dot where there is none. All runs with all "
    "metrics: -v."
)
_NUMBER = re.compile(r"\d+(\.\d+)?")


def is_trend(compared: Compared) -> bool:
    """Return whether runs are too many to be read one by one; seeds of a recipe are no training."""
    return len(compared.pairs) > MOST and not any(pair.is_group for pair in compared.pairs)


def as_trend(compared: Compared, seed: int) -> str:
    """Return the headline of each task over the steps, where it changes, alarms and notes.

    Args:
        compared: The base and the checkpoints.
        seed: Of the resamples that say where a metric changes.
    """
    trend, is_named = trend_of(compared)
    parts = (part for part in _parts(trend, is_named, seed))
    return "\n\n".join("\n".join(map(folded, part.split("\n"))) for part in parts)


def _parts(trend: Trend, is_named: bool, seed: int) -> Iterator[str]:
    first, last = (f"{trend.points[at].step:,}" for at in (0, -1))
    counted = "" if is_named else COUNTED
    yield f"## {len(trend.points)} checkpoints against {text(trend.base.name)}"
    yield f"Steps {first} to {last}{counted}."
    lines = headline(trend)
    found = courses(trend, lines, seed)
    for task in dict.fromkeys(task for task, _ in lines):
        yield f"### {text(task)}"
        own = {line: course for line, course in found.items() if line[0] == task}
        steps = [point.step for point in trend.points]
        yield _table(own, steps)
        yield from _said(own, steps)
    if lines:
        yield LEGEND
    yield from _list("Alarms:", _alarms(trend))
    yield from _list("Notes:", _notes(trend))


def _table(found: dict[Line, Course], steps: Sequence[int]) -> str:
    head = ["metric", "base", "first", "last", "last - base", "changes"]
    lines = [_cells(metric, course) for (_, metric), course in found.items()]
    plain = table(head, lines, left=[0, 5])
    # What a further column takes beside its cells: a bar and two spaces.
    room = min(MOST_BARS, WIDTH - max(map(len, plain.split("\n"))) - 3)
    if room < LEAST_BARS:
        return plain
    bars = [_bars(_at(course, steps), room) for course in found.values()]
    lines = [[*line, own] for line, own in zip(lines, bars, strict=True)]
    return table([*head, "trend"], lines, left=[0, 5, 6])


def _cells(metric: str, course: Course) -> list[str]:
    row = course.row
    mark = MARKS[row.paired.difference > 0] if holds(row) else ""
    means = [number(value) for value in (row.base.estimate, course.means[0], course.means[-1])]
    change = f"{mark}{signed(row.paired.difference)} {bounds(row.change)}".rstrip()
    # The row is that of a checkpoint before it.
    change = "is the base" if course.ends_in_base else change
    name = cut(metric, NAME) + ARROWS[row.higher_is_better]
    return [name, *means, change, _when(course)]


def _when(course: Course) -> str:
    change = course.change
    if change.split is None:
        return "unknown" if course.untested else "no"
    return "drifts" if change.is_drift else f"after {course.steps[change.split - 1]:,}"


def _at(course: Course, steps: Sequence[int]) -> list[float]:
    """Return the mean at each of some steps, NaN where there is none."""
    known = dict(zip(course.steps, course.means, strict=True))
    return [known.get(step, math.nan) for step in steps]


def _bars(means: Sequence[float], room: int) -> str:
    """Return means as bars, neighbours in one where there are more of them than room."""
    n = min(len(means), room)
    ends = [i * len(means) // n for i in range(n + 1)]
    shown = [_mean(means[a:b]) for a, b in pairwise(ends)]
    known = [one for one in shown if not math.isnan(one)]
    low, span = min(known), max(known) - min(known)
    if span <= ROUNDING * max(map(abs, known)):
        # What differs by rounding alone is level.
        span = math.inf
    return "".join(
        GAP if math.isnan(one) else BARS[round((one - low) / span * (len(BARS) - 1))]
        for one in shown
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _said(found: dict[Line, Course], steps: Sequence[int]) -> Iterator[str]:
    """Yield where metrics change, and at which steps they are not defined."""
    lines = [f"- {text(metric)}: {own.said()}" for (_, metric), own in found.items() if own.said()]
    for (_, metric), own in found.items():
        if own.untested:
            lines.append(f"- {text(metric)}: whether it changes is unknown: {own.untested}")
        if without := [f"{step:,}" for step in steps if step not in own.steps]:
            lines.append(f"- {text(metric)}: undefined at step {', '.join(without)}")
    if lines:
        yield "\n".join(lines)


# --------------------------------------------------------------------------------- what is alike


def _alarms(trend: Trend) -> list[str]:
    told = [
        (f"step {point.step:,}", f"{what}: {said}")
        for point in trend.points
        for what, said in alarms(point)
    ]
    return _grouped(told)


def _notes(trend: Trend) -> list[str]:
    """Return the notes of all pairs, but for alarms of the checkpoints, which stand above."""
    told = [
        (pair.run, note)
        for pair in [point.base for point in trend.points if point.base]
        for note in pair.notes
        if f"alarm in {pair.run}: " not in note
    ]
    return _grouped(told)


def _grouped(told: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is said, once where only the name and numbers differ."""
    alike: dict[str, list[tuple[str, str]]] = {}
    for who, said in told:
        alike.setdefault(_NUMBER.sub("0", said.replace(who, "")), []).append((who, said))
    return [_one_of(own) for own in alike.values()]


def _one_of(told: Sequence[tuple[str, str]]) -> str:
    who, said = told[0]
    # What is the same of all is of the base.
    if len({own for _, own in told}) == 1 and len(told) > 1:
        return said
    others = f" (first of {len(told)} alike)" if len(told) > 1 else ""
    return f"{said if who in said else f'{who}: {said}'}{others}"


def _list(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield "\n".join([title, "", *(f"- {in_line(line)}" for line in lines)])

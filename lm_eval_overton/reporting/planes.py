"""Figures in which a run is a point: one metric against another, in training order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from lm_eval_overton.reporting.estimates import Estimates, task_of
from lm_eval_overton.reporting.html import Markup, number
from lm_eval_overton.reporting.labels import Box, around, write_names
from lm_eval_overton.reporting.picture import WIDTH, Picture, constant, look, short
from lm_eval_overton.reporting.svg import INK, fix_layout, new_figure
from lm_eval_overton.runs.finished import TaskResult
from lm_eval_overton.stats import Array, Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plane"]

# Of all runs together: a page of many runs stays small, and more dots would show no more.
MOST_DOTS = 1200
# With more runs than these, names would cover each other: they stand above, numbers at the points.
MANY = 6


@dataclass(frozen=True)
class _Point:
    run: int
    name: str
    x: Interval
    y: Interval
    # (n_prompts, 2), both values of each prompt that has both and is drawn.
    prompts: Array


def plane(
    estimates: Estimates,
    key: str,
    title: str,
    x: str | None,
    y: str | None,
    missing: str,
    *,
    with_prompts: bool = False,
    numbers: Markup | None = None,
) -> Picture:
    """Return a figure of runs in the plane of two metrics.

    Args:
        estimates: Of the runs.
        key: The figure's name in files.
        title: What it is called.
        x: A metric; None if no run has one.
        y: Another one, likewise.
        missing: Where both come from.
        with_prompts: Whether the prompts of each run are faint dots behind it; of very many some.
        numbers: A table that belongs to it.
    """
    most = MOST_DOTS // max(1, len(estimates.compared.runs)) if with_prompts else 0
    points = list(_points(estimates, x, y, most)) if x and y else []
    if not points or not x or not y:
        return Picture(key, title, missing=f"No run has both values: they come from {missing}.")
    for metric in (x, y):
        if flat := constant(metric, _values(estimates, metric)):
            return Picture(key, title, missing=flat)
    listed = "; ".join(
        f"{p.name}: {x} {number(p.x.estimate)}, {y} {number(p.y.estimate)}" for p in points
    )
    return Picture(
        key, title, f"{y} against {x}. {listed}.", lambda: _draw_plane(points, x, y),
        numbers=numbers,
    )  # fmt: skip


def _values(estimates: Estimates, metric: str) -> Iterator[Array]:
    for run in estimates.compared.runs:
        if task := task_of(run, metric):
            yield run.tasks[task].values[metric]


def _points(estimates: Estimates, x: str, y: str, most: int) -> Iterator[_Point]:
    """Yield the runs that have both metrics, each with at most so many of its prompts."""
    for i, run in enumerate(estimates.compared.runs):
        tasks = task_of(run, x), task_of(run, y)
        if tasks[0] and tasks[1]:
            own = (estimates.interval(i, tasks[0], x), estimates.interval(i, tasks[1], y))
            found = _both(run.tasks[tasks[0]], x, run.tasks[tasks[1]], y)
            drawn = np.random.default_rng(estimates.seed).permutation(len(found))[:most]
            yield _Point(i, run.name, *own, found[drawn])


def _both(first: TaskResult, x: str, second: TaskResult, y: str) -> Array:
    """Return both values of each prompt that has both, (n, 2)."""
    of_second = dict(zip(second.ids, second.values[y].tolist(), strict=True))
    rows = [
        (value, of_second[key])
        for key, value in zip(first.ids, first.values[x].tolist(), strict=True)
        if key in of_second
    ]
    table: Array = np.array(rows, dtype=float).reshape(-1, 2)
    table = table[~np.isnan(table).any(axis=1)]
    return table


def _draw_plane(points: Sequence[_Point], x: str, y: str) -> Figure:
    is_crowded = len(points) > MANY
    with new_figure(WIDTH, 3.7 + (0.1 * len(points) if is_crowded else 0)) as figure:
        axes = figure.add_subplot()
        for point in points:
            _dots(axes, point)
        for before, after in pairwise(points):
            _arrow(axes, before, after)
        for point in points:
            _cross(axes, point)
        axes.margins(0.16, 0.16)
        axes.set_xlabel(f"{x}  →")
        axes.set_ylabel(f"{y}  →")
        axes.grid(color=INK, alpha=0.12, linewidth=0.5)
        if is_crowded:
            legend = figure.legend(loc="outside upper left", ncols=2)
            for text in legend.get_texts():
                text.set_parse_math(False)
        fix_layout(figure)
        _name_points(axes, points, is_crowded)
    return figure


def _dots(axes: Axes, point: _Point) -> None:
    if len(point.prompts):
        axes.plot(
            *point.prompts.T, linestyle="", marker=".", markersize=3, markeredgewidth=0,
            alpha=0.35, color=look(point.run)["color"], zorder=1,
        )  # fmt: skip


def _arrow(axes: Axes, before: _Point, after: _Point) -> None:
    axes.annotate(
        "",
        (after.x.estimate, after.y.estimate),
        (before.x.estimate, before.y.estimate),
        arrowprops={
            "arrowstyle": "-|>",
            "color": INK,
            "alpha": 0.45,
            "linewidth": 1.0,
            "shrinkA": 7,
            "shrinkB": 8,
        },
    )


def _cross(axes: Axes, point: _Point) -> None:
    own = look(point.run)
    line = {"color": own["color"], "linewidth": 1.4, "solid_capstyle": "butt"}
    x, y = point.x, point.y
    axes.plot([x.low, x.high], [y.estimate, y.estimate], **line)
    axes.plot([x.estimate, x.estimate], [y.low, y.high], **line)
    axes.plot(
        [x.estimate], [y.estimate], linestyle="", markersize=7.5, markeredgecolor=INK,
        markeredgewidth=0.6, label=_named(point), **own,
    )  # fmt: skip


def _named(point: _Point) -> str:
    return short(f"{point.run + 1} {point.name}", 26)


def _name_points(axes: Axes, points: Sequence[_Point], by_number: bool) -> None:
    """Write each name, or its number, beside its point, where it covers least of what is drawn."""
    to_points = 72 / axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    spots = [axes.transData.transform((p.x.estimate, p.y.estimate)) * to_points for p in points]
    taken = [box for point in points for box in _arms(axes, point, to_points)]
    for before, after in pairwise(spots):
        taken += [around(x, y, 2) for x, y in np.linspace(before, after, 30).tolist()]
    texts = [str(point.run + 1) if by_number else _named(point) for point in points]
    write_names(axes, texts, [spot.tolist() for spot in spots], taken)


def _arms(axes: Axes, point: _Point, to_points: float) -> Iterator[Box]:
    """Yield the boxes that a point's marker and its intervals fill, in points."""
    x, y = (axes.transData.transform((point.x.estimate, point.y.estimate)) * to_points).tolist()
    yield around(x, y, 5)
    ends = (point.x.low, point.y.low), (point.x.high, point.y.high)
    (left, low), (right, high) = ((axes.transData.transform(e) * to_points).tolist() for e in ends)
    if not math.isnan(left + right):
        yield (left, y - 1, right, y + 1)
    if not math.isnan(low + high):
        yield (x - 1, low, x + 1, high)

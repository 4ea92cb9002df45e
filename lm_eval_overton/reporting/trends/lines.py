"""The figures of a trend: a metric's change from the base over the steps of the training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lm_eval_overton.comparison import Row
from lm_eval_overton.comparison.courses import Line
from lm_eval_overton.comparison.trends import Trend, holds
from lm_eval_overton.reporting.html import bounds, signed
from lm_eval_overton.reporting.picture import WIDTH, Picture, look
from lm_eval_overton.reporting.svg import INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["pictures"]


def pictures(trend: Trend, lines: Sequence[Line]) -> list[Picture]:
    """Return a figure for each task and metric."""
    several = len({task for task, _ in lines}) > 1
    return [
        _picture(trend, line, f"{line[1]} ({line[0]})" if several else line[1]) for line in lines
    ]


def _picture(trend: Trend, line: Line, title: str) -> Picture:
    rows = _rows(trend, line)
    listed = "; ".join(
        f"step {step}: {signed(row.paired.difference)} {bounds(row.change)}" for step, row in rows
    )
    return Picture(
        "-".join(line),
        title,
        f"Change of {line[1]} from {trend.base.name} by step, with 95 % intervals. {listed}.",
        lambda: _draw(trend, rows),
    )


def _rows(trend: Trend, line: Line) -> list[tuple[int, Row]]:
    return [
        (point.step, row)
        for point in trend.points
        for row in (point.base.rows if point.base else ())
        if (row.task, row.metric) == line and not math.isnan(row.paired.difference)
    ]


def _draw(trend: Trend, rows: Sequence[tuple[int, Row]]) -> Figure:
    from matplotlib.ticker import MaxNLocator

    with new_figure(WIDTH, 2.4) as figure:
        axes = figure.add_subplot()
        axes.axhline(0, color=INK, linewidth=1.0, linestyle="--")
        color = look(0)["color"]
        steps, changes = [step for step, _ in rows], [row.paired.difference for _, row in rows]
        for point in trend.points:
            if point.base is None:
                axes.plot(point.step, 0, markersize=6, color=INK, marker="D")
                before = [i for i, step in enumerate(steps) if step > point.step][:1]
                for i in before:
                    axes.plot([point.step, steps[i]], [0, changes[i]], color=color, linewidth=1.2)
        axes.plot(steps, changes, color=color, linewidth=1.2)
        for step, row in rows:
            _point(axes, step, row)
        axes.set_xlabel("step")
        axes.set_ylabel("change from the base")
        axes.ticklabel_format(axis="x", style="plain", useOffset=False)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="y", color=INK, alpha=0.12, linewidth=0.5)
    return figure


def _point(axes: Axes, step: int, row: Row) -> None:
    """Draw a change with its interval; it is filled where it holds."""
    own, change = look(0), row.change
    if not math.isnan(change.low):
        axes.plot([step, step], [change.low, change.high], color=own["color"], linewidth=1.4)
    filled = own["color"] if holds(row) else "none"
    axes.plot(step, change.estimate, markersize=6.5, markerfacecolor=filled, **own)

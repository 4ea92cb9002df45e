"""Figures of how a metric is spread over the prompts, a row per run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.measures import limits_of
from lm_eval_overton.reporting.estimates import task_of
from lm_eval_overton.reporting.html import number
from lm_eval_overton.reporting.picture import (
    SAME,
    WIDTH,
    Picture,
    constant,
    labelled,
    look,
    name_rows,
)
from lm_eval_overton.reporting.svg import INK, new_figure
from lm_eval_overton.runs.finished import FinishedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["spreads"]

Floats = npt.NDArray[np.float64]


def spreads(runs: Sequence[FinishedRun], metrics: Sequence[str]) -> list[Picture]:
    """Return a figure per metric that any run defines."""
    found = [picture for metric in metrics if (picture := _spread(runs, metric))]
    return found or [
        Picture(
            "spread", "Spread over prompts",
            missing="No run has diversity values: they come from the task overton_diversity.",
        )
    ]  # fmt: skip


def _spread(runs: Sequence[FinishedRun], metric: str) -> Picture | None:
    rows = [(i, run.tasks[task].values[metric]) for i, run in enumerate(runs)
            if (task := task_of(run, metric))]  # fmt: skip
    rows = [(i, values[~np.isnan(values)]) for i, values in rows]
    if not rows:
        return None
    if value := constant(metric, (values for _, values in rows)):
        return Picture(f"spread-{metric}", f"{metric} over prompts", missing=value)
    listed = "; ".join(
        f"{runs[i].name}: median {number(float(np.median(values)))} of {len(values)} prompts"
        for i, values in rows
    )
    names = [labelled(runs, i) for i, _ in rows]
    return Picture(
        f"spread-{metric}", f"{metric} over prompts", f"Distribution over prompts. {listed}.",
        lambda: _draw_spread(metric, names, rows),
    )  # fmt: skip


def _draw_spread(metric: str, names: Sequence[str], rows: Sequence[tuple[int, Floats]]) -> Figure:
    with new_figure(WIDTH, 0.7 + 0.62 * len(rows)) as figure:
        axes = figure.add_subplot()
        grid = _grid(metric, [values for _, values in rows])
        for row, (run, values) in enumerate(rows):
            _ridge(axes, row, run, values, grid, limits_of([metric])[0])
        name_rows(axes, names, offset=0.36)
        axes.set_xlabel(f"{metric}, one value per prompt")
        axes.grid(axis="x", color=INK, alpha=0.12, linewidth=0.5)
    return figure


def _grid(metric: str, columns: Sequence[Floats]) -> Floats:
    """Return where densities are drawn: as far as they go, but not where no value can be."""
    low, high = limits_of([metric])[0]
    beyond = 3 * max(map(_width, columns))
    first = max(low, min(float(values.min()) for values in columns) - beyond)
    last = min(high, max(float(values.max()) for values in columns) + beyond)
    return np.linspace(first, last, 200)


def _ridge(
    axes: Axes, row: int, run: int, values: Floats, grid: Floats, limits: tuple[float, float]
) -> None:
    """Draw a row: the density, the middle half as a bar, the median, and some of the values; of
    equal values the one that they are."""
    own = look(run)
    base = row + 0.18
    if np.ptp(values) < SAME:
        axes.plot(values[0], base, markersize=6, markeredgecolor=INK, markeredgewidth=0.6, **own)
        text = f"{number(float(values[0]))} on all {len(values)} prompts"
        axes.annotate(text, (values[0], base), xytext=(8, 0), textcoords="offset points",
                      va="center", fontsize=7.5)  # fmt: skip
        return
    density = _density(values, grid, limits)
    axes.fill_between(grid, base, base - 0.42 * density, color=own["color"], alpha=0.35, lw=0)
    # The line goes down to the base at both ends: a curve that meets a limit is whole.
    outline = base - 0.42 * np.concatenate([[0.0], density, [0.0]])
    axes.plot(grid[[0, *range(len(grid)), -1]], outline, color=own["color"], linewidth=1.0)
    few = np.sort(values)[:: max(1, math.ceil(len(values) / 150))]
    axes.plot(few, np.full(len(few), row + 0.31), "|", color=INK, alpha=0.35, markersize=4)
    quarters = np.quantile(values, (0.25, 0.5, 0.75))
    axes.plot(quarters[[0, 2]], [base, base], color=INK, linewidth=2.6, solid_capstyle="butt")
    axes.plot(quarters[1], base, markersize=6, markeredgecolor=INK, markeredgewidth=0.6, **own)


def _width(values: Floats) -> float:
    # Silverman's rule of thumb.
    return float(0.9 * values.std() * len(values) ** -0.2)


def _density(
    values: Floats, grid: Floats, limits: tuple[float, float] = (-math.inf, math.inf)
) -> Floats:
    """Return a smoothed density on a grid, its peak 1; what would lie beyond a limit is folded
    back."""
    mirrored = [values, *(2 * limit - values for limit in limits if math.isfinite(limit))]
    distance = (grid[:, np.newaxis] - np.concatenate(mirrored)) / _width(values)
    density: Floats = np.exp(-0.5 * distance**2).sum(axis=1)
    density /= density.max()
    return density

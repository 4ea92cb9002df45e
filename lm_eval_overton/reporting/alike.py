"""How alike the samples of several runs are: a heat map, and the tables beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lm_eval_overton.comparison import Homogeneity
from lm_eval_overton.comparison.homogeneity import GRAM, Cells
from lm_eval_overton.reporting.html import (
    Markup,
    bounds,
    estimate,
    join,
    number,
    prose,
    table,
    tag,
)
from lm_eval_overton.reporting.picture import WIDTH, Picture, short
from lm_eval_overton.reporting.svg import INK, new_figure
from lm_eval_overton.reporting.tables.homogeneity import mixing_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["MANY", "heat_map", "tables"]

TITLE = "How alike samples are, within runs (framed) and across"
# Told apart by those who see no red or no green, and from dark to light in grey.
COLORS = "cividis"
# Cells that differ by less do not get all colours: they would look further apart than they are.
LEAST_SPREAD = 0.2
# In inches: a number of two digits is read in it, and with it the room of the runs' names.
CELL, NAMES = 0.42, 1.0
UNDEFINED = "#d9d9d9"
# The cells of more runs are read across the whole page alone.
MANY = 8


def heat_map(alike: Homogeneity | None, n_runs: int) -> Picture:
    """Return the figure of the mean similarity of each two runs.

    Args:
        alike: The tables; None if they were not asked for.
        n_runs: The number of runs of the report.
    """
    if alike is None:
        lacks = "" if n_runs > 1 else "name further runs and "
        reason = f"Not asked for: {lacks}add `--homogeneity` to `overton report`."
        return Picture("alike", TITLE, missing=reason)
    if not alike.n:
        reason = " ".join(alike.notes) or "No prompt defines them."
        return Picture("alike", TITLE, missing=f"Undefined: {reason}")
    titles = dict(_titles(alike))
    label = f"Mean {alike.about}. {'; '.join(titles.values())}."
    return Picture("alike", TITLE, label, lambda: _draw(alike), titles=titles)


def _titles(alike: Homogeneity) -> Iterator[tuple[str, str]]:
    """Yield the id and the words of each cell."""
    for i, run in enumerate(alike.runs):
        for j, other in enumerate(alike.runs):
            cell = alike.cells[i][j]
            shown = f"{number(cell.estimate)} {bounds(cell)}".strip() or "undefined"
            about = f"within {run}" if i == j else f"{run} and {other}"
            yield _id(i, j), f"{about}: {shown}"


def _id(i: int, j: int) -> str:
    return f"cell-{i + 1}-{j + 1}"


def _draw(alike: Homogeneity) -> Figure:
    n = len(alike.runs)
    with new_figure(max(WIDTH, NAMES + CELL * n), 0.5 + CELL * n) as figure:
        axes = figure.add_subplot()
        defined = [cell.estimate for own in alike.cells for cell in own if cell.n]
        low, high = min(defined), max(defined)
        scale = low, max(high, low + LEAST_SPREAD)
        # Those on the diagonal last: their frames lie over their neighbours.
        for i, j in sorted(
            ((i, j) for i in range(n) for j in range(n)), key=lambda at: at[0] == at[1]
        ):
            _cell(axes, i, j, alike.cells[i][j].estimate, scale)
        _label(axes, alike.runs)
    return figure


def _cell(axes: Axes, i: int, j: int, value: float, scale: tuple[float, float]) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    is_known = not math.isnan(value)
    share = (value - scale[0]) / (scale[1] - scale[0]) if is_known else 1.0
    color = colormaps[COLORS](share) if is_known else UNDEFINED
    edge = {"edgecolor": INK, "linewidth": 1.4} if i == j else {"edgecolor": "none"}
    cell = Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=color, gid=_id(i, j), **edge)
    cell.set_hatch("" if is_known else "////")
    axes.add_patch(cell)
    axes.text(
        j, i, number(value) or "–", ha="center", va="center", fontsize=7.5,
        color="#111111" if share > 0.5 else "#ffffff",
    )  # fmt: skip


def _label(axes: Axes, runs: Sequence[str]) -> None:
    """Write the runs' numbers and names at the left, their numbers above."""
    n = len(runs)
    axes.set_xlim(-0.52, n - 0.48)
    axes.set_ylim(n - 0.48, -0.52)
    axes.set_xticks(range(n), [str(i + 1) for i in range(n)])
    axes.set_yticks(range(n), [f"{i + 1} {short(run, 24)}" for i, run in enumerate(runs)])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.spines[:].set_visible(False)


# -------------------------------------------------------------------------------------- tables


def tables(alike: Homogeneity) -> Markup:
    """Return every number of the heat map with its interval, and what belongs to it."""
    base, n = alike.runs[0], f"{alike.n} prompts"
    parts = [
        _grid(alike, alike.cells, f"Mean {alike.about}, within runs and across; {n}"),
        _grid(alike, alike.collapse, f"The same less that within {base}", is_change=True),
        _mixing(alike),
        _grid(
            alike,
            alike.shared,
            f"Share of the {GRAM}-word sequences of the row's samples that stand in samples of the "
            f"column's run, on the diagonal in other samples; {alike.shared[0][0].n} prompts",
        ),
    ]
    if alike.notes:
        parts.append(tag("ul", *(tag("li", prose(note)) for note in alike.notes), class_="notes"))
    return join(parts)


def _grid(alike: Homogeneity, cells: Cells, caption: str, *, is_change: bool = False) -> Markup:
    rows = [
        [_name(i, run), *(estimate(cell, is_change=is_change) for cell in cells[i])]
        for i, run in enumerate(alike.runs)
    ]
    head = ["samples of", *(_name(i, run) for i, run in enumerate(alike.runs))]
    return table(caption, head, {"": rows})


def _name(i: int, run: str) -> Markup:
    return join([tag("span", i + 1, class_="key"), " ", run])


def _mixing(alike: Homogeneity) -> Markup:
    rows = [[run, estimate(own.share), number(own.chance)] for run, own in mixing_rows(alike)]
    caption = (
        "Source mixing: share of a sample's n - 1 nearest samples that come from another run, n "
        f"being the number of its own run's; {alike.overall.share.n} prompts"
    )
    return table(caption, ["samples of", "from other runs", "by chance"], {"": rows})

"""What the figures of a report have in common.

Runs differ by marker, hatch and line as well as by colour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.reporting.html import Markup, number
from lm_eval_overton.runs.finished import FinishedRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SAME", "WIDTH", "Picture", "constant", "labelled", "look", "name_rows", "short"]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#b5569a", "#b8860b", "#3a9bd5", "#7f7f7f")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
# In inches: read well on a phone and in a column of a paper.
WIDTH = 4.8
NAME_LENGTH = 30
# Values that differ by less are one.
SAME = 1e-9


@dataclass(frozen=True)
class Picture:
    """A figure of the report, or why there is none.

    Attributes:
        key: Its name in files and ids.
        title: What it is called.
        label: What it shows, in words and numbers.
        draw: Makes it; None where its data are missing.
        missing: What would provide them.
        titles: What its parts say where they are pointed at, by the id (`gid`) that each is given.
        numbers: What it shows as a table, where no table of the page holds it.
    """

    key: str
    title: str
    label: str = ""
    draw: Callable[[], Figure] | None = None
    missing: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)
    numbers: Markup | None = None


def constant(what: str, columns: Iterable[npt.NDArray[np.float64]]) -> str:
    """Return the sentence that stands in place of a figure of values that are all one; empty for
    others.

    Args:
        what: What they are values of.
        columns: The values of each run; NaN where undefined.
    """
    values = np.concatenate([own[~np.isnan(own)] for own in columns])
    if not len(values) or np.ptp(values) >= SAME:
        return ""
    return f"Not drawn: {what} is {number(float(values[0]))} on every prompt of every run."


def short(name: str, length: int = NAME_LENGTH) -> str:
    """Return a name that can be drawn: no control characters, and cut in the middle if long.

    Names of checkpoints begin alike and differ at their end.
    """
    plain = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in name)
    head = (length - 1) // 2
    return plain if len(plain) <= length else f"{plain[:head]}…{plain[head + 1 - length :]}"


def look(i: int) -> dict[str, Any]:
    """Return colour and marker of the i-th thing of a figure."""
    return {"color": COLORS[i % len(COLORS)], "marker": MARKERS[i % len(MARKERS)]}


def labelled(runs: Sequence[FinishedRun], run: int) -> str:
    """Return a run's number and name, as the page shows them."""
    return f"{run + 1} {short(runs[run].name)}"


def name_rows(axes: Axes, names: Sequence[str], offset: float, at: float | None = None) -> None:
    """Write the rows' names above them, first row at the top: no room is lost at the left.

    Args:
        axes: Row i is at y = i.
        names: One per row.
        offset: How far above its row a name is.
        at: Where names begin, in units of the values; None for the left edge.
    """
    transform = axes.get_yaxis_transform() if at is None else axes.transData
    for row, name in enumerate(names):
        axes.text(
            at or 0, row - offset, name, transform=transform, ha="left", va="bottom",
            fontsize=8.2, parse_math=False,
        )  # fmt: skip
    axes.set_ylim(len(names) - 0.55, -0.75)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)

"""Names beside the points of a figure, where they cover least of what is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Box", "around", "write_names"]

# Left, bottom, right and top, in points.
Box = tuple[float, float, float, float]


def around(x: float, y: float, size: float) -> Box:
    """Return the box that reaches so far from a point to each side."""
    return (x - size, y - size, x + size, y + size)


def write_names(
    axes: Axes, names: Sequence[str], spots: Sequence[Sequence[float]], taken: Sequence[Box]
) -> None:
    """Write a name beside each point.

    Args:
        axes: Where; its layout is fixed.
        names: One per point.
        spots: The points, in points of the figure.
        taken: What else is drawn.
    """
    to_points = 72 / axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    filled = list(taken)
    x, y, width, height = (float(v) * to_points for v in axes.get_window_extent().bounds)
    for text, spot in zip(names, spots, strict=True):
        boxes = list(_places(spot[0], spot[1], 4.5 * len(text), 9.0))
        box = min(boxes, key=lambda b: _cost(b, filled, (x, y, x + width, y + height)))
        filled.append(box)
        axes.annotate(
            text, (box[0], box[1] + 2.0), xycoords="figure points", parse_math=False, fontsize=8.2,
            annotation_clip=False,
        )  # fmt: skip


def _places(x: float, y: float, width: float, height: float) -> Iterator[Box]:
    """Yield boxes for a name, the nearest first."""
    for distance in (4.0, 12.0, 20.0, 30.0):
        for bottom in (y + distance, y - distance - height):
            for left in (x + 5, x - 5 - width, x - width / 2):
                yield (left, bottom, left + width, bottom + height)


def _cost(box: Box, taken: Sequence[Box], frame: Box) -> float:
    """Return how much a box covers, and far more for what lies outside the frame."""
    within = _overlap(box, frame)
    outside = (box[2] - box[0]) * (box[3] - box[1]) - within
    return 10 * outside + sum(_overlap(box, other) for other in taken)


def _overlap(a: Box, b: Box) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))

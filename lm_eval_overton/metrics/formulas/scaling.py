"""Classical multidimensional scaling: points in a plane that are as far apart as what they stand
for.

Source: Torgerson 1952, doi:10.1007/BF02288916.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["scaled"]

Array = npt.NDArray[np.float64]


def scaled(distances: npt.ArrayLike) -> tuple[Array, float]:
    """Return points in a plane for some things by the distances between them.

    Equal distances give equal points: along each axis the point that is furthest out, the first of
    equals, lies on the positive side.

    Args:
        distances: (n, n), symmetric, 0 on the diagonal; at least two things.

    Returns:
        (n, 2), their mean at 0, and which share of all squared distances, as far as a space can
        have them, lies in the plane: 1 where it holds everything, NaN where all is at one place.
    """
    squared = np.asarray(distances, dtype=np.float64) ** 2
    n = len(squared)
    centre = np.eye(n) - 1 / n
    values, vectors = np.linalg.eigh(-centre @ squared @ centre / 2)
    # Distances that no space can have give negative values: they are left out.
    kept = np.clip(values[::-1], 0, None)
    # What rounding leaves of nothing is no distance.
    kept[kept < 1e-12] = 0
    points = np.zeros((n, 2))
    axes = vectors[:, ::-1][:, :2] * np.sqrt(kept[:2])
    points[:, : axes.shape[1]] = axes * _signs(axes)
    return points, float(kept[:2].sum() / kept.sum()) if kept.any() else float("nan")


def _signs(axes: Array) -> Array:
    size = np.abs(axes)
    furthest = (size >= size.max(axis=0) - 1e-9).argmax(axis=0)
    found = np.sign(axes[furthest, np.arange(axes.shape[1])])
    return np.where(found == 0, 1.0, found)

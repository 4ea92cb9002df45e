"""How evenly the sides of a question are covered."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["NEUTRAL_SIDES", "balance"]

NEUTRAL_SIDES = frozenset({"depends"})


def balance(
    covered: npt.NDArray[np.bool_],
    sides: Sequence[str],
    neutral: Collection[str] = NEUTRAL_SIDES,
) -> float:
    """Return the coverage of the less covered side over that of the more covered one.

    Args:
        covered: (n_units,), what is covered.
        sides: The side of each unit.
        neutral: Labels that are no side.

    Returns:
        In [0, 1], 1 is balanced; NaN for fewer than two sides and where none is covered.
    """
    labels = np.asarray(sides, dtype=object)
    shares = [float(covered[labels == side].mean()) for side in {*sides}.difference(neutral)]
    return min(shares) / max(shares) if len(shares) > 1 and max(shares) > 0 else math.nan

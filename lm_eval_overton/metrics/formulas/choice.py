"""What a model chooses of yes and no, against what its samples say: one number per question.

"It depends" is to a choice what "both" is to a sample: half of it is of either side.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.survey import js_distance

__all__ = ["CHOICES", "chooses_vs_says", "says", "sides"]

# What may be chosen: the two sides, and what is between them.
CHOICES = ("Yes", "No", "It depends")

Array = npt.NDArray[np.float64]


def says(stances: npt.ArrayLike) -> Array:
    """Return what samples say on a question, of those that speak to it.

    Args:
        stances: (..., 4), the shares of the stances yes, no, both and other.

    Returns:
        (..., 3), of sum 1, in the order of `CHOICES`; NaN where all samples take the stance other,
        or the stance of none could be read.
    """
    given = np.asarray(stances, dtype=np.float64)[..., :3]
    total = given.sum(axis=-1, keepdims=True)
    # What rounding leaves of 1 when the share of the others is taken away is no stance.
    known: Array = np.divide(given, total, out=np.full_like(given, math.nan), where=total > 1e-9)
    return known


def sides(shares: npt.ArrayLike) -> Array:
    """Return the shares of yes and no, half of what is between them given to each.

    Args:
        shares: (..., 3), in the order of `CHOICES`, of sum 1.

    Returns:
        (..., 2), of sum 1.
    """
    given = np.asarray(shares, dtype=np.float64)
    found: Array = given[..., :2] + given[..., 2:] / 2
    return found


def chooses_vs_says(chosen: npt.ArrayLike, said: npt.ArrayLike) -> Array:
    """Return how near what is chosen is to what is said, by the shares of yes and no.

    Args:
        chosen: (..., 3), the probabilities in the order of `CHOICES`, of sum 1.
        said: (..., 3), what `says` returns.

    Returns:
        (...), one minus the Jensen-Shannon distance (base 2), in [0, 1]; NaN where either is.
    """
    return np.asarray(1 - js_distance(sides(chosen), sides(said)))

"""What a model makes of being asked to answer as a group would: definitions of our own."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.survey import js_distance

__all__ = ["adaptability", "structure"]

# With fewer groups there is one distance between them, which has no rank.
FEWEST_GROUPS = 3
# What rounding makes of equal distributions is no distance, and differences of it are no ranks.
DIGITS = 6


def adaptability(steered: npt.ArrayLike, unsteered: npt.ArrayLike) -> float:
    """Return which part of what was missing to the groups steering makes up for.

    The mean over groups of the likeness when asked to answer as they would, less that when not
    asked to, over the mean of what was missing to 1: a ratio of means, so that a group that was met
    before counts for the little room that it left.

    Args:
        steered: (n_groups,), in [0, 1]: the likeness to each group when asked to answer as it.
        unsteered: (n_groups,): the same of one answer for all.

    Returns:
        At most 1, where each group is met; 0 where steering changes nothing; below it where it
        leads away. NaN without a group, and where nothing was missing.
    """
    room = 1 - np.asarray(unsteered, dtype=np.float64)
    gained = np.asarray(steered, dtype=np.float64) - np.asarray(unsteered, dtype=np.float64)
    total = float(room.sum())
    return float(gained.sum()) / total if total > 10.0**-DIGITS else math.nan


def structure(steered: npt.ArrayLike, people: npt.ArrayLike) -> float:
    """Return whether groups that differ more are answered for more differently.

    Spearman's rank correlation, over pairs of groups, of the Jensen-Shannon distance (base 2)
    between what the model answers as the two, and that between what they answer themselves.

    Args:
        steered: (n_groups, n_options), rows of sum 1: the model's shares as each group.
        people: (n_groups, n_options): those of each group.

    Returns:
        In [-1, 1]; NaN below three groups, and where all pairs are equally far apart on either
        side: as they are where the model answers alike for all.
    """
    own, theirs = (np.asarray(given, dtype=np.float64) for given in (steered, people))
    if len(own) < FEWEST_GROUPS:
        return math.nan
    distances = [_between(own), _between(theirs)]
    if any(np.isnan(one).any() or np.ptp(one) == 0 for one in distances):
        return math.nan
    # Only those who steer wait for its import.
    from scipy.stats import spearmanr

    return float(np.clip(spearmanr(*distances).statistic, -1, 1))


def _between(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the distance of each pair of rows."""
    first, second = np.array(list(combinations(range(len(shares)), 2))).T
    return np.asarray(np.round(js_distance(shares[first], shares[second]), DIGITS))

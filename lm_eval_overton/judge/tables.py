"""Statistics of tables of label pairs, on any number of tables at once.

A table (n_labels, n_labels) counts how often each pair of labels occurs. It is passed flat, in the
last axis of an array (..., n_labels ** 2), so that `stats.statistic_interval` can resample it.

Sources: Cohen 1960 and 1968 (kappa, quadratic on scales), Krippendorff 2011 (alpha, ordinal on
scales). The packages scikit-learn and krippendorff give the same values, for one table at a time.
"""

from __future__ import annotations

import math

import numpy as np

from lm_eval_overton.stats import Array, Statistic

__all__ = ["alpha_of", "equal_share", "kappa_of", "symmetric"]


def _square(flat: Array) -> Array:
    size = math.isqrt(flat.shape[-1])
    return flat.reshape(*flat.shape[:-1], size, size)


def symmetric(tables: Array) -> Array:
    """Return confusion tables as coincidences, both flat: each pair counts in either order."""
    square = _square(tables)
    both: Array = square + np.swapaxes(square, -1, -2)
    return both.reshape(tables.shape)


def equal_share(flat: Array) -> Array:
    """Return the share of equal pairs, in [0, 1], of each table (..., n_labels ** 2).

    The result of a table without pairs is NaN, with numpy's warning; so it is in all that follows.
    """
    square = _square(flat)
    return np.asarray(np.trace(square, axis1=-2, axis2=-1) / flat.sum(axis=-1))


def kappa_of(ordinal: bool) -> Statistic:
    """Return Cohen's kappa, at most 1, as a function of tables (..., n_labels ** 2).

    Args:
        ordinal: Weigh a disagreement by the square of its distance.
    """

    def kappa(flat: Array) -> Array:
        square = _square(flat)
        ranks = np.arange(square.shape[-1])
        distance = np.subtract.outer(ranks, ranks)
        weights = np.asarray(distance**2 if ordinal else distance != 0, dtype=np.float64)
        by_chance = square.sum(axis=-1)[..., :, None] * square.sum(axis=-2)[..., None, :]
        return _beyond_chance(weights, square, by_chance, flat.sum(axis=-1))

    return kappa


def alpha_of(ordinal: bool, n_prompts: int) -> Statistic:
    """Return Krippendorff's alpha, at most 1, as a function of coincidences (..., n_labels ** 2).

    Args:
        ordinal: Use the ordinal distance instead of the nominal one.
        n_prompts: Over how many prompts the coincidences are means.
    """

    def alpha(flat: Array) -> Array:
        square = _square(flat)
        margin = square.sum(axis=-1)
        # An ordinal distance counts the values between two labels, half of their own included.
        place = np.cumsum(margin, axis=-1) - margin / 2
        apart = (place[..., :, None] - place[..., None, :]) ** 2
        weights = apart if ordinal else 1.0 - np.eye(square.shape[-1])
        by_chance = margin[..., :, None] * margin[..., None, :]
        return _beyond_chance(weights, square, by_chance, margin.sum(axis=-1) - 1 / n_prompts)

    return alpha


def _beyond_chance(weights: Array, square: Array, by_chance: Array, pairs: Array) -> Array:
    """Return 1 less the observed disagreement over that by chance, `pairs` scaling the two."""
    observed = (weights * square).sum(axis=(-2, -1)) * pairs
    return np.asarray(1 - observed / (weights * by_chance).sum(axis=(-2, -1)))

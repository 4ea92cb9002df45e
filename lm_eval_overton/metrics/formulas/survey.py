"""Opinions as distributions over options: averaged over their orders, compared with people's.

Sources: Durmus et al. 2023, arXiv:2306.16388 (Jensen-Shannon); Santurkar et al. 2023,
arXiv:2303.17548 (positions on a scale); Hu et al. 2025, arXiv:2510.17516 (gain over uniform).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "agreement",
    "answer_mass",
    "averaged",
    "first_label_bias",
    "gain",
    "js_distance",
    "label_shares",
    "mode_match",
    "modes",
    "noise_floor",
    "normalised_entropy",
    "one_hot",
    "order_spread",
    "total_variation",
    "transport",
    "uniform",
    "without",
]

Array = npt.NDArray[np.float64]

# As many samples of the people are drawn to see how far apart they are by chance.
N_DRAWS = 200
# Shares that differ by less than rounding does are the same.
_SAME = 1e-9


# ---------------------------------------------------------------- from log-probabilities to shares


def label_shares(logs: npt.ArrayLike) -> Array:
    """Return the labels' shares of the probability that lies on labels.

    Args:
        logs: (n_orders, n_options), the natural logarithm of the probability of each label.

    Returns:
        Of the same shape; rows of sum 1, NaN in a row without any probability.
    """
    given = np.asarray(logs, dtype=np.float64)
    top = given.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        shares = np.exp(given - top)
    known: Array = shares / shares.sum(axis=1, keepdims=True)
    return known


def answer_mass(logs: npt.ArrayLike) -> float:
    """Return the mean over orders of the probability that lies on the labels at all, in [0, 1].

    Args:
        logs: As for `label_shares`.
    """
    total = np.exp(np.asarray(logs, dtype=np.float64)).sum(axis=1)
    # Models that compute in half precision exceed 1 by what they round.
    return float(np.minimum(total, 1.0).mean())


def averaged(shares: Array, orders: npt.ArrayLike) -> Array:
    """Return the shares of options in each order.

    Args:
        shares: (n_orders, n_options), of labels, as `label_shares` returns them.
        orders: (n_orders, n_options), the position in the file of the option at each label.

    Returns:
        (n_orders, n_options) in the file's order of options; their mean over the orders is the
        model's opinion.
    """
    found = np.empty_like(shares)
    np.put_along_axis(found, np.asarray(orders, dtype=np.intp), shares, axis=1)
    return found


def without(shares: npt.ArrayLike, left_out: Iterable[int]) -> Array:
    """Return the shares of the options that are no refusals, which sum to 1.

    Args:
        shares: (n_options,) or (n, n_options).
        left_out: Positions of the refusals.

    Returns:
        (..., n_options - n_left_out); NaN where nothing is left of the shares.
    """
    rest = np.delete(np.asarray(shares, dtype=np.float64), list(left_out), axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        known: Array = rest / rest.sum(axis=-1, keepdims=True)
    return known


# ----------------------------------------------------------------------- between two distributions


def js_distance(p: npt.ArrayLike, q: npt.ArrayLike) -> Any:
    """Return the Jensen-Shannon distance in base 2: the square root of the divergence.

    Args:
        p: (..., n_options), rows of sum 1.
        q: The same.

    Returns:
        (...), each in [0, 1]: 0 for equal distributions, 1 for those without an option in common.
    """
    a, b = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    middle = (a + b) / 2
    divergence = (_relative(a, middle) + _relative(b, middle)) / 2
    # What rounding leaves of nothing may be negative.
    return np.sqrt(np.clip(divergence, 0, 1))


def _relative(p: Array, q: Array) -> Any:
    """Return the relative entropy in bits; an option without a share adds nothing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p == 0, 0.0, p * np.log2(p / q))
    return terms.sum(axis=-1)


def total_variation(p: npt.ArrayLike, q: npt.ArrayLike) -> Any:
    """Return half the sum of the absolute differences, in [0, 1].

    Args:
        p: (..., n_options), rows of sum 1.
        q: The same.
    """
    difference = np.abs(np.asarray(p, dtype=np.float64) - np.asarray(q, dtype=np.float64))
    return difference.sum(axis=-1) / 2


def transport(p: npt.ArrayLike, q: npt.ArrayLike, positions: npt.ArrayLike) -> Any:
    """Return the 1-Wasserstein distance on a scale, as a part of the scale's length.

    Args:
        p: (..., n_options), rows of sum 1.
        q: The same.
        positions: (n_options,), where the options stand on the scale, not all at one place.

    Returns:
        (...), each in [0, 1]: 1 if one has all at one end, and the other all at the other.
    """
    places = np.asarray(positions, dtype=np.float64)
    order = np.argsort(places, kind="stable")
    gaps = np.diff(places[order])
    difference = np.asarray(p, dtype=np.float64) - np.asarray(q, dtype=np.float64)
    passed = np.abs(np.cumsum(difference[..., order], axis=-1)[..., :-1])
    return (passed * gaps).sum(axis=-1) / gaps.sum()


def gain(distances: npt.ArrayLike, of_uniform: npt.ArrayLike) -> float:
    """Return how much nearer to the people than a uniform guess a model is.

    Args:
        distances: Total variation between model and people, of any shape.
        of_uniform: The same of the uniform distribution.

    Returns:
        At most 1, for equal distributions; 0 for the uniform guess; below it where that is nearer.
        NaN if all people are uniform.
    """
    least = math.fsum(np.asarray(of_uniform, dtype=np.float64).ravel())
    return (
        1 - math.fsum(np.asarray(distances, dtype=np.float64).ravel()) / least
        if least
        else (math.nan)
    )


def noise_floor(people: npt.ArrayLike, respondents: int, seed: int) -> float:
    """Return the mean Jensen-Shannon distance of people's shares to those of a sample of them.

    Args:
        people: (n_options,), of sum 1.
        respondents: How many were asked.
        seed: Of the draws.

    Returns:
        In [0, 1]: what is nearer than that cannot be told from the people.
    """
    # Whatever the order of the options, the same is drawn.
    shares = np.sort(np.asarray(people, dtype=np.float64))
    drawn = np.random.default_rng(seed).multinomial(respondents, shares, size=N_DRAWS)
    return float(js_distance(drawn / respondents, shares).mean())


# ------------------------------------------------------------------------------ of a distribution


def uniform(n: int) -> Array:
    """Return equal shares of n options."""
    return np.full(n, 1 / n)


def one_hot(shares: npt.ArrayLike) -> Array:
    """Return all for the greatest share, the first of equal ones.

    Args:
        shares: (..., n_options).
    """
    given = np.asarray(shares, dtype=np.float64)
    found = np.zeros_like(given)
    np.put_along_axis(found, given.argmax(axis=-1)[..., None], 1.0, axis=-1)
    return found


def modes(shares: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Return which options have the greatest share.

    Args:
        shares: (..., n_options).
    """
    given = np.asarray(shares, dtype=np.float64)
    largest: npt.NDArray[np.bool_] = given >= given.max(axis=-1, keepdims=True) - _SAME
    return largest


def mode_match(p: npt.ArrayLike, people: npt.ArrayLike) -> float:
    """Return whether the model's greatest share is that of the people's greatest.

    Args:
        p: (n_options,), the model's.
        people: (n_options,), the people's.

    Returns:
        1 or 0, a part of 1 where the model has several equal ones; NaN where the people do.
    """
    own, theirs = modes(p), modes(people)
    if theirs.sum() != 1 or np.isnan(np.asarray(p)).any():
        return math.nan
    return float((own & theirs).sum() / own.sum())


def normalised_entropy(p: npt.ArrayLike) -> Any:
    """Return the entropy as a part of the greatest that as many options can have, in [0, 1].

    Args:
        p: (..., n_options), at least two, rows of sum 1.
    """
    given = np.asarray(p, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(given == 0, 0.0, given * np.log(given))
    return np.clip(-terms.sum(axis=-1) / math.log(given.shape[-1]), 0, 1)


# ------------------------------------------------------------------------------- between orders


def first_label_bias(shares: npt.ArrayLike) -> float:
    """Return how much more than its part the first label gets.

    Args:
        shares: (n_orders, n_options), of labels.

    Returns:
        In [-1, 1]; 0 where each option stands at each label once and labels do not matter.
    """
    given = np.asarray(shares, dtype=np.float64)
    return float(given[:, 0].mean() - 1 / given.shape[1])


def order_spread(shares: npt.ArrayLike) -> float:
    """Return the mean over options of the standard deviation of their shares over orders.

    Args:
        shares: (n_orders, n_options), of options.

    Returns:
        In [0, 0.5]; NaN for one order.
    """
    given = np.asarray(shares, dtype=np.float64)
    return float(given.std(axis=0).mean()) if len(given) > 1 else math.nan


def agreement(shares: npt.ArrayLike) -> float:
    """Return the share of orders in which the option wins that wins in most.

    Args:
        shares: (n_orders, n_options), of options.

    Returns:
        In (0, 1], NaN for one order. Options that win together have a part of the order each.
    """
    given = np.asarray(shares, dtype=np.float64)
    if len(given) < 2 or np.isnan(given).any():
        return math.nan
    winners = modes(given)
    return float((winners / winners.sum(axis=1, keepdims=True)).sum(axis=0).max() / len(given))

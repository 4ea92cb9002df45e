"""Permutation tests of paired differences under random signs.

Source: Phipson and Smyth 2010, "Permutation P-values Should Never Be Zero".
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from statistics import NormalDist

import numpy as np

from lm_eval_overton.stats.draws import Array, blocks, of_equal_length
from lm_eval_overton.stats.progress import progress
from lm_eval_overton.stats.sums import Bools, Counts, Times, at_or_below, rounding_of

__all__ = ["EXACT_PAIRS", "SIGN_FLIPS", "are_below", "sign_flip_ps", "signed_sums"]

# The smallest p-value is then 0.0001, which stays below 0.05 after Holm over hundreds of metrics.
SIGN_FLIPS = 9_999
EXACT_PAIRS = 14

# Sums that are equal on paper differ by rounding; below this relative size they are ties.
_TIE = 1e-10

# By how much more than a normal variable a sum of values under random signs exceeds a bound.
_SIGNED_SUM = 1 / (4 * NormalDist().cdf(-math.sqrt(2)))
# A part of a level that no number of random flips takes for the level.
_SURELY_BELOW = 0.6


def sign_flip_ps(differences: Sequence[Array], rng: np.random.Generator) -> list[float]:
    """Return the two-sided p-value of the mean of each column (n,) under random signs.

    The flips of all columns are drawn from the generator's present state.
    """
    # A zero has no sign: without zeros the test is the same, and exact more often.
    moved = [own[own != 0] for own in differences]
    found: dict[int, float] = {}
    for places in of_equal_length(moved):
        table = np.column_stack([moved[j] for j in places])
        if len(table) <= EXACT_PAIRS:
            p_values = [_exact_p(own) for own in table.T]
        else:
            # The caller's own generator moves on where there is one column alone.
            p_values = _random_ps(table, copy.deepcopy(rng) if len(moved) > 1 else rng)
        found |= dict(zip(places, p_values, strict=True))
    return [found[j] if len(own) else math.nan for j, own in enumerate(differences)]


def signed_sums(table: Array, rng: np.random.Generator) -> Array:
    """Return the column sums of a table (n, k) under choices of signs of its rows.

    All of them up to `EXACT_PAIRS` rows; else the sums as they are, and under `SIGN_FLIPS` random
    ones, so that the share of them that is as extreme is the p-value of the permutation test.
    """
    if len(table) <= EXACT_PAIRS:
        return _all_signed_sums(table)
    return np.concatenate([table.sum(axis=0, keepdims=True), *_random_signed_sums(table, rng)])


def _exact_p(values: Array) -> float:
    """Return the share of all choices of signs whose sum is as extreme as that of values (n,)."""
    sums = np.abs(_all_signed_sums(values))
    return float((sums >= _as_extreme(values)).mean())


def _random_ps(table: Array, rng: np.random.Generator) -> list[float]:
    """Return for each column of a table (n, k) the share of random signs that are as extreme."""
    extreme = _as_extreme(table)
    counts = np.zeros(table.shape[1], dtype=np.int64)
    for sums in _random_signed_sums(table, rng):
        counts += np.count_nonzero(np.abs(sums) >= extreme, axis=0)
    return [(1 + count) / (1 + SIGN_FLIPS) for count in counts.tolist()]


def _as_extreme(values: Array) -> Array:
    """Return from where on a signed sum of values, (n,) or (n, k), counts as extreme as theirs."""
    total, most = np.abs(values.sum(axis=0)), np.abs(values).sum(axis=0)
    return np.asarray(total - _TIE * most, dtype=np.float64)


def _all_signed_sums(values: Array) -> Array:
    """Return the sums of values, (n,) or (n, k), under all 2**n choices of signs."""
    sums = np.zeros((1, *values.shape[1:]))
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _random_signed_sums(table: Array, rng: np.random.Generator) -> Iterator[Array]:
    """Yield column sums of a table (n, k) under random signs of its rows, some flips at a time."""
    total = table.sum(axis=0)
    for negative in _drawn_signs(len(table), rng):
        yield total - 2 * (negative.astype(np.float64) @ table)


def _drawn_signs(n: int, rng: np.random.Generator) -> Iterator[Times]:
    """Yield which of n signs are negative, (some flips, n) at a time."""
    n_bytes = -(-n // 8)
    for rows in progress([*blocks(SIGN_FLIPS, n)], "Sign flips"):
        drawn = np.frombuffer(rng.bytes(rows * n_bytes), dtype=np.uint8).reshape(rows, n_bytes)
        yield np.unpackbits(drawn, axis=1, count=n)


# ----------------------------------------------------------------------------- of very many columns


def are_below(differences: Array, level: float, rng: np.random.Generator) -> Bools:
    """Tell of each row of differences (k, n) whether `sign_flip_ps` has a p-value below a level.

    A sum of values under random signs is rarer than the bound of Bentkus and Dzindzalieta 2015, "A
    Tight Gaussian Bound for Weighted Sums of Rademacher Random Variables", and where that is small
    enough nothing is drawn.

    Args:
        differences: No row is 0 throughout.
        level: Of the p-values.
        rng: Source of the flips; its state is left as it was.
    """
    from scipy.special import ndtr

    sums, squares = np.abs(differences.sum(axis=1)), (differences**2).sum(axis=1)
    found = np.asarray(2 * _SIGNED_SUM * ndtr(-sums / np.sqrt(squares)) <= _SURELY_BELOW * level)
    moved = np.where(found, 0, np.count_nonzero(differences, axis=1))
    for n in np.unique(moved[moved > 0]).tolist():
        at = np.flatnonzero(moved == n)
        own = differences[at]
        found[at] = _are_below(own[own != 0].reshape(-1, n), level, copy.deepcopy(rng))
    return found


def _are_below(moved: Array, level: float, rng: np.random.Generator) -> Bools:
    """Tell the same of rows without a zero."""
    found = np.zeros(len(moved), dtype=np.bool_)
    if moved.shape[1] > EXACT_PAIRS:
        found = _surely_counted(moved, copy.deepcopy(rng)) < level * (1 + SIGN_FLIPS) - 1
    doubted = np.flatnonzero(~found)
    if len(doubted):
        found[doubted] = np.array(sign_flip_ps([*moved[doubted]], rng)) < level
    return found


def _surely_counted(moved: Array, rng: np.random.Generator) -> Counts:
    """Return how many flips of each row are at most as extreme as its own signs."""
    upward = moved * np.sign(moved.sum(axis=1))[:, np.newaxis]
    # What is taken away is twice the sum of the negative ones.
    spare = rounding_of(upward, np.float32, upward.shape[1]) + _TIE * np.abs(upward).sum(axis=1)
    times = np.concatenate([*_drawn_signs(moved.shape[1], rng)])
    few, many = at_or_below(upward, times, (spare, upward.sum(axis=1) - spare), np.float32)
    return np.asarray(few + SIGN_FLIPS - many)

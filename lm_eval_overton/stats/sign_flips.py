"""Permutation tests of paired differences under random signs.

Source: Phipson and Smyth 2010, "Permutation P-values Should Never Be Zero".
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np

from lm_eval_overton.stats.draws import Array, blocks, of_equal_length
from lm_eval_overton.stats.progress import progress

__all__ = ["EXACT_PAIRS", "SIGN_FLIPS", "sign_flip_ps", "signed_sums"]

# The smallest p-value is then 0.0001, which stays below 0.05 after Holm over hundreds of metrics.
SIGN_FLIPS = 9_999
EXACT_PAIRS = 14

# Sums that are equal on paper differ by rounding; below this relative size they are ties.
_TIE = 1e-10


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
    return np.concatenate([table.sum(axis=0, keepdims=True), _random_signed_sums(table, rng)])


def _exact_p(values: Array) -> float:
    """Return the share of all choices of signs whose sum is as extreme as that of values (n,)."""
    sums = np.abs(_all_signed_sums(values))
    return float((sums >= _as_extreme(values)).mean())


def _random_ps(table: Array, rng: np.random.Generator) -> list[float]:
    """Return for each column of a table (n, k) the share of random signs that are as extreme."""
    sums = np.abs(_random_signed_sums(table, rng))
    counts = np.count_nonzero(sums >= _as_extreme(table), axis=0)
    return [(1 + int(count)) / (1 + SIGN_FLIPS) for count in counts]


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


def _random_signed_sums(table: Array, rng: np.random.Generator) -> Array:
    """Return the column sums (SIGN_FLIPS, k) of a table (n, k) under random signs of its rows."""
    n = len(table)
    n_bytes = -(-n // 8)
    sums = []
    for rows in progress([*blocks(SIGN_FLIPS, n)], "Sign flips"):
        drawn = np.frombuffer(rng.bytes(rows * n_bytes), dtype=np.uint8).reshape(rows, n_bytes)
        negative = np.unpackbits(drawn, axis=1, count=n)
        sums.append(table.sum(axis=0) - 2 * (negative.astype(np.float64) @ table))
    return np.concatenate(sums)

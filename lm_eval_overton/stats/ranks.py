"""Which ranks rows of a table can claim: those that no other row takes from them for sure.

Many rows have very many pairs. Of each pair only one thing is asked, whether its `Comparison` is
clear, and most pairs show it without their quantiles and without the flips of their signs.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import combinations, islice
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.bootstrap import (
    RESAMPLES,
    bootstrap,
    check_settings,
    expanded,
    resampled_means,
)
from lm_eval_overton.stats.draws import Array, of_equal_length
from lm_eval_overton.stats.intervals import as_finite
from lm_eval_overton.stats.paired import FEWEST_PAIRS, TEST_LEVEL, differences_of, shared_pairs
from lm_eval_overton.stats.sign_flips import sign_flip_ps

__all__ = ["Rank", "rank_ranges"]

# A probability that no number of random flips takes for `TEST_LEVEL`.
_SURELY_SMALL = TEST_LEVEL / 5
# They share what is drawn, and their resampled means take 40 MB.
_PAIRS_AT_A_TIME = 1000
_NORMAL = NormalDist()
_Signs = npt.NDArray[np.int8]


class Rank(NamedTuple):
    """A row, the best rank that it can claim, and the worst that it has to fear."""

    row: int
    first: int
    last: int


def rank_ranges(
    values: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
) -> list[Rank]:
    """Return leaderboard rows, best first, with the range of ranks that each can have.

    It begins at 1 + the number of rows that are better for sure on the prompts that both define,
    and ends at the number of rows less those that are worse for sure: the interval of the paired
    difference leaves 0 out, and p is below 5 %. So two rows of one range may still differ from
    each other, but neither is counted below a row that it cannot be told from.

    Args:
        values: (n_models, n_prompts), higher is better; NaN where undefined.
        rng: Source of the resamples; its state is left as it was.
        level: Confidence level in (0, 1).

    Returns:
        By descending mean over the prompts that the row defines (ties in row order).

    Raises:
        ValueError: If the array is not two-dimensional or not finite, a row has no defined prompt,
            or ``level`` is out of range.
    """
    check_settings(level)
    table = as_finite(values, 2, "rank_ranges")
    _require_a_prompt_per_row(table)
    order = [int(row) for row in np.argsort(-np.nanmean(table, axis=1), kind="stable")]
    signs = _signs_of_pairs(table, rng, level)
    better, worse = (signs < 0).sum(axis=1).tolist(), (signs > 0).sum(axis=1).tolist()
    return [Rank(row, 1 + better[row], len(table) - worse[row]) for row in order]


def _require_a_prompt_per_row(table: Array) -> None:
    empty = np.flatnonzero(np.isnan(table).all(axis=1))
    if len(empty):
        raise ValueError(
            f"rank_ranges: expected at least 1 defined prompt per row, got none in row(s) "
            f"{empty.tolist()}; leave out models without a score"
        )


def _signs_of_pairs(table: Array, rng: np.random.Generator, level: float) -> _Signs:
    """Return (n_models, n_models): 1 where the row is higher than the column for sure, -1 where
    it is lower, else 0."""
    found = np.zeros((len(table), len(table)), dtype=np.int8)
    pairs = combinations(range(len(table)), 2)
    while some := list(islice(pairs, _PAIRS_AT_A_TIME)):
        shared = (shared_pairs(table[i], table[j], "rank_ranges") for i, j in some)
        signs = _signs([differences_of(*pair) for pair in shared], rng, level)
        found[tuple(np.transpose(some))] = signs
    return np.asarray(found - found.T, dtype=np.int8)


def _signs(differences: Sequence[Array], rng: np.random.Generator, level: float) -> _Signs:
    """Return the sign of each clear difference, 0 for any other."""
    found = np.zeros(len(differences), dtype=np.int8)
    for places in of_equal_length(differences):
        if len(differences[places[0]]) >= FEWEST_PAIRS:
            columns = np.column_stack([differences[j] for j in places])
            found[places] = _clear_signs(columns, copy.deepcopy(rng), level)
    return found


def _clear_signs(columns: Array, rng: np.random.Generator, level: float) -> _Signs:
    """Return the signs of paired differences (n, k), 0 where they are not clear."""
    signs = np.sign(columns.mean(axis=0)).astype(np.int8)
    means = resampled_means(columns, rng, RESAMPLES)
    beyond = np.count_nonzero(means * signs <= 0, axis=0)
    # An interval reaches at least as far as that of percentiles.
    z = expanded((1 - level) / 2, len(columns))
    most = math.floor(_NORMAL.cdf(-z) * (RESAMPLES - 1)) + 1
    apart = [
        j
        for j in np.flatnonzero((beyond <= most) & (signs != 0)).tolist()
        if not beyond[j] or _leaves_out_0(columns[:, [j]], means[:, [j]], level)
    ]
    found = np.zeros(len(signs), dtype=np.int8)
    kept = [apart[i] for i in _significant([columns[:, j] for j in apart], rng)]
    found[kept] = signs[kept]
    return found


def _leaves_out_0(column: Array, means: Array, level: float) -> bool:
    interval = bootstrap(column, lambda own: own[..., 0], level, lambda: means)
    return interval.low > 0 or interval.high < 0


def _significant(differences: Sequence[Array], rng: np.random.Generator) -> list[int]:
    """Return the positions of the differences with a p-value below the level of tests."""
    sure = [_is_surely_small(own) for own in differences]
    doubted = [j for j, is_sure in enumerate(sure) if not is_sure]
    p_values = sign_flip_ps([differences[j] for j in doubted], rng) if doubted else []
    small = {j for j, p in zip(doubted, p_values, strict=True) if p < TEST_LEVEL}
    return [j for j, is_sure in enumerate(sure) if is_sure or j in small]


def _is_surely_small(own: Array) -> bool:
    """Tell whether Hoeffding's bound of the probability of so large a sum is small enough.

    Source: Hoeffding 1963, "Probability Inequalities for Sums of Bounded Random Variables".
    """
    return bool(own.sum() ** 2 >= 2 * math.log(2 / _SURELY_SMALL) * (own**2).sum())

"""Which of very many paired differences are clear, as `Comparison.is_clear` has it.

Of each pair only this is asked, and most pairs show it without their quantiles and without the
flips of their signs. Where an interval's bound is on which side of 0 follows from how many of the
resampled means lie there, and those are counted in products of matrices of 32 bits. What their
rounding leaves open is counted with 64 bits, and what that leaves open is computed as
`paired_comparison` does.

Source: Efron 1987, "Better Bootstrap Confidence Intervals".
"""

from __future__ import annotations

import copy
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import NormalDist
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.bootstrap import (
    RESAMPLES,
    bootstrap,
    expanded,
    fetched_means,
    free_of_rounding,
    times_drawn,
)
from lm_eval_overton.stats.draws import Array
from lm_eval_overton.stats.paired import TEST_LEVEL, differences_of
from lm_eval_overton.stats.progress import progress
from lm_eval_overton.stats.sign_flips import are_below
from lm_eval_overton.stats.sums import Bools, Counts, at_or_below, rounding_of

__all__ = ["Pairs", "Signs", "clear_signs"]

Signs = npt.NDArray[np.int8]
_Places = npt.NDArray[np.intp]

_NORMAL = NormalDist()
# From so many prompts on, what 32 bits leave open is more than what they save.
_MANY_PROMPTS = 1000
# The means of so many pairs, where they have to be computed in full, take each thread 40 MB.
_PAIRS_AT_A_TIME = 1024
# Differences that each thread holds at a time: 8 MB.
_HELD = 2**20
# Each works on blocks of its own.
_WORKERS = min(os.cpu_count() or 1, 8)
_ALONE = Lock()
_KINDS = np.float32, np.float64
# What two ways of computing a quantile's position can differ by.
_SLACK = 1e-6


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows, by their positions in a table, that share n prompts each."""

    table: Array
    first: _Places
    second: _Places
    n: int

    def differences(self, at: _Places) -> Array:
        """Return first minus second of some pairs, (k, n), in a unit of each row's own.

        Neither squares nor 32 bits hold numbers of any size, and no sign depends on the unit; a
        power of 2 rounds nothing.
        """
        own = differences_of(self.table[self.first[at]], self.table[self.second[at]])
        own = own[~np.isnan(own)].reshape(-1, self.n)
        _, exponents = np.frexp(np.abs(own).max(axis=1, keepdims=True))
        return np.asarray(np.ldexp(own, -exponents))


def clear_signs(pairs: Pairs, rng: np.random.Generator, level: float) -> Signs:
    """Return the sign of the mean difference of each pair, 0 where it is not clear.

    Args:
        pairs: At least one pair.
        rng: Source of the resamples and flips; its state is left as it was.
        level: Confidence level in (0, 1).
    """
    from threadpoolctl import threadpool_limits

    rng = copy.deepcopy(rng)
    resamples = _Resamples(pairs.n, rng, level)
    some = max(1, _HELD // pairs.n)
    # Arrays are worked on without Python's lock, and no block draws from the generator itself. A
    # product of matrices with threads of its own would wait for those of the others; how many it
    # has is one setting of the process, and who finds it lowered would leave it so.
    with _ALONE, threadpool_limits(1), ThreadPoolExecutor(_WORKERS) as pool:
        blocks = _blocks(np.arange(len(pairs.first)), min(some, _PAIRS_AT_A_TIME))
        signs = pool.map(lambda at: resamples.signs(pairs.differences(at)), blocks)
        found = np.concatenate([*progress(signs, "Pairs", len(blocks))])
        blocks = _blocks(np.flatnonzero(found), some)
        tested = pool.map(lambda at: are_below(pairs.differences(at), TEST_LEVEL, rng), blocks)
        for at, is_below in zip(blocks, tested, strict=True):
            found[at[~is_below]] = 0
    return found


def _blocks(places: _Places, size: int) -> list[_Places]:
    return [places[start : start + size] for start in range(0, len(places), size)]


class _Resamples:
    """What the same resamples of n prompts say of many differences."""

    def __init__(self, n: int, rng: np.random.Generator, level: float) -> None:
        self._n, self._level, self._rng = n, level, copy.deepcopy(rng)
        self._times = np.concatenate([*times_drawn(n, rng, RESAMPLES)])
        self._z = expanded((1 - level) / 2, n)
        self._tail = _NORMAL.cdf(-self._z)

    def signs(self, differences: Array) -> Signs:
        """Return the sign of each mean of rows (k, n), 0 where its interval holds 0."""
        signs = np.sign(differences.mean(axis=1)).astype(np.int8)
        upward = differences * signs[:, np.newaxis]
        doubted = np.flatnonzero(signs)
        for kind in _KINDS if differences.shape[1] <= _MANY_PROMPTS else _KINDS[1:]:
            is_apart, is_open = self._above_0(upward[doubted], kind)
            signs[doubted[~is_apart & ~is_open]] = 0
            doubted = doubted[is_open]
        signs[doubted[~self._is_apart(differences[doubted])]] = 0
        return np.asarray(signs, dtype=np.int8)

    def _is_apart(self, differences: Array) -> Bools:
        """Tell of each row whether its interval, computed in full, leaves 0 out."""
        if not len(differences):
            return np.zeros(0, dtype=np.bool_)
        means = fetched_means(differences.T, copy.deepcopy(self._rng), RESAMPLES)
        found = [
            free_of_rounding(
                bootstrap(own[:, np.newaxis], _first, self._level, means[:, [j]].copy), own
            )
            for j, own in enumerate(differences)
        ]
        return np.array([own.low > 0 or own.high < 0 for own in found])

    def _above_0(self, table: Array, kind: Any) -> tuple[Bools, Bools]:
        """Tell of each row, its mean above 0, whether its interval is, and whether that is open."""
        margin, sums = rounding_of(table, kind, self._n), table.sum(axis=1)
        position = self._tail * (RESAMPLES - 1)
        bounds = -margin, margin, sums - margin, sums + margin
        least, most, low, high = at_or_below(table, self._times, bounds, kind, position + 2)
        is_apart, is_open = most == 0, np.zeros(len(table), dtype=np.bool_)
        near = np.flatnonzero((most > 0) & (least <= position + 2))
        first, last = self._positions(table[near], kind, low[near], high[near])
        is_apart[near] = np.floor(first - _SLACK) >= most[near]
        is_open[near] = ~is_apart[near] & (np.floor(last + _SLACK) > least[near] - 2)
        return is_apart, is_open

    def _positions(self, table: Array, kind: Any, low: Counts, high: Counts) -> tuple[Array, Array]:
        """Return the least and the greatest place among the resamples at which the lower bound of
        each row's interval can be read, counted from 0.

        At least `low` and at most `high` of the resamples lie below the estimate.
        """
        shares = low / RESAMPLES, high / RESAMPLES
        if kind is np.float64:
            # What so small a rounding cannot tell from the estimate is equal to it: it counts half.
            shares = ((low + high) / 2 / RESAMPLES,) * 2
        skewness = _acceleration(table)
        levels = [self._level_of(share, skewness) for share in shares]
        # Between what is defined and what is not, nothing is known but that.
        edge = np.isnan(levels[0]) != np.isnan(levels[1])
        levels[0][edge], levels[1][edge] = 0, self._tail
        first, last = (np.fmin(level, self._tail) * (RESAMPLES - 1) for level in levels)
        return first, last

    def _level_of(self, below: Array, acceleration: Array) -> Array:
        """Return the level of BCa's lower bound of each row, NaN where it is undefined."""
        from scipy.special import ndtr, ndtri

        with np.errstate(invalid="ignore", divide="ignore"):
            bias = np.where((below > 0) & (below < 1), ndtri(below), np.nan)
            shifted = bias - self._z, bias + self._z
            low, high = (1 - acceleration * shift for shift in shifted)
            level = ndtr(bias + shifted[0] / low)
        return np.where((low > 0) & (high > 0), level, np.nan)


def _first(means: Array) -> Array:
    return means[..., 0]


def _acceleration(table: Array) -> Array:
    """Return Efron's acceleration of the mean of each row (k, n); NaN for constant ones."""
    apart = table - table.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = apart / np.abs(apart).max(axis=1, keepdims=True, initial=0)
        return np.asarray((scaled**3).sum(axis=1) / (6 * (scaled**2).sum(axis=1) ** 1.5))

"""The value of a metric at a fixed number of samples, whatever number there is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

__all__ = ["MAX_SUBSETS", "at_fixed_n"]

MAX_SUBSETS = 200


def at_fixed_n(
    n_samples: int, n: int, statistic: Callable[[Sequence[int]], float], seed: int
) -> float:
    """Return the expected value of a statistic over subsets of n of the samples.

    All subsets are taken if there are at most `MAX_SUBSETS`, else that many drawn with the seed.

    Args:
        n_samples: How many samples there are.
        n: The task's fixed number of samples, at least 1.
        statistic: Called with the indices of one subset, in rising order.
        seed: Seed of the drawn subsets.

    Returns:
        The mean over the subsets; NaN for fewer than n samples or where the statistic is NaN.

    Raises:
        ValueError: If n is below 1.
    """
    if n < 1:
        raise ValueError(f"at_fixed_n: expected n of at least 1, got {n}")
    if n_samples < n:
        return math.nan
    values = [statistic(chosen) for chosen in _subsets(n_samples, n, seed)]
    return math.fsum(values) / len(values)


def _subsets(n_samples: int, n: int, seed: int) -> list[tuple[int, ...]]:
    if math.comb(n_samples, n) <= MAX_SUBSETS:
        return list(combinations(range(n_samples), n))
    rng = np.random.default_rng(seed)
    draws = (rng.choice(n_samples, size=n, replace=False) for _ in range(MAX_SUBSETS))
    return [tuple(sorted(int(i) for i in draw)) for draw in draws]

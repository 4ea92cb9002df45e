"""The mean of several seeds of one recipe over the same prompts, with what seeds differ in.

Seeds and prompts are both drawn: other seeds would give other means on these prompts, and other
prompts with these seeds. An interval over prompts alone is one of the seeds that were trained, and
not of the recipe.

Sources: Satterthwaite 1946, "An Approximate Distribution of Estimates of Variance Components"; Owen
2007, "The Pigeonhole Bootstrap" (crossed random effects have no exact interval; what is counted
with both makes it wider, never too narrow).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lm_eval_overton.stats.bootstrap import Interval, check_settings
from lm_eval_overton.stats.draws import ROUNDING, Array

__all__ = ["OverSeeds", "over_seeds"]


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """What several seeds have on the same prompts.

    Attributes:
        n_seeds: How many there are.
        sd: Standard deviation of their means.
        low: The lowest of their means.
        high: The highest.
        interval: The mean of all, with its interval over seeds and prompts.
        p_value: Two-sided, of a mean of 0 over seeds and prompts; 1 where nothing varies.
        p_seeds: How likely seeds that differ by chance alone, prompt by prompt, are as far apart;
            NaN where nothing varies.
    """

    n_seeds: int
    sd: float
    low: float
    high: float
    interval: Interval
    p_value: float
    p_seeds: float


def over_seeds(values: Array, level: float = 0.95) -> OverSeeds:
    """Return the mean of several seeds with an interval over seeds and prompts.

    The squared standard error is that over prompts, of the means of all seeds, and that over seeds,
    of the means of all prompts: sd(prompts)² / n + sd(seeds)² / k. What a seed does on a prompt
    alone is counted in both. Student's t has Satterthwaite's degrees of freedom, about k - 1 where
    seeds differ most. With two seeds that differ much more than prompts do it is too narrow.

    Args:
        values: (n_seeds, n_prompts), at least two seeds and two prompts, without NaN.
        level: Confidence level in (0, 1).

    Raises:
        ValueError: If there are fewer, or ``level`` is out of range.
    """
    from scipy.special import fdtrc, stdtr, stdtrit

    check_settings(level)
    k, n = values.shape
    if k < 2 or n < 2:
        raise ValueError(
            f"over_seeds: expected two seeds and two prompts at least, got {k} and {n}"
        )
    means, prompts = values.mean(axis=1), values.mean(axis=0)
    mean = float(values.mean())
    errors = np.array([_variance(prompts) / n, _variance(means) / k])
    error = math.sqrt(errors.sum())
    interval, p_value = Interval(mean, mean, mean, n), 1.0
    if error:
        freedom = errors.sum() ** 2 / (errors**2 / (n - 1, k - 1)).sum()
        width = float(stdtrit(freedom, (1 + level) / 2)) * error
        interval = Interval(mean, mean - width, mean + width, n)
        p_value = float(2 * stdtr(freedom, -abs(mean) / error))
    rest = values - means[:, np.newaxis] - prompts + mean
    freedoms = (k - 1, (n - 1) * (k - 1))
    chance = float((rest**2).sum()) / freedoms[1]
    p_seeds = float(fdtrc(*freedoms, k * n * errors[1] / chance)) if chance > 0 else math.nan
    return OverSeeds(
        k, math.sqrt(k * errors[1]), float(means.min()), float(means.max()), interval, p_value,
        p_seeds,
    )  # fmt: skip


def _variance(values: Array) -> float:
    """Return the variance of values, exactly 0 where only rounding tells them apart."""
    spread = float(np.ptp(values))
    return 0.0 if spread <= ROUNDING * float(np.abs(values).max()) else float(values.var(ddof=1))

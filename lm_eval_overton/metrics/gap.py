"""How much of the gap between a floor and a ceiling is recovered."""

from __future__ import annotations

import math

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.metrics.formulas.similarity import gap_recovered

__all__ = ["gap"]


def gap(table: stats.Array, seed: int) -> stats.Interval:
    """Return (score - floor) / (ceiling - floor), a ratio of means over prompts.

    Args:
        table: (n_prompts, 3), finite: score, floor and ceiling of each prompt.
        seed: Of the resamples.

    Returns:
        The ratio with its 95 % interval, 0 at the floor and 1 at the ceiling; all NaN where floor
        and ceiling cannot be told apart.
    """
    if not _are_told_apart(table, seed):
        return stats.Interval(math.nan, math.nan, math.nan, len(table))
    return stats.statistic_interval(table, _ratio, np.random.default_rng(seed))


def _are_told_apart(table: stats.Array, seed: int) -> bool:
    apart = stats.paired_comparison(table[:, 2], table[:, 1], np.random.default_rng(seed))
    return apart.ci_low > 0 or apart.ci_high < 0


def _ratio(means: stats.Array) -> stats.Array:
    return gap_recovered(means[..., 0], means[..., 1], means[..., 2])

"""Intervals, paired tests and shared ranks over prompts."""

from lm_eval_overton.stats.draws import SEED, Array
from lm_eval_overton.stats.paired import (
    RESAMPLES,
    Comparison,
    Interval,
    Statistic,
    Values,
    holm,
    mean_interval,
    mean_intervals,
    paired_comparison,
    paired_comparisons,
    shared_ranks,
    standard_error,
    statistic_interval,
)

__all__ = [
    "RESAMPLES",
    "SEED",
    "Array",
    "Comparison",
    "Interval",
    "Statistic",
    "Values",
    "holm",
    "mean_interval",
    "mean_intervals",
    "paired_comparison",
    "paired_comparisons",
    "shared_ranks",
    "standard_error",
    "statistic_interval",
]

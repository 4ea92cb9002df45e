"""Intervals, paired tests and shared ranks over prompts."""

from lm_eval_overton.stats.bootstrap import RESAMPLES, UNBOUNDED, Interval, Range, Statistic
from lm_eval_overton.stats.change_point import ChangePoint, change_point, change_points
from lm_eval_overton.stats.draws import SEED, Array
from lm_eval_overton.stats.intervals import (
    Values,
    mean_interval,
    mean_intervals,
    ratio_of_means,
    standard_error,
    statistic_interval,
)
from lm_eval_overton.stats.paired import (
    FEWEST_PAIRS,
    TEST_LEVEL,
    Comparison,
    holm,
    paired_comparison,
    paired_comparisons,
)
from lm_eval_overton.stats.ranks import Rank, rank_ranges

__all__ = [
    "FEWEST_PAIRS",
    "RESAMPLES",
    "SEED",
    "TEST_LEVEL",
    "UNBOUNDED",
    "Array",
    "ChangePoint",
    "Comparison",
    "Interval",
    "Range",
    "Rank",
    "Statistic",
    "Values",
    "change_point",
    "change_points",
    "holm",
    "mean_interval",
    "mean_intervals",
    "paired_comparison",
    "paired_comparisons",
    "rank_ranges",
    "ratio_of_means",
    "standard_error",
    "statistic_interval",
]

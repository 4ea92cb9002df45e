"""Intervals of a mean, or of a function of means, over prompts.

The unit is the prompt: one value per prompt, NaN (or None) where the metric is undefined.
Undefined values are dropped and the number that remains is returned with every result. The
caller passes the random generator, so equal seeds give equal results.

Sources: Efron 1987, "Better Bootstrap Confidence Intervals"; Hesterberg 2015, "What Teachers Should
Know About the Bootstrap".
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.bootstrap import (
    RESAMPLES,
    UNBOUNDED,
    Interval,
    Range,
    Statistic,
    bootstrap,
    check_settings,
    mean_intervals_of,
    resampled_means,
)
from lm_eval_overton.stats.draws import Array, of_equal_length

__all__ = [
    "Values",
    "as_finite",
    "mean_interval",
    "mean_intervals",
    "ratio_of_means",
    "standard_error",
    "statistic_interval",
]

Values = Sequence[float | None] | Array


def mean_interval(
    values: Values,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
    limits: Range = UNBOUNDED,
) -> Interval:
    """Return the mean over prompts with its bootstrap interval.

    The further bounds of BCa and percentile, with tails widened to Student's t. Of constant values
    within finite limits it is exact: for a share that is 0 on n prompts the upper bound of 95 % is
    1 - .025 ** (1 / n). Without limits it has no width. Sources: Efron 1987; Hesterberg 2015.

    Args:
        values: (n_prompts,), finite; NaN or None where undefined.
        rng: Source of the resamples.
        level: Confidence level in (0, 1).
        n_resamples: Number of bootstrap resamples, at least 1.
        limits: The least and the greatest value that there can be.

    Returns:
        The mean and its bounds, within the range of the values unless they are constant; all NaN
        with n = 0 if no value is defined, NaN bounds for one value.

    Raises:
        ValueError: If the values are not one-dimensional or not finite, or ``level`` or
            ``n_resamples`` is out of range.
    """
    check_settings(level, n_resamples)
    known = _defined(values, "mean_interval")
    return mean_intervals_of([known], rng, level, n_resamples, [limits])[0]


def mean_intervals(
    table: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
    limits: Sequence[Range] | None = None,
) -> list[Interval]:
    """Return the mean of each column over prompts with its bootstrap interval.

    Each is what `mean_interval` returns from the generator's present state, so none depends on
    the other columns. Columns with equally many defined values share their resamples, which
    takes a fraction of the time.

    Args:
        table: (n_prompts, k), one metric per column, finite; NaN where undefined.
        rng: Source of the resamples; its state is left as it was.
        level: Confidence level in (0, 1).
        n_resamples: Number of bootstrap resamples, at least 1.
        limits: Per column the least and the greatest value that there can be.

    Returns:
        One interval per column.

    Raises:
        ValueError: If the table is not two-dimensional or not finite, or ``level`` or
            ``n_resamples`` is out of range.
    """
    check_settings(level, n_resamples)
    columns = [own[~np.isnan(own)] for own in as_finite(table, 2, "mean_intervals").T]
    ranges = [UNBOUNDED] * len(columns) if limits is None else limits
    found: dict[int, Interval] = {}
    for places in of_equal_length(columns):
        own = [columns[j] for j in places]
        ours = [ranges[j] for j in places]
        intervals = mean_intervals_of(own, copy.deepcopy(rng), level, n_resamples, ours)
        found |= dict(zip(places, intervals, strict=True))
    return [found[j] for j in range(len(columns))]


def standard_error(values: Values) -> float:
    """Return the standard error of the mean over prompts, sd(ddof=1) / sqrt(n).

    Args:
        values: (n_prompts,), finite; NaN or None where undefined.

    Returns:
        At least 0, in the unit of the values; NaN for fewer than two defined values.

    Raises:
        ValueError: If the values are not one-dimensional or not finite.
    """
    known = _defined(values, "standard_error")
    return float(known.std(ddof=1)) / math.sqrt(len(known)) if len(known) > 1 else math.nan


def statistic_interval(
    columns: npt.ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
) -> Interval:
    """Return a function of column means with its bootstrap interval over prompts.

    It serves ratios of means, such as ``gap_recovered`` = (S - floor) / (ceiling - floor), which
    are not means of ratios. The further bounds of BCa with jackknife acceleration and percentile,
    with tails widened to Student's t. Sources: Efron 1987; Hesterberg 2015.

    Args:
        columns: (n_prompts, k), one column per mean, finite or NaN; a prompt with a NaN in any
            column is dropped from all.
        statistic: Maps column means (..., k) to values (...); NaN or infinite where undefined.
        rng: Source of the resamples.
        level: Confidence level in (0, 1).
        n_resamples: Number of bootstrap resamples, at least 1.

    Returns:
        The statistic of the means and its bounds. Bounds are NaN for fewer than two complete
        prompts and where the statistic is undefined on the estimate or on any resample.

    Raises:
        ValueError: If the columns are not two-dimensional or not finite, the statistic returns
            another shape, or ``level`` or ``n_resamples`` is out of range.
    """
    table = as_finite(columns, 2, "statistic_interval")
    complete = table[~np.isnan(table).any(axis=1)]
    check_settings(level, n_resamples)
    return bootstrap(
        complete, statistic, level, lambda: resampled_means(complete, rng, n_resamples)
    )


def ratio_of_means(columns: Array) -> Array:
    """Return the first column's mean over the second's, a statistic for `statistic_interval`.

    Args:
        columns: Means (..., 2).

    Returns:
        (...); NaN or infinite where the second is 0.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(columns[..., 0] / columns[..., 1])


def as_finite(values: object, dimensions: int, caller: str) -> Array:
    """Return the values as floats, NaN for None.

    Args:
        values: What should be an array.
        dimensions: How many it should have.
        caller: Whose argument it is, for messages.

    Raises:
        ValueError: On another number of dimensions or an infinite value.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions:
        raise ValueError(
            f"{caller}: expected an array of {dimensions} dimension(s), got shape {array.shape}; "
            "pass one value per prompt, NaN where the metric is undefined"
        )
    if np.isinf(array).any():
        raise ValueError(
            f"{caller}: expected finite values or NaN, got {int(np.isinf(array).sum())} infinite; "
            "return NaN from the metric where it is undefined"
        )
    return array


def _defined(values: Values, caller: str) -> Array:
    array = as_finite(values, 1, caller)
    return array[~np.isnan(array)]

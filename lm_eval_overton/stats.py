"""Intervals, paired tests and shared ranks over prompts.

The unit is the prompt: one value per prompt, NaN (or None) where the metric is undefined.
Undefined values are dropped and the number that remains is returned with every result. The
caller passes the random generator, so equal seeds give equal results.

Sources: Efron 1987, "Better Bootstrap Confidence Intervals" (BCa); Phipson and Smyth 2010,
"Permutation P-values Should Never Be Zero"; Holm 1979, "A Simple Sequentially Rejective
Multiple Test Procedure".
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Values = Sequence[float | None] | Array
Statistic = Callable[[Array], Array]

# The Monte Carlo error of a 95 % endpoint is then about 4 % of a standard error, and 90 intervals
# over 10,000 prompts take about 15 seconds on one core.
RESAMPLES = 4_999
# The smallest p-value is then 0.0001, which stays below 0.05 after Holm over hundreds of metrics.
SIGN_FLIPS = 9_999
EXACT_PAIRS = 14
TEST_LEVEL = 0.05
TEST_POWER = 0.8

# From so many columns on, counting what was drawn takes less time than fetching it.
_MANY_COLUMNS = 4
# Random draws held at a time: larger blocks leave the processor's cache and are slower.
_DRAWS_PER_BLOCK = 2**17
# Differences that are equal on paper differ by rounding; below these relative sizes they are ties.
_ROUNDING = 1e-12
_TIE = 1e-10

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate over prompts with its confidence interval, in the unit of the values.

    Attributes:
        estimate: The statistic over all defined prompts; NaN if it is undefined.
        low: Lower bound; NaN for fewer than two prompts.
        high: Upper bound, at least ``low``; NaN for fewer than two prompts.
        n: Number of prompts that entered.
    """

    estimate: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs on the prompts that both have, in the unit of the values.

    Attributes:
        mean_a: Mean of the first run over the shared prompts.
        mean_b: Mean of the second run over the same prompts.
        difference: Mean of first minus second.
        ci_low: Lower bound of the difference; NaN for fewer than two pairs.
        ci_high: Upper bound of the difference; NaN for fewer than two pairs.
        p_value: Two-sided, in (0, 1]; not corrected for other metrics (see `holm`).
        detectable: Smallest absolute difference found with 80 % power at the 5 % level,
            at least 0; NaN for fewer than two pairs.
        n: Number of shared prompts; with 0 every other field is NaN.
    """

    mean_a: float
    mean_b: float
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    detectable: float
    n: int


def mean_interval(
    values: Values,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
) -> Interval:
    """Return the mean over prompts with its bootstrap interval.

    BCa, or percentile where BCa is undefined; constant values give a zero-width interval.
    Source: Efron 1987.

    Args:
        values: (n_prompts,), finite; NaN or None where undefined.
        rng: Source of the resamples.
        level: Confidence level in (0, 1).
        n_resamples: Number of bootstrap resamples, at least 1.

    Returns:
        The mean and its bounds, within the range of the values; all NaN with n = 0 if no value
        is defined, NaN bounds for one value.

    Raises:
        ValueError: If the values are not one-dimensional or not finite, or ``level`` or
            ``n_resamples`` is out of range.
    """
    _check_settings(level, n_resamples)
    return _mean_intervals([_defined(values, "mean_interval")], rng, level, n_resamples)[0]


def mean_intervals(
    table: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
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

    Returns:
        One interval per column.

    Raises:
        ValueError: If the table is not two-dimensional or not finite, or ``level`` or
            ``n_resamples`` is out of range.
    """
    _check_settings(level, n_resamples)
    columns = [own[~np.isnan(own)] for own in _as_finite(table, 2, "mean_intervals").T]
    found: dict[int, Interval] = {}
    for places in _of_equal_length(columns):
        own = [columns[j] for j in places]
        intervals = _mean_intervals(own, copy.deepcopy(rng), level, n_resamples)
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
    return _standard_error(_defined(values, "standard_error"))


def statistic_interval(
    columns: npt.ArrayLike,
    statistic: Statistic,
    rng: np.random.Generator,
    level: float = 0.95,
    n_resamples: int = RESAMPLES,
) -> Interval:
    """Return a function of column means with its bootstrap interval over prompts.

    It serves ratios of means, such as ``gap_recovered`` = (S - floor) / (ceiling - floor), which
    are not means of ratios. BCa with jackknife acceleration, or percentile where BCa is
    undefined. Source: Efron 1987.

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
    table = _as_finite(columns, 2, "statistic_interval")
    complete = table[~np.isnan(table).any(axis=1)]
    _check_settings(level, n_resamples)
    return _bootstrap(
        complete, statistic, level, lambda: _resampled_means(complete, rng, n_resamples)
    )


def paired_comparison(
    a: Values,
    b: Values,
    rng: np.random.Generator,
    level: float = 0.95,
) -> Comparison:
    """Return how two runs differ on the prompts where both are defined.

    The interval is the bootstrap of `mean_interval` over the paired differences. The p-value is
    that of the sign-flip permutation test: exact up to 14 pairs that differ, else from 9,999
    random flips, (1 + count) / (1 + flips). Sources: Efron 1987; Phipson and Smyth 2010.

    Args:
        a: (n_prompts,), the first run; NaN or None where undefined.
        b: (n_prompts,), the second run, in the same order of prompts.
        rng: Source of the resamples and flips.
        level: Confidence level in (0, 1).

    Returns:
        Means, difference (a minus b), interval, p-value, smallest detectable difference and
        number of pairs. One pair has p = 1, as has a run compared with itself.

    Raises:
        ValueError: If the arrays are not one-dimensional, not finite or of different lengths, or
            ``level`` is out of range.
    """
    _check_settings(level)
    return _comparisons([_shared_pairs(a, b, "paired_comparison")], rng, level)[0]


def paired_comparisons(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
) -> list[Comparison]:
    """Return for each column how two runs differ on the prompts where both are defined.

    Each is what `paired_comparison` returns from the generator's present state, so none depends
    on the other columns. Columns with equally many pairs share their resamples and flips.

    Args:
        a: (n_prompts, k), the first run, one metric per column, finite; NaN where undefined.
        b: (n_prompts, k), the second run, in the same order of prompts and metrics.
        rng: Source of the resamples and flips; its state is left as it was.
        level: Confidence level in (0, 1).

    Returns:
        One comparison per column.

    Raises:
        ValueError: If the tables are not two-dimensional, not finite or of different shapes, or
            ``level`` is out of range.
    """
    _check_settings(level)
    first, second = (_as_finite(own, 2, "paired_comparisons") for own in (a, b))
    if first.shape != second.shape:
        raise ValueError(
            f"paired_comparisons: expected two tables of one shape, got {first.shape} and "
            f"{second.shape}; align them by prompt and metric, NaN where a run lacks one"
        )
    columns = zip(first.T, second.T, strict=True)
    pairs = [_shared_pairs(*own, "paired_comparisons") for own in columns]
    found: dict[int, Comparison] = {}
    for places in _of_equal_length([own for own, _ in pairs]):
        compared = _comparisons([pairs[j] for j in places], copy.deepcopy(rng), level)
        found |= dict(zip(places, compared, strict=True))
    return [found[j] for j in range(len(pairs))]


def holm(p_values: Values) -> Array:
    """Return p-values adjusted for the number of tests made.

    Source: Holm 1979.

    Args:
        p_values: (n_tests,), each in [0, 1]; NaN or None for a test that was not made, which
            does not count as a test.

    Returns:
        (n_tests,), in the order given, each in [0, 1] and at least as large as given; NaN where
        the input is.

    Raises:
        ValueError: If a value lies outside [0, 1] or the input is not one-dimensional.
    """
    adjusted: Array = _as_finite(p_values, 1, "holm").copy()
    made = np.flatnonzero(~np.isnan(adjusted))
    outside = [float(p) for p in adjusted[made] if not 0 <= p <= 1]
    if outside:
        raise ValueError(
            f"holm: expected p-values in [0, 1], got {outside[0]}; "
            "pass the p_value of each comparison, NaN where there is none"
        )
    ascending = made[np.argsort(adjusted[made], kind="stable")]
    tests_left = np.arange(len(made), 0, -1)
    stepped = np.maximum.accumulate(adjusted[ascending] * tests_left)
    adjusted[ascending] = np.minimum(stepped, 1.0)
    return adjusted


def shared_ranks(
    values: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
) -> list[tuple[int, int]]:
    """Return leaderboard rows, best first, with the rank that each can claim.

    A row shares the rank of the row above if the interval of their paired difference contains 0,
    or if they share too few prompts (fewer than two) for an interval. Only neighbours are
    compared, so the ends of a long run of equal ranks may well differ.

    Args:
        values: (n_models, n_prompts), higher is better; NaN where undefined.
        rng: Source of the resamples.
        level: Confidence level in (0, 1).

    Returns:
        Pairs of row index and rank, by descending mean over the prompts that the row defines
        (ties in row order). Ranks start at 1 and skip: 1, 1, 3.

    Raises:
        ValueError: If the array is not two-dimensional or not finite, or a row has no defined
            prompt.
    """
    table = _as_finite(values, 2, "shared_ranks")
    _require_a_prompt_per_row(table)
    order = [int(row) for row in np.argsort(-np.nanmean(table, axis=1), kind="stable")]
    ranks: list[int] = []
    for position, row in enumerate(order):
        shares = position > 0 and _cannot_be_told_apart(
            table[order[position - 1]], table[row], rng, level
        )
        ranks.append(ranks[-1] if shares else position + 1)
    return list(zip(order, ranks, strict=True))


def _as_finite(values: object, dimensions: int, caller: str) -> Array:
    """Return the values as floats (None as NaN), or raise on a wrong shape or infinity."""
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
    array = _as_finite(values, 1, caller)
    return array[~np.isnan(array)]


def _of_equal_length(columns: Sequence[Array]) -> list[list[int]]:
    """Return the positions of the columns, those of one length together.

    What is drawn depends on the length alone.
    """
    places: dict[int, list[int]] = {}
    for j, column in enumerate(columns):
        places.setdefault(len(column), []).append(j)
    return list(places.values())


def _shared_pairs(a: Values, b: Values, caller: str) -> tuple[Array, Array]:
    """Return both runs restricted to the prompts that both define, each (n_shared,)."""
    first, second = _as_finite(a, 1, caller), _as_finite(b, 1, caller)
    if len(first) != len(second):
        raise ValueError(
            f"{caller}: expected two runs over the same prompts, got {len(first)} and "
            f"{len(second)} values; align them by prompt, NaN where a run lacks one"
        )
    both = ~(np.isnan(first) | np.isnan(second))
    return first[both], second[both]


def _differences(first: Array, second: Array) -> Array:
    """Return first minus second, (n,), exactly 0 where only rounding tells them apart.

    Without this, 0.1 + 0.2 against 0.3 on every prompt would be a significant difference.
    """
    differences = first - second
    rounding = _ROUNDING * (np.abs(first) + np.abs(second))
    return np.where(np.abs(differences) <= rounding, 0.0, differences)


def _cannot_be_told_apart(
    above: Array, below: Array, rng: np.random.Generator, level: float
) -> bool:
    pairs = _shared_pairs(above, below, "shared_ranks")
    interval = mean_interval(_differences(*pairs), rng, level)
    return not (interval.low > 0 or interval.high < 0)


def _require_a_prompt_per_row(table: Array) -> None:
    empty = np.flatnonzero(np.isnan(table).all(axis=1))
    if len(empty):
        raise ValueError(
            f"shared_ranks: expected at least 1 defined prompt per row, got none in row(s) "
            f"{empty.tolist()}; leave out models without a score"
        )


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else math.nan


def _standard_error(values: Array) -> float:
    if len(values) < 2:
        return math.nan
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def _detectable(differences: Array) -> float:
    """Return the smallest absolute mean difference found with 80 % power at the 5 % level."""
    quantiles = _NORMAL.inv_cdf(1 - TEST_LEVEL / 2) + _NORMAL.inv_cdf(TEST_POWER)
    return quantiles * _standard_error(differences)


def _first_column(means: Array) -> Array:
    return means[..., 0]


def _mean_intervals(
    columns: Sequence[Array], rng: np.random.Generator, level: float, n_resamples: int
) -> list[Interval]:
    """Return the interval of each column's mean; all are (n,) without NaN."""
    n = len(columns[0])
    table = np.column_stack(columns)
    means = _resampled_means(table, rng, n_resamples) if n > 1 else np.empty((0, len(columns)))
    return [
        _bootstrap(column[:, np.newaxis], _first_column, level, means[:, [j]].copy)
        for j, column in enumerate(columns)
    ]


def _comparisons(
    pairs: Sequence[tuple[Array, Array]], rng: np.random.Generator, level: float
) -> list[Comparison]:
    """Return how each two columns differ; all are (n,) without NaN."""
    differences = [_differences(*own) for own in pairs]
    intervals = _mean_intervals(differences, rng, level, RESAMPLES)
    p_values = _sign_flip_ps(differences, rng)
    return [
        Comparison(
            mean_a=_mean(first),
            mean_b=_mean(second),
            difference=interval.estimate,
            ci_low=interval.low,
            ci_high=interval.high,
            p_value=p_value,
            detectable=_detectable(own),
            n=interval.n,
        )
        for (first, second), own, interval, p_value in zip(
            pairs, differences, intervals, p_values, strict=True
        )
    ]


def _bootstrap(
    columns: Array, statistic: Statistic, level: float, resample: Callable[[], Array]
) -> Interval:
    """Return the statistic of the column means of complete rows (n, k) with its interval.

    `resample` gives the column means (n_resamples, k) of resampled rows.
    """
    n = len(columns)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0)
    estimate = float(_evaluate(statistic, columns.mean(axis=0)))
    if n < 2 or math.isnan(estimate):
        return Interval(estimate, math.nan, math.nan, n)
    resampled = _evaluate(statistic, resample())
    # An interval over only those resamples where the statistic is defined would be too narrow.
    if np.isnan(resampled).any():
        return Interval(estimate, math.nan, math.nan, n)
    jackknife = _evaluate(statistic, (columns.sum(axis=0) - columns) / (n - 1))
    low, high = _bounds(estimate, resampled, jackknife, level)
    return Interval(estimate, low, high, n)


def _check_settings(level: float, n_resamples: int = RESAMPLES) -> None:
    if not 0 < level < 1:
        raise ValueError(
            f"bootstrap: expected a confidence level between 0 and 1, got {level}; "
            "pass 0.95 for 95 %"
        )
    if n_resamples < 1:
        raise ValueError(
            f"bootstrap: expected at least 1 resample, got {n_resamples}; "
            f"leave n_resamples at {RESAMPLES}"
        )


def _evaluate(statistic: Statistic, means: Array) -> Array:
    """Return the statistic of means (..., k) as (...), NaN for whatever is not finite."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        result = np.asarray(statistic(means), dtype=np.float64)
    if result.shape != means.shape[:-1]:
        raise ValueError(
            f"statistic_interval: expected the statistic to map means {means.shape} to "
            f"{means.shape[:-1]}, got {result.shape}; index the columns as means[..., j]"
        )
    return np.where(np.isfinite(result), result, np.nan)


def _blocks(rows: int, draws_per_row: int) -> Iterator[int]:
    """Yield row counts that add up to ``rows`` and keep each block of draws small."""
    size = max(1, _DRAWS_PER_BLOCK // draws_per_row)
    for start in range(0, rows, size):
        yield min(size, rows - start)


def _resampled_means(columns: Array, rng: np.random.Generator, n_resamples: int) -> Array:
    """Return the column means (n_resamples, k) of rows drawn with replacement."""
    n, k = columns.shape
    means = _counted_means if k >= _MANY_COLUMNS else _fetched_means
    rows = _blocks(n_resamples, n)
    return np.concatenate([means(columns, rng.integers(0, n, size=(own, n))) for own in rows])


def _fetched_means(columns: Array, drawn: npt.NDArray[np.int64]) -> Array:
    """Return the column means (rows, k) of drawn positions (rows, n)."""
    return np.stack([column.take(drawn).mean(axis=1) for column in columns.T.copy()], axis=1)


def _counted_means(columns: Array, drawn: npt.NDArray[np.int64]) -> Array:
    """Return the same from how often each position was drawn, in one product of matrices."""
    rows, n = drawn.shape
    places = drawn + n * np.arange(rows)[:, np.newaxis]
    counts = np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n)
    means: Array = counts.astype(np.float64) @ columns / n
    return means


def _bounds(
    estimate: float, resampled: Array, jackknife: Array, level: float
) -> tuple[float, float]:
    """Return the BCa bounds, or the percentile bounds where BCa is undefined."""
    rounding = _ROUNDING * float(np.abs(resampled).max())
    if np.abs(resampled - estimate).max() <= rounding:
        return estimate, estimate
    tail = (1 - level) / 2
    quantiles = _bca_quantiles(
        _bias_correction(estimate, resampled, rounding), _acceleration(jackknife), tail
    )
    low, high = np.quantile(resampled, quantiles or (tail, 1 - tail))
    return float(low), float(high)


def _bias_correction(estimate: float, resampled: Array, rounding: float) -> float:
    """Return the normal quantile of the estimate among the resamples; NaN outside of them.

    Ties count half, and rounding must not break them: coverage takes few distinct values.
    """
    below = np.count_nonzero(resampled < estimate - rounding)
    above = np.count_nonzero(resampled > estimate + rounding)
    share = (1 + (below - above) / len(resampled)) / 2
    return _NORMAL.inv_cdf(share) if 0 < share < 1 else math.nan


def _acceleration(jackknife: Array) -> float:
    """Return Efron's acceleration from jackknife values (n,); NaN if they are flat or undefined."""
    influence = jackknife.mean() - jackknife
    scale = float(np.abs(influence).max())
    if not scale > 0:
        return math.nan
    # Divided by the largest first, so that cubes of small values do not underflow.
    influence = influence / scale
    return float((influence**3).sum() / (6 * (influence**2).sum() ** 1.5))


def _bca_quantiles(bias: float, acceleration: float, tail: float) -> tuple[float, float] | None:
    """Return the two levels in (0, 1) at which BCa reads the resamples; None if undefined."""
    shifted = [bias + _NORMAL.inv_cdf(tail), bias + _NORMAL.inv_cdf(1 - tail)]
    shrunk = [1 - acceleration * z for z in shifted]
    # Written so that a NaN in either argument fails too.
    if not min(shrunk) > 0:
        return None
    low, high = (_NORMAL.cdf(bias + z / by) for z, by in zip(shifted, shrunk, strict=True))
    return low, high


def _sign_flip_ps(differences: Sequence[Array], rng: np.random.Generator) -> list[float]:
    """Return the two-sided p-value of the mean of each column (n,) under random signs.

    The flips of all columns are drawn from the generator's present state.
    """
    # A zero has no sign: without zeros the test is the same, and exact more often.
    moved = [own[own != 0] for own in differences]
    found: dict[int, float] = {}
    for places in _of_equal_length(moved):
        table = np.column_stack([moved[j] for j in places])
        if len(table) <= EXACT_PAIRS:
            p_values = [_exact_p(own) for own in table.T]
        else:
            # The caller's own generator moves on where there is one column alone.
            p_values = _random_ps(table, copy.deepcopy(rng) if len(moved) > 1 else rng)
        found |= dict(zip(places, p_values, strict=True))
    return [found[j] if len(own) else math.nan for j, own in enumerate(differences)]


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
    """Return the sums of values (n,) under all 2**n choices of signs."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _random_signed_sums(table: Array, rng: np.random.Generator) -> Array:
    """Return the column sums (SIGN_FLIPS, k) of a table (n, k) under random signs of its rows."""
    n = len(table)
    n_bytes = -(-n // 8)
    blocks = []
    for rows in _blocks(SIGN_FLIPS, n):
        drawn = np.frombuffer(rng.bytes(rows * n_bytes), dtype=np.uint8).reshape(rows, n_bytes)
        negative = np.unpackbits(drawn, axis=1, count=n)
        blocks.append(table.sum(axis=0) - 2 * (negative.astype(np.float64) @ table))
    return np.concatenate(blocks)

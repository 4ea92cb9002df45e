"""Paired tests over prompts.

The unit is the prompt: one value per prompt, NaN (or None) where the metric is undefined.
Undefined values are dropped and the number that remains is returned with every result. The
caller passes the random generator, so equal seeds give equal results.

Sources: Phipson and Smyth 2010, "Permutation P-values Should Never Be Zero"; Holm 1979, "A Simple
Sequentially Rejective Multiple Test Procedure".
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.bootstrap import (
    RESAMPLES,
    UNBOUNDED,
    Interval,
    Range,
    check_settings,
    free_of_rounding,
    mean_intervals_of,
)
from lm_eval_overton.stats.draws import ROUNDING, Array, of_equal_length
from lm_eval_overton.stats.intervals import Values, as_finite, standard_error
from lm_eval_overton.stats.sign_flips import sign_flip_ps

__all__ = [
    "FEWEST_PAIRS",
    "TEST_LEVEL",
    "Comparison",
    "differences_of",
    "holm",
    "paired_comparison",
    "paired_comparisons",
    "shared_pairs",
]

TEST_LEVEL = 0.05
TEST_POWER = 0.8
# With n pairs no p-value is below 2 / 2 ** n: fewer cannot show a difference.
FEWEST_PAIRS = math.ceil(math.log2(2 / TEST_LEVEL))

_NORMAL = NormalDist()


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
        detectable: Smallest absolute difference found with 80 % power at the 5 % level, above 0;
            NaN for fewer than two pairs and where all pairs differ alike.
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

    @property
    def interval(self) -> Interval:
        """The difference with its bounds."""
        return Interval(self.difference, self.ci_low, self.ci_high, self.n)

    @property
    def is_clear(self) -> bool:
        """Whether the runs differ for sure: the interval leaves 0 out, and p is below 5 %."""
        return self.p_value < TEST_LEVEL and (self.ci_low > 0 or self.ci_high < 0)

    @property
    def is_rise(self) -> bool:
        """Whether the first run is higher for sure."""
        return self.is_clear and self.difference > 0


def paired_comparison(
    a: Values,
    b: Values,
    rng: np.random.Generator,
    level: float = 0.95,
    limits: Range = UNBOUNDED,
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
        limits: The least and the greatest value that a run can have.

    Returns:
        Means, difference (a minus b), interval, p-value, smallest detectable difference and
        number of pairs. One pair has p = 1, as has a run compared with itself.

    Raises:
        ValueError: If the arrays are not one-dimensional, not finite or of different lengths, or
            ``level`` is out of range.
    """
    check_settings(level)
    return _comparisons([shared_pairs(a, b, "paired_comparison")], rng, level, [limits])[0]


def paired_comparisons(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
    limits: Sequence[Range] | None = None,
) -> list[Comparison]:
    """Return for each column how two runs differ on the prompts where both are defined.

    Each is what `paired_comparison` returns from the generator's present state, so none depends
    on the other columns. Columns with equally many pairs share their resamples and flips.

    Args:
        a: (n_prompts, k), the first run, one metric per column, finite; NaN where undefined.
        b: (n_prompts, k), the second run, in the same order of prompts and metrics.
        rng: Source of the resamples and flips; its state is left as it was.
        level: Confidence level in (0, 1).
        limits: Per column the least and the greatest value that a run can have.

    Returns:
        One comparison per column.

    Raises:
        ValueError: If the tables are not two-dimensional, not finite or of different shapes, or
            ``level`` is out of range.
    """
    check_settings(level)
    first, second = (as_finite(own, 2, "paired_comparisons") for own in (a, b))
    if first.shape != second.shape:
        raise ValueError(
            f"paired_comparisons: expected two tables of one shape, got {first.shape} and "
            f"{second.shape}; align them by prompt and metric, NaN where a run lacks one"
        )
    columns = zip(first.T, second.T, strict=True)
    pairs = [shared_pairs(*own, "paired_comparisons") for own in columns]
    ranges = [UNBOUNDED] * len(pairs) if limits is None else limits
    found: dict[int, Comparison] = {}
    for places in of_equal_length([own for own, _ in pairs]):
        ours = [ranges[j] for j in places]
        compared = _comparisons([pairs[j] for j in places], copy.deepcopy(rng), level, ours)
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
    adjusted: Array = as_finite(p_values, 1, "holm").copy()
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


def shared_pairs(a: Values, b: Values, caller: str) -> tuple[Array, Array]:
    """Return both runs restricted to the prompts that both define, each (n_shared,)."""
    first, second = as_finite(a, 1, caller), as_finite(b, 1, caller)
    if len(first) != len(second):
        raise ValueError(
            f"{caller}: expected two runs over the same prompts, got {len(first)} and "
            f"{len(second)} values; align them by prompt, NaN where a run lacks one"
        )
    both = ~(np.isnan(first) | np.isnan(second))
    return first[both], second[both]


def differences_of(first: Array, second: Array) -> Array:
    """Return first minus second, (n,), exactly 0 where only rounding tells them apart.

    Without this, 0.1 + 0.2 against 0.3 on every prompt would be a significant difference.
    """
    differences = first - second
    rounding = ROUNDING * (np.abs(first) + np.abs(second))
    return np.where(np.abs(differences) <= rounding, 0.0, differences)


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else math.nan


def _detectable(differences: Array) -> float:
    """Return the smallest absolute mean difference found with 80 % power at the 5 % level."""
    quantiles = _NORMAL.inv_cdf(1 - TEST_LEVEL / 2) + _NORMAL.inv_cdf(TEST_POWER)
    # Without a spread the error is not known to be 0: it is not known.
    return quantiles * standard_error(differences) or math.nan


def _comparisons(
    pairs: Sequence[tuple[Array, Array]],
    rng: np.random.Generator,
    level: float,
    limits: Sequence[Range],
) -> list[Comparison]:
    """Return how each two columns differ; all are (n,) without NaN."""
    differences = [differences_of(*own) for own in pairs]
    # Runs that no prompt tells apart may still differ on others. What all prompts agree on is not
    # doubted: the exact bound would be wider than the difference.
    widths = [
        UNBOUNDED if own.any() else (low - high, high - low)
        for own, (low, high) in zip(differences, limits, strict=True)
    ]
    found = mean_intervals_of(differences, rng, level, RESAMPLES, widths)
    intervals = [free_of_rounding(*own) for own in zip(found, differences, strict=True)]
    p_values = sign_flip_ps(differences, rng)
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

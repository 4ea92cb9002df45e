"""Several seeds over the same prompts: worked by hand, and beside an analysis of variance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lm_eval_overton.stats.seeds import over_seeds


def test_by_hand():
    # Seeds 1 and 3, prompts 1, 2, 3; nothing of a seed on a prompt alone.
    found = over_seeds(np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]]))
    assert (found.n_seeds, found.low, found.high) == (2, 1.0, 3.0)
    assert found.sd == pytest.approx(math.sqrt(2))
    # Variances 1 / 3 over prompts (2 degrees) and 2 / 2 over seeds (1 degree).
    error = math.sqrt(4 / 3)
    freedom = (4 / 3) ** 2 / ((1 / 9) / 2 + 1)
    width = scipy_stats.t.ppf(0.975, freedom) * error
    assert found.interval.estimate == 2.0
    assert (found.interval.low, found.interval.high) == pytest.approx((2 - width, 2 + width))
    assert found.p_value == pytest.approx(2 * scipy_stats.t.sf(2 / error, freedom))
    assert math.isnan(found.p_seeds)


def test_equal_seeds_have_the_interval_over_prompts():
    values = np.random.default_rng(1).normal(size=20)
    found = over_seeds(np.stack([values] * 3))
    own = scipy_stats.ttest_1samp(values, 0)
    low, high = own.confidence_interval()
    assert found.sd == 0
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high))
    assert found.p_value == pytest.approx(own.pvalue)


def test_what_does_not_vary_has_no_width_and_no_test():
    found = over_seeds(np.full((3, 5), 0.1) + 0.2)
    assert found.interval.low == found.interval.high == found.interval.estimate
    assert (found.sd, found.p_value) == (0, 1)


@pytest.mark.parametrize("shape", [(1, 5), (3, 1), (0, 5)])
def test_one_seed_or_prompt_is_refused(shape):
    with pytest.raises(ValueError, match="two seeds and two prompts"):
        over_seeds(np.ones(shape))


def f_by_loops(values):
    """The analysis of variance of seeds and prompts without replication, cell by cell."""
    k, n = len(values), len(values[0])
    mean = sum(map(sum, values)) / (k * n)
    seeds = [sum(row) / n for row in values]
    prompts = [sum(row[i] for row in values) / k for i in range(n)]
    between = n * sum((one - mean) ** 2 for one in seeds) / (k - 1)
    rest = sum(
        (values[j][i] - seeds[j] - prompts[i] + mean) ** 2 for j in range(k) for i in range(n)
    ) / ((k - 1) * (n - 1))
    return scipy_stats.f.sf(between / rest, k - 1, (k - 1) * (n - 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(2, 15), st.floats(0.1, 9), st.integers(0, 2**32 - 1))
def test_it_is_an_analysis_of_variance_and_moves_with_the_values(k, n, scale, seed):
    values = np.random.default_rng(seed).normal(size=(k, n))
    found = over_seeds(values)
    assert found.p_seeds == pytest.approx(f_by_loops(values.tolist()))
    assert found.interval.low <= found.interval.estimate <= found.interval.high
    # Wider than Student's t over the means of prompts would be with as many degrees.
    assert found.interval.high - found.interval.low > 2 * values.mean(axis=0).std(ddof=1) / n**0.5
    other = over_seeds(values[::-1] * -scale)
    assert other.sd == pytest.approx(scale * found.sd)
    assert other.interval.low == pytest.approx(-scale * found.interval.high)
    assert (other.p_value, other.p_seeds) == pytest.approx((found.p_value, found.p_seeds))

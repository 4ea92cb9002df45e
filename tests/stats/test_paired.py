"""Statistics against hand-worked values, scipy and brute force."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Callable
from dataclasses import astuple
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lm_eval_overton.stats import (
    Array,
    Comparison,
    Interval,
    holm,
    mean_interval,
    mean_intervals,
    paired_comparison,
    paired_comparisons,
    standard_error,
    statistic_interval,
)

NAN = math.nan
scores = st.floats(-10, 10).map(lambda x: round(x, 3))
score_lists = st.lists(scores, min_size=2, max_size=30)
seeds = st.integers(0, 2**32 - 1)


def generator(seed: int = 1234) -> np.random.Generator:
    return np.random.default_rng(seed)


def further_bounds(
    data: object, statistic: Callable[..., Any], level: float, n: int, n_resamples: int = 2_000
) -> tuple[float, float]:
    """Return scipy's bounds by BCa or percentile, whichever lies further out.

    The level is that whose normal quantile is Student's t on n - 1 degrees, times sqrt(n / (n-1)).
    """
    away = scipy_stats.t.ppf((1 + level) / 2, n - 1) * math.sqrt(n / (n - 1))
    found = [
        scipy_stats.bootstrap(
            (data,),
            statistic,
            confidence_level=2 * NormalDist().cdf(away) - 1,
            n_resamples=n_resamples,
            method=method,
            rng=generator(7),
        ).confidence_interval
        for method in ("BCa", "percentile")
    ]
    bounds = [own for own in found if not math.isnan(own.low)]
    return min(own.low for own in bounds), max(own.high for own in bounds)


def gap_recovered(means: Array) -> Array:
    score, floor, ceiling = (means[..., j] for j in range(3))
    return np.asarray((score - floor) / (ceiling - floor))


def assert_same_interval(actual: Interval, expected: Interval) -> None:
    assert actual.n == expected.n
    for field in ("estimate", "low", "high"):
        assert getattr(actual, field) == pytest.approx(
            getattr(expected, field), rel=1e-9, abs=1e-9, nan_ok=True
        )


def assert_equal_to_rounding(
    actual: list[Interval] | list[Comparison], expected: list[Interval] | list[Comparison]
) -> None:
    assert [astuple(own) for own in actual] == [
        pytest.approx(astuple(own), rel=1e-12, abs=1e-12, nan_ok=True) for own in expected
    ]


@st.composite
def tables(draw: st.DrawFn) -> Array:
    """(n_prompts, k) of a run: some columns are undefined together, others by themselves."""
    n, k = draw(st.integers(0, 40)), draw(st.integers(1, 7))
    rng = generator(draw(seeds))
    table = rng.integers(0, 6, (n, k)) / 5 if draw(st.booleans()) else rng.normal(size=(n, k))
    masks = rng.random((2, n)) < draw(st.sampled_from([0.0, 0.2, 0.9]))
    return np.where(masks[rng.integers(0, 2, k)].T, np.nan, table)


class TestMeanInterval:
    def test_two_values(self) -> None:
        # Resampled means of {0, 1} are 0, .5 and 1 with chances 1/4, 1/2, 1/4: symmetric, so any
        # point below 25 % is 0 and any above 75 % is 1.
        assert mean_interval([0.0, 1.0], generator()) == Interval(0.5, 0.0, 1.0, 2)

    def test_undefined_values_are_dropped(self) -> None:
        assert mean_interval([None, 0.0, NAN, 1.0], generator()) == Interval(0.5, 0.0, 1.0, 2)

    @pytest.mark.parametrize("values", [[], [NAN, None], np.empty(0)])
    def test_no_value_is_undefined(self, values: list[float | None]) -> None:
        assert_same_interval(mean_interval(values, generator()), Interval(NAN, NAN, NAN, 0))

    def test_one_value_has_no_bounds(self) -> None:
        assert_same_interval(mean_interval([0.3], generator()), Interval(0.3, NAN, NAN, 1))

    @pytest.mark.parametrize("value", [0.0, 0.1, -1e9])
    def test_constant_values_without_limits_have_zero_width(self, value: float) -> None:
        interval = mean_interval([value] * 7, generator())
        assert_same_interval(interval, Interval(value, value, value, 7))
        assert interval.low == interval.high == interval.estimate

    def test_a_constant_share_has_an_exact_bound(self) -> None:
        # 0 of 12: the upper Clopper-Pearson bound is 1 - .025 ** (1 / 12) = .26465.
        none = mean_interval([0.0] * 12, generator(), limits=(0, 1))
        assert none.low == 0
        exact = scipy_stats.binomtest(0, 12).proportion_ci(0.95, "exact")
        assert none.high == pytest.approx(exact.high) == pytest.approx(0.26465, abs=1e-5)
        every = mean_interval([1.0] * 12, generator(), limits=(0, 1))
        assert (every.low, every.high) == pytest.approx((1 - none.high, 1))
        # Half of what was not seen may lie at 0 or at 1.
        half = mean_interval([0.5] * 12, generator(), limits=(0, 1))
        assert (half.low, half.high) == pytest.approx((0.5 - none.high / 2, 0.5 + none.high / 2))

    def test_limits_do_not_touch_values_that_vary(self) -> None:
        values = generator(1).random(20)
        assert mean_interval(values, generator(), limits=(0, 1)) == mean_interval(
            values, generator()
        )

    @pytest.mark.parametrize("level", [0.8, 0.95])
    @pytest.mark.parametrize("n", [5, 60, 300])
    def test_equals_scipy_on_the_same_resamples(self, n: int, level: float) -> None:
        # Whole numbers, because scipy lets rounding decide ties: in 5 values, 4 % of the resamples
        # are the data in another order, and their means must equal the estimate exactly.
        values = (1000 * generator(n).exponential(size=n)).round()
        ours = mean_interval(values, generator(7), level, n_resamples=2_000)
        theirs = further_bounds(values, np.mean, level, n)
        assert (ours.low, ours.high) == pytest.approx(theirs, rel=1e-9)

    @pytest.mark.parametrize("skewed", [True, False])
    def test_covers_at_twelve_prompts(self, skewed: bool) -> None:
        rng, n, repetitions, covered = generator(3), 12, 600, 0
        for _ in range(repetitions):
            values = rng.beta(0.5, 3, n) if skewed else rng.beta(0.5, 3, n) - rng.beta(0.5, 3, n)
            interval = mean_interval(values, rng, n_resamples=999)
            covered += interval.low <= (0.5 / 3.5 if skewed else 0) <= interval.high
        # Plain BCa covers .91 and .89; the error of the share is .012.
        assert covered / repetitions > 0.92

    def test_ties_count_half_whatever_the_rounding(self) -> None:
        # Fifths and tenths of them have the same ties on paper, not in floating point.
        fifths = generator(3).integers(0, 6, size=40).astype(float)
        whole = mean_interval(fifths, generator())
        scaled = mean_interval(fifths * 0.1, generator())
        assert (scaled.low, scaled.high) == pytest.approx((whole.low / 10, whole.high / 10))

    def test_skewed_values_have_a_skewed_interval(self) -> None:
        interval = mean_interval(generator(5).exponential(size=100), generator())
        assert interval.high - interval.estimate > interval.estimate - interval.low

    @settings(max_examples=40, deadline=None)
    @given(score_lists, seeds)
    def test_bounds_enclose_the_mean_within_the_values(
        self, values: list[float], seed: int
    ) -> None:
        interval = mean_interval(values, generator(seed), n_resamples=500)
        ordered = [min(values), interval.low, interval.estimate, interval.high, max(values)]
        assert all(x <= y + 1e-9 for x, y in itertools.pairwise(ordered))

    @settings(max_examples=40, deadline=None)
    @given(score_lists, seeds, st.floats(-100, 100), st.floats(0.01, 100))
    def test_shift_and_scale_move_the_interval(
        self, values: list[float], seed: int, shift: float, scale: float
    ) -> None:
        plain = mean_interval(values, generator(seed), n_resamples=200)
        moved = mean_interval(np.array(values) * scale + shift, generator(seed), n_resamples=200)
        expected = [shift + scale * x for x in (plain.estimate, plain.low, plain.high)]
        assert [moved.estimate, moved.low, moved.high] == pytest.approx(
            expected, rel=1e-6, abs=1e-6
        )

    @settings(max_examples=20, deadline=None)
    @given(score_lists, seeds)
    def test_a_higher_level_is_not_narrower(self, values: list[float], seed: int) -> None:
        narrow = mean_interval(values, generator(seed), 0.8, n_resamples=500)
        wide = mean_interval(values, generator(seed), 0.95, n_resamples=500)
        assert wide.low <= narrow.low <= narrow.high <= wide.high

    def test_the_generator_decides_and_global_state_is_untouched(self) -> None:
        values = generator(9).random(50)
        before = np.random.get_state(legacy=False)
        assert mean_interval(values, generator(1)) == mean_interval(values, generator(1))
        assert mean_interval(values, generator(1)) != mean_interval(values, generator(2))
        np.testing.assert_equal(np.random.get_state(legacy=False), before)

    def test_memory_is_bounded(self) -> None:
        values = generator().random(10_000)
        tracemalloc.start()
        try:
            mean_interval(values, generator(), n_resamples=300)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 20e6

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ([[0.1, 0.2]], r"mean_interval: expected .* 1 dimension.*got shape \(1, 2\); pass"),
            ([0.1, math.inf], "mean_interval: expected finite .*got 1 infinite; return NaN"),
        ],
    )
    def test_wrong_values(self, values: list[float], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            mean_interval(values, generator())

    @pytest.mark.parametrize("level", [0.0, 1.0, 95.0, NAN])
    def test_wrong_level(self, level: float) -> None:
        with pytest.raises(ValueError, match=r"level between 0 and 1, got .*; pass 0\.95"):
            mean_interval([], generator(), level)

    def test_wrong_number_of_resamples(self) -> None:
        with pytest.raises(ValueError, match="at least 1 resample, got 0; leave n_resamples"):
            mean_interval([0.1, 0.2], generator(), n_resamples=0)


class TestMeanIntervals:
    def test_by_hand(self) -> None:
        # The means of {0, 1} as above; {2, 2} do not vary; one value has no bounds.
        table = [[0.0, 2.0, NAN, NAN], [1.0, 2.0, 3.0, NAN]]
        two, same, one, none = mean_intervals(table, generator())
        assert (two, same) == (Interval(0.5, 0.0, 1.0, 2), Interval(2.0, 2.0, 2.0, 2))
        assert_same_interval(one, Interval(3.0, NAN, NAN, 1))
        assert_same_interval(none, Interval(NAN, NAN, NAN, 0))

    @settings(max_examples=40, deadline=None)
    @given(tables(), seeds, st.sampled_from([0.8, 0.95]))
    def test_each_column_is_as_if_alone(self, table: Array, seed: int, level: float) -> None:
        together = mean_intervals(table, generator(seed), level, n_resamples=400)
        alone = [mean_interval(own, generator(seed), level, 400) for own in table.T]
        assert_equal_to_rounding(together, alone)

    def test_columns_of_many_prompts_are_as_if_alone(self) -> None:
        # Several blocks of draws; five columns are counted together, two are fetched.
        table = generator(1).exponential(size=(3_000, 7))
        table[:7, 5:] = NAN
        alone = [mean_interval(own, generator()) for own in table.T]
        assert_equal_to_rounding(mean_intervals(table, generator()), alone)

    def test_the_generator_stays_where_it_was(self) -> None:
        rng = generator()
        table = generator(1).random((9, 5))
        assert mean_intervals(table, rng) == mean_intervals(table, rng)
        assert rng.random() == generator().random()

    def test_memory_is_bounded(self) -> None:
        table = generator().random((10_000, 10))
        tracemalloc.start()
        try:
            mean_intervals(table, generator(), n_resamples=300)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        # The table and its columns take .8 MB each.
        assert peak < 20e6

    def test_no_column_has_no_interval(self) -> None:
        assert mean_intervals(np.empty((3, 0)), generator()) == []

    def test_wrong_tables(self) -> None:
        with pytest.raises(ValueError, match=r"mean_intervals: expected .* 2 dimension"):
            mean_intervals([0.1, 0.2], generator())
        with pytest.raises(ValueError, match=r"mean_intervals: expected finite .*got 1 infinite"):
            mean_intervals([[0.1, math.inf]], generator())
        with pytest.raises(ValueError, match="expected a confidence level between 0 and 1, got 95"):
            mean_intervals([[0.1]], generator(), level=95)


class TestStandardError:
    def test_by_hand(self) -> None:
        # Mean 2, squared deviations 4 + 0 + 4 = 8, variance 8 / 2 = 4, sd 2, over sqrt(3).
        assert standard_error([0.0, 2.0, None, 4.0]) == pytest.approx(2 / math.sqrt(3))

    @pytest.mark.parametrize("values", [[], [0.5], [0.5, NAN]])
    def test_undefined_below_two(self, values: list[float]) -> None:
        assert math.isnan(standard_error(values))

    def test_wrong_shape(self) -> None:
        with pytest.raises(ValueError, match="standard_error: expected"):
            standard_error(np.ones((2, 2)))

    @given(score_lists)
    def test_equals_scipy(self, values: list[float]) -> None:
        assert standard_error(values) == pytest.approx(scipy_stats.sem(values), abs=1e-12)


class TestStatisticInterval:
    def test_exact_ratio_has_zero_width(self) -> None:
        # Each score lies half way from its floor to its ceiling: the ratio is .5 in any resample.
        columns = [[0.2, 0.1, 0.3], [0.5, 0.2, 0.8], [0.6, 0.3, 0.9], [NAN, 0.0, 0.0]]
        interval = statistic_interval(columns, gap_recovered, generator())
        assert_same_interval(interval, Interval(0.5, 0.5, 0.5, 3))

    def test_ratio_of_means_not_mean_of_ratios(self) -> None:
        # (3 + 1) / (1 + 1) = 2 with the second prompt counting by its size; resampled twice the
        # first prompt 3 / 1 = 3, twice the second 1 / 1 = 1.
        interval = statistic_interval(
            [[3.0, 1.0], [1.0, 1.0]], lambda means: means[..., 0] / means[..., 1], generator()
        )
        assert_same_interval(interval, Interval(2.0, 1.0, 3.0, 2))

    def test_equals_mean_interval_for_one_column(self) -> None:
        values = generator(4).exponential(size=80)
        assert statistic_interval(
            values[:, np.newaxis], lambda means: means[..., 0], generator()
        ) == mean_interval(values, generator())

    def test_equals_scipy_on_the_same_resamples(self) -> None:
        floor = generator(1).beta(2, 5, size=60)
        ceiling = floor + generator(2).beta(5, 2, size=60)
        score = floor + 0.6 * (ceiling - floor) + generator(3).normal(0, 0.1, size=60)
        columns = np.stack([score, floor, ceiling], axis=1)
        ours = statistic_interval(columns, gap_recovered, generator(7), n_resamples=2_000)

        def of_rows(rows: Array, axis: int = -1) -> Array:
            chosen = columns[rows.astype(int)]
            return gap_recovered(chosen.mean(axis=-2))

        theirs = further_bounds(np.arange(60), of_rows, 0.95, 60)
        assert (ours.low, ours.high) == pytest.approx(theirs, rel=1e-9)

    def test_percentile_where_bca_is_undefined(self) -> None:
        # The squared distance to the mean is 0 on the data and positive on every resample: the
        # estimate has no place among the resamples, so there is no bias correction.
        values = generator(6).random(40)
        centre = values.mean()
        ours = statistic_interval(
            values[:, np.newaxis],
            lambda means: (means[..., 0] - centre) ** 2,
            generator(7),
            n_resamples=1_000,
        )
        away = scipy_stats.t.ppf(0.975, 39) * math.sqrt(40 / 39)
        theirs = scipy_stats.bootstrap(
            (values,),
            lambda x, axis=-1: (x.mean(axis=axis) - centre) ** 2,
            confidence_level=2 * NormalDist().cdf(away) - 1,
            n_resamples=1_000,
            method="percentile",
            rng=generator(7),
        ).confidence_interval
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9)

    def test_undefined_estimate(self) -> None:
        # Ceiling equal to floor: 0 / 0.
        interval = statistic_interval([[0.4, 0.2, 0.2]] * 3, gap_recovered, generator())
        assert_same_interval(interval, Interval(NAN, NAN, NAN, 3))

    def test_undefined_resample_leaves_the_estimate(self) -> None:
        # Defined over both prompts (.2 / .4), 0 / 0 when the first is drawn twice.
        interval = statistic_interval(
            [[0.0, 0.0, 0.0], [0.4, 0.0, 0.8]], gap_recovered, generator()
        )
        assert_same_interval(interval, Interval(0.5, NAN, NAN, 2))

    @pytest.mark.parametrize(("rows", "n"), [(np.empty((0, 3)), 0), ([[0.2, 0.1, 0.3]], 1)])
    def test_too_few_prompts(self, rows: Array, n: int) -> None:
        interval = statistic_interval(rows, gap_recovered, generator())
        assert interval.n == n
        assert math.isnan(interval.low)
        assert math.isnan(interval.high)

    def test_wrong_shapes(self) -> None:
        with pytest.raises(ValueError, match=r"expected .* 2 dimension.*got shape \(2,\)"):
            statistic_interval([0.1, 0.2], gap_recovered, generator())
        with pytest.raises(ValueError, match=r"map means \(2,\) to \(\), got \(2,\); index"):
            statistic_interval([[0.1, 0.2]], lambda means: means, generator())


class TestPairedComparison:
    def test_by_hand(self) -> None:
        # Differences 1, 2, 3: mean 2, sd 1. Of the 8 sign choices only +++ and --- reach a sum of
        # 6: p = 2/8. Detectable: (1.959964 + 0.841621) / sqrt(3) = 1.617496.
        result = paired_comparison(
            [2.0, 4.0, NAN, 6.0, 9.0], [1.0, 2.0, 5.0, 3.0, None], generator()
        )
        assert result.n == 3
        assert (result.mean_a, result.mean_b, result.difference) == (4.0, 2.0, 2.0)
        assert result.p_value == 0.25
        assert result.detectable == pytest.approx(1.617496, abs=1e-6)
        assert 1.0 <= result.ci_low <= 2.0 <= result.ci_high <= 3.0

    def test_rounding_does_not_break_ties(self) -> None:
        # Sums of .1, .2 and -.3 on paper: 0 observed, so every sign choice is as extreme.
        assert paired_comparison([0.1, 0.2, 0.0], [0.0, 0.0, 0.3], generator()).p_value == 1.0

    def test_rounding_is_no_difference(self) -> None:
        result = paired_comparison([0.1 + 0.2] * 20, [0.3] * 20, generator())
        assert (result.difference, result.ci_low, result.ci_high) == (0.0, 0.0, 0.0)
        assert result.p_value == 1.0
        assert not result.is_clear

    @pytest.mark.parametrize("n", [8, 12, 15])
    def test_rounding_moves_no_bound_away_from_0(self, n: int) -> None:
        # Thirds, whose resampled means are often 0 on paper.
        first, second = np.round(generator().random((2, n, 60)) * 3 + [[[0]], [[1]]]) / 3
        together = paired_comparisons(first, second, generator())
        bounds = np.abs([(own.ci_low, own.ci_high) for own in together])
        assert ((bounds == 0) | (bounds > 1e-9)).all()
        columns = zip(first.T, second.T, strict=True)
        alone = [paired_comparison(*own, generator()).is_clear for own in columns]
        assert alone == [own.is_clear for own in together]
        assert (bounds == 0).any()

    def test_what_does_not_vary_has_no_smallest_difference(self) -> None:
        assert math.isnan(paired_comparison([0.5] * 9, [0.5] * 9, generator()).detectable)
        assert math.isnan(paired_comparison([0.5] * 9, [0.4] * 9, generator()).detectable)

    def test_equal_shares_of_few_prompts_may_still_differ(self) -> None:
        # Of a share the difference lies between -1 and 1: 1 - .025 ** (1 / 12) both ways.
        result = paired_comparison([0.0] * 12, [0.0] * 12, generator(), limits=(0, 1))
        assert (result.ci_low, result.ci_high) == pytest.approx((-0.26465, 0.26465), abs=1e-5)
        assert result.p_value == 1.0

    def test_is_clear_only_by_interval_and_p(self) -> None:
        # Two prompts that differ alike leave 0 out of the interval, and have p = .5.
        few = paired_comparison([1.0, 0.9], [0.0, 0.0], generator())
        assert few.ci_low > 0
        assert not few.is_clear
        assert paired_comparison(generator(1).random(9) + 1, [0.0] * 9, generator()).is_clear

    def test_interval_is_that_of_the_differences(self) -> None:
        a, b = generator(1).random(50), generator(2).random(50)
        result = paired_comparison(a, b, generator(3), level=0.9)
        interval = mean_interval(a - b, generator(3), level=0.9)
        assert Interval(result.difference, result.ci_low, result.ci_high, result.n) == interval

    def test_no_shared_prompt_is_undefined(self) -> None:
        result = paired_comparison([0.1, NAN], [NAN, 0.2], generator())
        assert result.n == 0
        numbers = [getattr(result, name) for name in Comparison.__slots__ if name != "n"]
        assert all(math.isnan(number) for number in numbers)

    def test_one_pair_shows_nothing(self) -> None:
        result = paired_comparison([0.9], [0.1], generator())
        assert result.p_value == 1.0
        assert all(math.isnan(x) for x in (result.ci_low, result.ci_high, result.detectable))

    @pytest.mark.parametrize("n", [2, 5, 9])
    def test_exact_p_equals_scipy(self, n: int) -> None:
        a, b = generator(n).random(n), generator(n + 100).random(n) ** 2
        theirs = scipy_stats.permutation_test(
            (a, b),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            vectorized=True,
            n_resamples=np.inf,
        )
        assert paired_comparison(a, b, generator()).p_value == pytest.approx(theirs.pvalue)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.integers(-5, 5), min_size=1, max_size=8))
    def test_exact_p_equals_brute_force(self, fifths: list[int]) -> None:
        # In whole numbers there is no rounding; the scores are fifths, as shares of 5 samples are.
        reached = [
            abs(sum(s * d for s, d in zip(signs, fifths, strict=True))) >= abs(sum(fifths))
            for signs in itertools.product([1, -1], repeat=len(fifths))
        ]
        b = np.full(len(fifths), 0.7)
        p = paired_comparison(b + np.array(fifths) * 0.2, b, generator()).p_value
        assert p == pytest.approx(sum(reached) / len(reached))

    def test_random_flips_agree_with_enumeration(self) -> None:
        differences = generator(11).normal(0.35, 1, size=18)
        signed = np.zeros(1)
        for d in differences:
            signed = np.concatenate([signed + d, signed - d])
        exact = (np.abs(signed) >= abs(differences.sum()) - 1e-12).mean()
        p = paired_comparison(differences, np.zeros(18), generator()).p_value
        # Four standard errors of 9,999 flips.
        assert p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 9_999))

    def test_smallest_random_p_is_not_zero(self) -> None:
        # No flip of 100 equal differences reaches the observed sum: (1 + 0) / (1 + 9,999).
        assert paired_comparison([1.0] * 100, [0.0] * 100, generator()).p_value == 1e-4

    def test_equal_pairs_do_not_cost_exactness(self) -> None:
        # 3 pairs that differ the same way among 100: p = 2/8.
        a = np.r_[np.ones(3), np.zeros(97)]
        assert paired_comparison(a, np.zeros(100), generator()).p_value == 0.25

    def test_detectable_difference_has_80_percent_power(self) -> None:
        a, b = generator(1).random(400), generator(2).random(400)
        detectable = paired_comparison(a, b, generator()).detectable
        standardised = detectable / scipy_stats.sem(a - b)
        power = NormalDist().cdf(standardised - NormalDist().inv_cdf(0.975))
        assert power == pytest.approx(0.8)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(scores, scores), min_size=2, max_size=14), seeds)
    def test_swapping_the_runs_negates_the_difference(
        self, pairs: list[tuple[float, float]], seed: int
    ) -> None:
        a, b = np.array(pairs).T
        forward = paired_comparison(a, b, generator(seed))
        backward = paired_comparison(b, a, generator(seed))
        assert 0 < forward.p_value <= 1
        assert forward.p_value == backward.p_value
        assert forward.difference == -backward.difference
        assert forward.detectable == pytest.approx(backward.detectable, rel=0, nan_ok=True)
        assert math.isnan(forward.detectable) or forward.detectable > 0
        assert (forward.ci_low, forward.ci_high) == pytest.approx(
            (-backward.ci_high, -backward.ci_low), abs=1e-9
        )

    def test_lengths_must_agree(self) -> None:
        with pytest.raises(ValueError, match="same prompts, got 2 and 1 values; align them"):
            paired_comparison([0.1, 0.2], [0.1], generator())


class TestPairedComparisons:
    @settings(max_examples=25, deadline=None)
    @given(tables(), seeds, st.sampled_from([0.0, 0.5]))
    def test_each_column_is_as_if_alone(self, a: Array, seed: int, equal: float) -> None:
        b = np.roll(a, 1, axis=0)
        # Equal values have no sign, so that columns need flips of different lengths.
        b = np.where(generator(seed).random(a.shape) < equal, a, b)
        together = paired_comparisons(a, b, generator(seed))
        alone = [paired_comparison(*own, generator(seed)) for own in zip(a.T, b.T, strict=True)]
        assert_equal_to_rounding(together, alone)
        assert [own.p_value for own in together] == pytest.approx(
            [own.p_value for own in alone], abs=0, rel=0, nan_ok=True
        )

    def test_columns_of_many_prompts_are_as_if_alone(self) -> None:
        a, b = generator(1).normal(0.05, 1, size=(2_000, 6)), generator(2).random((2_000, 6))
        a[:9, :2] = NAN
        b[:9, 2] = a[:9, 2]
        alone = [paired_comparison(*own, generator()) for own in zip(a.T, b.T, strict=True)]
        rng = generator()
        assert_equal_to_rounding(paired_comparisons(a, b, rng), alone)
        assert rng.random() == generator().random()

    def test_shapes_must_agree(self) -> None:
        with pytest.raises(ValueError, match=r"tables of one shape, got \(2, 3\) and \(2, 1\)"):
            paired_comparisons(np.ones((2, 3)), np.ones((2, 1)), generator())
        with pytest.raises(ValueError, match=r"paired_comparisons: expected .* 2 dimension"):
            paired_comparisons(np.ones(2), np.ones(2), generator())
        with pytest.raises(ValueError, match="expected a confidence level between 0 and 1, got 0"):
            paired_comparisons(np.ones((2, 1)), np.ones((2, 1)), generator(), level=0)


class TestHolm:
    def test_by_hand(self) -> None:
        # Ascending .01, .02, .03, .6 times 4, 3, 2, 1: .04, .06, .06, .6 (each at least the last).
        assert holm([0.03, 0.01, 0.6, 0.02]) == pytest.approx([0.06, 0.04, 0.6, 0.06])

    def test_tests_not_made_do_not_count(self) -> None:
        # Two tests: .02 * 2, .5 * 1.
        adjusted = holm([None, 0.5, NAN, 0.02])
        assert adjusted == pytest.approx([NAN, 0.5, NAN, 0.04], nan_ok=True)

    def test_caps_at_one_and_takes_none(self) -> None:
        assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
        assert holm([]).tolist() == []

    def test_input_is_left_alone(self) -> None:
        given_values = np.array([0.01, 0.02])
        holm(given_values)
        assert given_values.tolist() == [0.01, 0.02]

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
    def test_equals_closed_testing(self, p_values: list[float]) -> None:
        # Holm is the closed test with Bonferroni: the worst corrected set that holds the test.
        def corrected(members: tuple[int, ...]) -> float:
            return min(1.0, len(members) * min(p_values[j] for j in members))

        tests = range(len(p_values))
        sets = [s for size in tests for s in itertools.combinations(tests, size + 1)]
        expected = [max(corrected(s) for s in sets if i in s) for i in tests]
        assert holm(p_values) == pytest.approx(expected)

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
    def test_order_is_kept_and_values_rise(self, p_values: list[float]) -> None:
        adjusted = holm(p_values)
        assert (adjusted >= np.array(p_values)).all()
        assert (adjusted <= 1).all()
        assert (np.diff(adjusted[np.argsort(p_values)]) >= 0).all()

    @pytest.mark.parametrize("value", [-0.1, 1.5])
    def test_wrong_p_value(self, value: float) -> None:
        with pytest.raises(ValueError, match=r"p-values in \[0, 1\], got .*; pass the p_value"):
            holm([0.1, value])

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from lm_eval_overton.metrics.formulas.classes import (
    collision,
    discounted,
    expected_classes,
    head_positions,
    hill_number,
    shares,
)

LABELS = st.lists(st.integers(0, 4), min_size=1, max_size=7)


def test_by_hand():
    labels = [0, 1, 0, 2, 1, 0]
    assert head_positions(labels) == [0, 1, 3]
    assert shares(labels) == [3 / 6, 2 / 6, 1 / 6]
    assert hill_number(labels, 2) == pytest.approx(36 / 14)
    # 3 + 1 pairs of 15.
    assert collision(labels) == pytest.approx(4 / 15)
    # Of two samples: 2 less the chance that both are of one class.
    assert expected_classes(labels, 2) == pytest.approx(2 - 4 / 15)
    assert expected_classes(labels, 6) == 3
    assert discounted([0, 1, 0], [5, 3, 9]) == pytest.approx((5 + 0.8 * 3) / (1 + 0.8 + 0.64))


@given(LABELS)
def test_hill_numbers_are_those_of_scipy_s_entropy(labels):
    own = shares(labels)
    assert hill_number(labels, 1) == pytest.approx(math.exp(scipy_stats.entropy(own)))
    assert 1 - 1e-9 <= hill_number(labels, 2) <= hill_number(labels, 1) + 1e-9
    assert hill_number(labels, 1) <= len(set(labels)) + 1e-9


@given(LABELS, st.integers(1, 7))
def test_expected_classes_are_the_mean_over_all_subsets(labels, m):
    found = expected_classes(labels, m)
    if m > len(labels):
        assert math.isnan(found)
        return
    subsets = [len(set(own)) for own in combinations(labels, m)]
    assert found == pytest.approx(sum(subsets) / len(subsets))


@given(LABELS)
def test_collision_is_the_share_of_equal_pairs(labels):
    pairs = [a == b for a, b in combinations(labels, 2)]
    expected = sum(pairs) / len(pairs) if pairs else math.nan
    assert collision(labels) == pytest.approx(expected, nan_ok=True)


def test_ten_times_one_answer_is_worth_a_little():
    # Of what ten different ones are worth.
    assert discounted([0] * 10, [1.0] * 10) == pytest.approx(0.2240580, abs=1e-6)
    assert discounted(range(10), [7.0] * 10) == pytest.approx(7)


def test_only_the_first_of_a_class_must_be_rated():
    assert discounted([0, 0, 1], [4, math.nan, 2]) == pytest.approx((4 + 2 * 0.64) / 2.44)
    assert math.isnan(discounted([0, 1], [4, math.nan]))


def test_nothing_is_undefined():
    assert math.isnan(hill_number([], 1))
    assert math.isnan(collision([0]))
    assert math.isnan(discounted([], []))


@pytest.mark.parametrize("order", [0, 3])
def test_other_orders_are_refused(order):
    with pytest.raises(ValueError, match=f"expected order 1 or 2, got {order}"):
        hill_number([0], order)
    with pytest.raises(ValueError, match="expected m of at least 1, got 0"):
        expected_classes([0], 0)

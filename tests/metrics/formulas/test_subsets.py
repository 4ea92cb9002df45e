import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.subsets import MAX_SUBSETS, at_fixed_n


def subsets_asked_for(n_samples, n, seed=1234):
    asked = []
    at_fixed_n(n_samples, n, lambda chosen: asked.append(chosen) or 0.0, seed)
    return asked


def test_exactly_n_samples_are_one_subset():
    assert subsets_asked_for(3, 3) == [(0, 1, 2)]


def test_more_samples_give_the_mean_over_all_subsets():
    # Largest index of the pairs of 0, 1, 2: 1, 2, 2.
    assert at_fixed_n(3, 2, max, 0) == pytest.approx(5 / 3)


def test_all_subsets_are_taken_up_to_the_limit():
    # 20 choose 2 is 190, 21 choose 2 is 210.
    assert subsets_asked_for(20, 2) == list(combinations(range(20), 2))
    assert len(subsets_asked_for(21, 2)) == MAX_SUBSETS == 200


def test_drawn_subsets_are_rising_and_without_repetition():
    for chosen in subsets_asked_for(30, 5):
        assert list(chosen) == sorted(set(chosen))
        assert len(chosen) == 5


def test_drawn_subsets_depend_on_the_seed_alone():
    assert subsets_asked_for(30, 5, seed=1) == subsets_asked_for(30, 5, seed=1)
    assert subsets_asked_for(30, 5, seed=1) != subsets_asked_for(30, 5, seed=2)


@pytest.mark.parametrize("n_samples", [0, 1, 4])
def test_fewer_than_n_samples_are_undefined(n_samples):
    assert math.isnan(at_fixed_n(n_samples, 5, len, 0))


def test_an_undefined_subset_makes_the_value_undefined():
    assert math.isnan(at_fixed_n(3, 2, lambda chosen: math.nan if 0 in chosen else 1.0, 0))


@pytest.mark.parametrize("n", [0, -1])
def test_n_below_one_is_refused(n):
    with pytest.raises(ValueError, match=f"^at_fixed_n: expected n of at least 1, got {n}$"):
        at_fixed_n(5, n, len, 0)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=9), st.data())
def test_the_expected_mean_of_any_subset_size_is_the_mean_of_all(values, data):
    n = data.draw(st.integers(1, len(values)))
    actual = at_fixed_n(len(values), n, lambda chosen: sum(values[i] for i in chosen) / n, 0)
    assert actual == pytest.approx(math.fsum(values) / len(values), abs=1e-9)

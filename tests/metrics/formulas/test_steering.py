"""What steering makes up for, and whether it keeps the order of groups."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import spearmanr

from lm_eval_overton.metrics.formulas.steering import adaptability, structure

likeness = st.lists(st.floats(0, 0.99), min_size=1, max_size=5)


def test_a_part_of_what_was_missing_by_hand():
    # 0.2 + 0.1 of 0.5 + 0.1.
    assert adaptability([0.7, 1.0], [0.5, 0.9]) == pytest.approx(0.3 / 0.6)
    assert adaptability([1, 1], [0.2, 0.4]) == 1
    assert adaptability([0.1], [0.6]) == pytest.approx(-1.25)
    assert math.isnan(adaptability([1, 0.5], [1, 1]))
    assert math.isnan(adaptability([], []))


@given(likeness)
def test_nothing_is_gained_where_nothing_changes(own):
    assert adaptability(own, own) == 0
    assert adaptability(np.ones(len(own)), own) == pytest.approx(1)


def random_groups(seed, n=5, k=3):
    return np.random.default_rng(seed).dirichlet(np.ones(k), size=n)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_spearman_s_correlation_of_distances(seed):
    own, theirs = random_groups(seed), random_groups(seed + 100)

    def between(shares):
        return [jensenshannon(*pair, base=2) for pair in combinations(shares, 2)]

    expected = spearmanr(between(own), between(theirs)).statistic
    assert structure(own, theirs) == pytest.approx(expected)
    assert structure(theirs, theirs) == pytest.approx(1)
    assert structure(own[::-1], theirs[::-1]) == pytest.approx(structure(own, theirs))


def test_it_is_undefined_without_an_order():
    groups = random_groups(0)
    assert math.isnan(structure(groups[:2], groups[:2]))
    # One answer for all, but for what rounding makes of it, orders nothing.
    same = np.tile(groups[0], (5, 1)) + np.random.default_rng(1).normal(0, 1e-16, (5, 3))
    assert math.isnan(structure(same, groups))
    assert math.isnan(structure(groups * np.nan, groups))

"""What is chosen against what is said: by hand, against scipy, and what always holds."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from lm_eval_overton.metrics.formulas.choice import chooses_vs_says, says, sides

share = st.floats(0.001, 1)


def test_half_of_what_is_between_is_of_either_side():
    assert sides([0.5, 0.1, 0.4]) == pytest.approx([0.7, 0.3])
    # All "it depends" is as undecided as half yes and half no, and so is all "both".
    assert chooses_vs_says([0, 0, 1], [0.5, 0.5, 0]) == 1


def test_samples_that_take_no_side_are_left_out():
    # yes, no, both, other of eight samples: 2, 1, 1 and 4.
    assert says([2 / 8, 1 / 8, 1 / 8, 4 / 8]) == pytest.approx([0.5, 0.25, 0.25])
    assert np.isnan(says([0, 0, 0, 1])).all()
    # Rounding leaves less than nothing of what takes a side.
    assert np.isnan(says([1e-17, 0, 0, 1])).all()
    assert np.isnan(says([math.nan] * 4)).all()
    assert math.isnan(chooses_vs_says([0.2, 0.3, 0.5], says([0, 0, 0, 1])))


def test_one_side_against_the_other():
    assert chooses_vs_says([1, 0, 0], [0, 1, 0]) == 0
    assert chooses_vs_says([[1, 0, 0]] * 2, [[1, 0, 0], [0, 1, 0]]).tolist() == [1, 0]


@given(st.lists(share, min_size=3, max_size=3), st.lists(share, min_size=4, max_size=4))
def test_it_is_a_distance_of_sides_whatever_they_are_called(chosen, stances):
    p = np.array(chosen) / sum(chosen)
    found = float(chooses_vs_says(p, says(np.array(stances) / sum(stances))))
    yes, no, both, _ = stances
    theirs = [yes + both / 2, no + both / 2]
    expected = 1 - jensenshannon([p[0] + p[2] / 2, p[1] + p[2] / 2], theirs, base=2)
    assert found == pytest.approx(expected, abs=1e-7)
    turned = chooses_vs_says(p[[1, 0, 2]], says([no, yes, both, stances[3]]))
    assert float(turned) == pytest.approx(found, abs=1e-9)

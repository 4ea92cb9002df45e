"""Points in a plane by their distances: by hand, and whatever the points were."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lm_eval_overton.metrics.formulas.scaling import scaled


def distances(points):
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def test_two_things_lie_on_a_line():
    points, held = scaled([[0, 0.6], [0.6, 0]])
    assert points == pytest.approx(np.array([[0.3, 0], [-0.3, 0]]))
    assert held == 1


def test_all_at_one_place_holds_nothing():
    points, held = scaled(np.zeros((3, 3)))
    assert not points.any()
    assert math.isnan(held)


def test_what_has_no_room_in_a_plane_is_told():
    # Four things, each as far from each: three axes hold a third each.
    assert scaled(np.ones((4, 4)) - np.eye(4))[1] == pytest.approx(2 / 3)


@settings(max_examples=30)
@given(arrays(float, st.tuples(st.integers(2, 6), st.just(2)), elements=st.integers(-5, 5)))
def test_points_of_a_plane_are_found_again_as_far_apart(points):
    found, held = scaled(distances(points))
    assert distances(found) == pytest.approx(distances(points), abs=1e-5)
    assert found.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert math.isnan(held) or held == pytest.approx(1)

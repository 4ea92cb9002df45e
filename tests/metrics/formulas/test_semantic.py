import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import pdist
from vendi_score import vendi

from lm_eval_overton.metrics.formulas.semantic import cosine_diversity, vendi_score

EAST, NORTH, WEST = np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([-1.0, 0.0])


@st.composite
def unit_rows(draw, min_rows=2):
    n = draw(st.integers(min_rows, 6))
    rows = draw(arrays(np.float64, (n, 3), elements=st.floats(-1, 1, width=32)))
    # Rows next to zero have no direction.
    rows[np.linalg.norm(rows, axis=1) < 0.1] = [1.0, 0.0, 0.0]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_cosine_diversity_of_three_responses():
    # Cosines 0, -1 and 0; mean -1/3.
    assert cosine_diversity(np.stack([EAST, NORTH, WEST])) == pytest.approx(4 / 3)


@pytest.mark.parametrize(("other", "diversity"), [(EAST, 0.0), (NORTH, 1.0), (WEST, 2.0)])
def test_cosine_diversity_of_two_responses(other, diversity):
    assert cosine_diversity(np.stack([EAST, other])) == diversity


@pytest.mark.parametrize("n", [0, 1])
def test_cosine_diversity_is_undefined_for_fewer_than_two_responses(n):
    assert math.isnan(cosine_diversity(np.ones((n, 1))))


def test_rounding_does_not_lead_out_of_the_range():
    # The squares of these single-precision numbers sum to a little more than one.
    row = np.array([0.6, 0.8], dtype=np.float32) * np.float32(1.0000001)
    assert cosine_diversity(np.stack([row, row])) == 0.0
    assert cosine_diversity(np.stack([row, -row])) == 2.0


@given(unit_rows(), st.randoms())
def test_cosine_diversity_agrees_with_scipy_and_ignores_order(rows, random):
    order = random.sample(range(len(rows)), len(rows))
    value = cosine_diversity(rows[order])
    assert value == pytest.approx(pdist(rows, "cosine").mean(), abs=1e-9)
    assert 0 <= value <= 2


def test_vendi_score_counts_different_responses():
    # Two east, one north: eigenvalues of K/3 are 2/3 and 1/3.
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert vendi_score(np.stack([EAST, EAST, NORTH])) == pytest.approx(math.exp(entropy))


def test_equal_responses_count_as_one_and_orthogonal_ones_in_full():
    assert vendi_score(np.stack([EAST] * 5)) == pytest.approx(1.0, abs=1e-9)
    assert vendi_score(np.eye(5)) == pytest.approx(5.0, abs=1e-9)


def test_one_response_counts_as_one():
    assert vendi_score(np.stack([EAST])) == 1.0


def test_vendi_score_of_no_response_is_undefined():
    assert math.isnan(vendi_score(np.empty((0, 2))))


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")
@given(unit_rows(min_rows=1), st.randoms())
def test_vendi_score_agrees_with_its_authors_and_ignores_order(rows, random):
    order = random.sample(range(len(rows)), len(rows))
    value = vendi_score(rows[order])
    assert value == pytest.approx(vendi.score_K(rows @ rows.T, q=1), abs=1e-6)
    assert 1 <= value <= len(rows)

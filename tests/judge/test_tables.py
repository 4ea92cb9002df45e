import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lm_eval_overton.judge.tables import alpha_of, equal_share, kappa_of, symmetric

NOMINAL, ORDINAL = False, True


def flat(*rows):
    return np.array(rows, dtype=np.float64).ravel()


def alpha(table, ordinal):
    return float(alpha_of(ordinal, 1)(symmetric(table)))


def test_kappa_by_hand():
    # Observed 35 / 50 = 0.7; by chance (25 x 30 + 25 x 20) / 2500 = 0.5;
    # kappa = (0.7 - 0.5) / (1 - 0.5) = 0.4.
    assert kappa_of(NOMINAL)(flat([20, 5], [10, 15])) == pytest.approx(0.4)


def test_quadratic_kappa_by_hand():
    # Labels 1, 2, 3 against 1, 3, 1. Squared distances: 0 + 1 + 4 = 5 over 3 items. By chance:
    # (0 + 4 + 0) + (1 + 1 + 1) + (4 + 0 + 4) = 15 over 9. kappa = 1 - (5/3) / (15/9) = 0.
    assert kappa_of(ORDINAL)(flat([1, 0, 0], [0, 0, 1], [1, 0, 0])) == pytest.approx(0)


def test_nominal_alpha_by_hand():
    # Items (yes, yes), (yes, no), (no, no): 1 of 3 disagrees. Of the 6 labels 3 are yes: pairs of
    # labels differ by chance with 2 x 3 x 3 / (6 x 5) = 0.6. alpha = 1 - (1/3) / 0.6 = 4/9.
    assert alpha(flat([1, 1], [0, 1]), NOMINAL) == pytest.approx(4 / 9)


def test_ordinal_alpha_counts_near_misses_less():
    near, far = np.eye(5), np.eye(5)
    near[0], far[0] = np.eye(5)[1], np.eye(5)[4]
    assert alpha(far.ravel(), ORDINAL) < alpha(near.ravel(), ORDINAL) < 1


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("table", [flat([0, 0], [0, 0]), flat([0, 0], [0, 3])])
@pytest.mark.parametrize("ordinal", [NOMINAL, ORDINAL])
def test_without_pairs_or_variation_nothing_is_defined(table, ordinal):
    assert math.isnan(kappa_of(ordinal)(table))
    assert math.isnan(alpha(table, ordinal))


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@settings(deadline=None)
@given(arrays(np.int64, (7, 3, 3), elements=st.integers(0, 4)), st.booleans())
def test_many_tables_at_once_give_what_each_gives_and_none_exceeds_one(tables, ordinal):
    flats = tables.reshape(7, 9).astype(np.float64)
    transposed = tables.swapaxes(1, 2).reshape(7, 9).astype(np.float64)
    for statistic in (equal_share, kappa_of(ordinal), alpha_of(ordinal, 1)):
        shown = symmetric(flats)
        at_once = statistic(shown)
        one_by_one = [float(statistic(own)) for own in shown]
        assert np.allclose(at_once, one_by_one, equal_nan=True)
        assert not (at_once > 1 + 1e-9).any()
    assert np.allclose(kappa_of(ordinal)(flats), kappa_of(ordinal)(transposed), equal_nan=True)

"""How well labels are told over all rows, against scikit-learn, and what each row adds."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from lm_eval_overton import stats
from lm_eval_overton.metrics.formulas.classification import (
    accuracy,
    balanced_accuracy,
    macro_f1,
    majority,
    one_of,
)

ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=30)
WHOLE = [
    (balanced_accuracy, balanced_accuracy_score),
    (macro_f1, lambda true, said: f1_score(true, said, average="macro")),
]


def test_by_hand():
    # Two rows of the first label, of which one is told, and one of the second, which is told.
    true, said = one_of([0, 0, 1], 2), one_of([0, 1, 1], 2)
    assert accuracy(true, said).tolist() == [1, 0, 1]
    assert balanced_accuracy(true, said).mean() == pytest.approx((1 / 2 + 1) / 2)
    # 2 * 1 / (2 + 1) of the first, 2 * 1 / (1 + 2) of the second.
    assert macro_f1(true, said).mean() == pytest.approx(2 / 3)
    assert majority(true).tolist() == [[1, 0]] * 3


@pytest.mark.parametrize(("parts", "whole"), WHOLE)
@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_the_mean_of_the_parts_is_what_scikit_learn_says(parts, whole, rows):
    true, said = zip(*rows, strict=True)
    with warnings.catch_warnings():
        # Of labels that are said and that no row has.
        warnings.simplefilter("ignore")
        expected = whole(true, said)
    assert parts(one_of(true, 3), one_of(said, 3)).mean() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("parts", "whole"), WHOLE)
def test_resampling_the_parts_is_resampling_the_whole(parts, whole):
    rng = np.random.default_rng(0)
    true = rng.choice(3, 300, p=[0.5, 0.3, 0.2])
    said = np.where(rng.random(300) < 0.5, true, rng.integers(0, 3, 300))
    own = stats.mean_interval(parts(one_of(true, 3), one_of(said, 3)), rng, n_resamples=999)
    drawn = [whole(true[i], said[i]) for i in (rng.integers(0, 300, 300) for _ in range(400))]
    assert [own.low, own.high] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.015)


@pytest.mark.parametrize("parts", [accuracy, balanced_accuracy, macro_f1])
def test_rows_of_which_nothing_is_known_do_not_count(parts):
    true, said = one_of([0, 1, 1], 2), one_of([0, 0, 1], 2)
    said[2] = np.nan
    found = parts(true, said)
    assert np.isnan(found).tolist() == [False, False, True]
    assert found[:2] == pytest.approx(parts(true[:2], said[:2]))
    assert np.isnan(parts(true, np.full_like(said, np.nan))).all()


def test_one_of_several_that_could_be_said_has_a_part():
    true, said = one_of([0, 1, 2], 3), np.full((3, 3), 1 / 3)
    for parts in (accuracy, balanced_accuracy, macro_f1):
        assert parts(true, said) == pytest.approx([1 / 3] * 3)

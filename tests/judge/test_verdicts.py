import builtins
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge.parse import Verdict
from lm_eval_overton.judge.verdicts import (
    agreement,
    bounded_mean,
    cohen_kappa,
    confusion_table,
    count_statuses,
    krippendorff_alpha,
)

SCORES = [1, 2, 3, 4, 5]


def test_counts_name_every_status():
    verdicts = [Verdict("parsed", 3, "3"), Verdict("failed", None, None)] * 2
    assert count_statuses(verdicts) == {"parsed": 2, "refused": 0, "unreadable": 0, "failed": 2}


def test_missing_verdicts_bound_the_mean():
    # Defined: (5 + 3) / 2 = 4. Worst: (5 + 3 + 1 + 1) / 4 = 2.5. Best: (5 + 3 + 5 + 5) / 4 = 4.5.
    result = bounded_mean([5, None, 3, None], worst=1, best=5)
    assert (result.mean, result.n, result.missing) == (4, 2, 2)
    assert (result.worst, result.best) == (2.5, 4.5)


def test_where_lower_is_better_the_worst_is_above():
    # Worst: (2 + 5) / 2 = 3.5; best: (2 + 1) / 2 = 1.5.
    result = bounded_mean([2, None], worst=5, best=1)
    assert (result.worst, result.mean, result.best) == (3.5, 2, 1.5)


def test_without_a_defined_value_only_the_bounds_are_known():
    result = bounded_mean([None, None], worst=0, best=1)
    assert math.isnan(result.mean)
    assert (result.n, result.missing, result.worst, result.best) == (0, 2, 0, 1)


def test_without_a_verdict_nothing_is_known():
    result = bounded_mean([], worst=0, best=1)
    assert all(math.isnan(value) for value in (result.mean, result.worst, result.best))


def test_a_value_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"expected values in \[1, 5\], got 7;"):
        bounded_mean([3, 7], worst=1, best=5)


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(1, 5), min_size=1))
def test_the_mean_lies_between_its_bounds(values):
    result = bounded_mean(values, worst=1, best=5)
    assert 1 <= result.worst <= result.best <= 5
    if result.n:
        assert result.worst - 1e-12 <= result.mean <= result.best + 1e-12
    if not result.missing:
        assert result.worst == result.mean == result.best


def test_agreement_counts_items_that_both_labelled():
    # Both labelled three items and agree on two.
    assert agreement(["yes", "no", "no", None], ["yes", "no", "both", "yes"]) == 2 / 3
    assert math.isnan(agreement([None], ["yes"]))


def test_a_confusion_table_has_a_row_per_label_of_the_first():
    table = confusion_table(["yes", "no", "no", None], ["yes", "no", "yes", "no"], ["yes", "no"])
    assert table == [[1, 0], [1, 1]]


def test_kappa_by_hand():
    # Table [[20, 5], [10, 15]]: observed 35 / 50 = 0.7; by chance (25 x 30 + 25 x 20) / 2500 = 0.5;
    # kappa = (0.7 - 0.5) / (1 - 0.5) = 0.4.
    first = ["yes"] * 25 + ["no"] * 25
    second = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohen_kappa(first, second, ["yes", "no"]) == pytest.approx(0.4)


def test_quadratic_kappa_by_hand():
    # Squared distances: 0 + 1 + 4 = 5 over 3 items. Labels 1, 2, 3 against 1, 3, 1 by chance:
    # (0 + 4 + 0) + (1 + 1 + 1) + (4 + 0 + 4) = 15 over 9. kappa = 1 - (5/3) / (15/9) = 0.
    assert cohen_kappa([1, 2, 3], [1, 3, 1], SCORES, ordinal=True) == pytest.approx(0)


def test_kappa_is_undefined_without_variation():
    assert math.isnan(cohen_kappa([3, 3], [3, 3], SCORES))
    assert math.isnan(cohen_kappa([None], [3], SCORES))


@pytest.mark.parametrize("ordinal", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_kappa_agrees_with_scikit_learn(ordinal, seed):
    rng = random.Random(seed)
    first = [rng.choice(SCORES) for _ in range(60)]
    second = [rng.choice([label, label, rng.choice(SCORES)]) for label in first]
    expected = cohen_kappa_score(
        first, second, labels=SCORES, weights="quadratic" if ordinal else None
    )
    assert cohen_kappa(first, second, SCORES, ordinal) == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SCORES), st.sampled_from(SCORES))), st.booleans())
def test_kappa_is_symmetric_and_at_most_one(pairs, ordinal):
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    kappa = cohen_kappa(first, second, SCORES, ordinal)
    if not math.isnan(kappa):
        assert -1 - 1e-9 <= kappa <= 1
        assert kappa == pytest.approx(cohen_kappa(second, first, SCORES, ordinal))


def test_nominal_alpha_by_hand():
    # Items (yes, yes), (yes, no), (no, no): 1 of 3 disagrees. Of the 6 labels 3 are yes: pairs of
    # labels differ by chance with 2 x 3 x 3 / (6 x 5) = 0.6. alpha = 1 - (1/3) / 0.6 = 4/9.
    ratings = [["yes", "yes", "no", "no"], ["yes", "no", "no", None]]
    assert krippendorff_alpha(ratings, ["yes", "no"]) == pytest.approx(4 / 9)


def test_ordinal_alpha_counts_near_misses_less():
    near = krippendorff_alpha([[1, 2, 3, 4, 5], [2, 2, 3, 4, 5]], SCORES, ordinal=True)
    far = krippendorff_alpha([[1, 2, 3, 4, 5], [5, 2, 3, 4, 5]], SCORES, ordinal=True)
    assert far < near < 1


@pytest.mark.parametrize("ratings", [[], [[], []], [["a", None], [None, "b"]], [["a"], ["a"]]])
def test_alpha_is_undefined_without_pairs_or_variation(ratings):
    assert math.isnan(krippendorff_alpha(ratings, ["a", "b"]))


def test_alpha_names_the_package_it_needs(monkeypatch):
    real = builtins.__import__

    def without_it(name, *args, **kwargs):
        if name == "krippendorff":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_it)
    with pytest.raises(SettingsError, match="pip install krippendorff"):
        krippendorff_alpha([["a", "b"], ["a", "b"]], ["a", "b"])


@pytest.mark.parametrize(
    "call",
    [
        lambda: agreement(["a"], []),
        lambda: confusion_table(["a"], [], ["a"]),
        lambda: cohen_kappa(["a"], [], ["a"]),
        lambda: krippendorff_alpha([["a"], []], ["a"]),
    ],
)
def test_labels_of_different_items_are_refused(call):
    with pytest.raises(ValueError, match="align them by item, None where a verdict is missing"):
        call()


def test_a_label_that_is_not_listed_is_refused():
    with pytest.raises(ValueError, match="expected one of the labels 1, 2, got '1'"):
        confusion_table(["1"], [1], [1, 2])

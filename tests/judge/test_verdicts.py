import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.judge.verdicts import (
    Verdict,
    bounded_mean,
    confusion_table,
    count_statuses,
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


def test_a_confusion_table_has_a_row_per_label_of_the_first():
    table = confusion_table(["yes", "no", "no", None], ["yes", "no", "yes", "no"], ["yes", "no"])
    assert table == [[1, 0], [1, 1]]


def test_labels_of_different_items_are_refused():
    with pytest.raises(ValueError, match="align them by item, None where a verdict is missing"):
        confusion_table(["a"], [], ["a"])


def test_a_label_that_is_not_listed_is_refused():
    with pytest.raises(ValueError, match="expected one of the labels 1, 2, got '1'"):
        confusion_table(["1"], [1], [1, 2])

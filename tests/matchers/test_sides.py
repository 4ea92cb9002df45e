"""The balance of sides by hand; that of samples is in tests/metrics/formulas/test_coverage.py."""

import math

import numpy as np
import pytest

from lm_eval_overton.matchers.sides import balance


@pytest.mark.parametrize(
    ("covered", "expected"),
    [
        # Half of yes, all of no; what depends is no side.
        ([True, False, True, True], 0.5),
        ([False, False, True, False], 0.0),
        ([False, False, False, True], math.nan),
    ],
)
def test_the_less_covered_side_over_the_more_covered_one(covered, expected):
    sides = ["yes", "yes", "no", "depends"]
    assert balance(np.array(covered), sides) == pytest.approx(expected, nan_ok=True)

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.stance import (
    STANCES,
    stance_coverage,
    stance_entropy,
    stance_shares,
)

verdicts = st.lists(st.sampled_from([*STANCES, None]), max_size=12)


def test_shares_of_five_samples():
    # Two yes, one both, two other of five.
    shares = stance_shares(["yes", "other", "both", "yes", "other"])
    assert shares == {"p_yes": 0.4, "p_no": 0.0, "p_both": 0.2, "p_other": 0.4}


def test_unreadable_verdicts_do_not_count():
    # One yes of two readable ones, not of four.
    labels = ["yes", None, "no", None]
    assert stance_shares(labels)["p_yes"] == 0.5
    assert stance_entropy(labels) == 1.0
    assert stance_coverage(labels) == 1.0


@pytest.mark.parametrize(
    ("labels", "bits"),
    [
        (["yes"] * 5, 0.0),
        (["yes", "no"], 1.0),
        (["yes", "no", "both", "other"], 2.0),
        # 1/2 * 1 + 2 * 1/4 * 2 = 1.5
        (["yes", "yes", "no", "both"], 1.5),
    ],
)
def test_entropy_in_bits(labels, bits):
    assert stance_entropy(labels) == pytest.approx(bits, abs=1e-15)


@pytest.mark.parametrize(
    ("labels", "share"),
    [
        (["both"], 1.0),
        (["yes", "no"], 1.0),
        (["no", "no", "other"], 0.5),
        (["yes", "both"], 1.0),
        (["other", "other"], 0.0),
    ],
)
def test_coverage_counts_the_sides_reached(labels, share):
    assert stance_coverage(labels) == share


@pytest.mark.parametrize("labels", [[], [None], [None, None]])
def test_no_readable_verdict_is_undefined(labels):
    assert all(math.isnan(share) for share in stance_shares(labels).values())
    assert math.isnan(stance_entropy(labels))
    assert math.isnan(stance_coverage(labels))


@pytest.mark.parametrize("function", [stance_shares, stance_entropy, stance_coverage])
def test_an_unknown_label_is_named(function):
    with pytest.raises(ValueError, match=r"expected one of yes, no, both, other.* got 'Maybe'"):
        function(["yes", "Maybe", None])


@given(verdicts)
def test_ranges_and_undefined(labels):
    shares = stance_shares(labels)
    defined = any(label is not None for label in labels)
    assert defined == (not math.isnan(stance_entropy(labels)))
    if defined:
        assert math.fsum(shares.values()) == pytest.approx(1.0)
        assert 0 <= stance_entropy(labels) <= 2 + 1e-12
        assert stance_coverage(labels) in {0, 0.5, 1}


@given(verdicts, st.randoms())
def test_the_order_of_samples_does_not_matter(labels, random):
    shuffled = random.sample(labels, len(labels))
    for function in (stance_shares, stance_entropy, stance_coverage):
        assert str(function(shuffled)) == str(function(labels))


@given(verdicts, st.sampled_from(STANCES))
def test_a_further_sample_never_lowers_coverage(labels, further):
    before = stance_coverage(labels)
    assert math.isnan(before) or stance_coverage([*labels, further]) >= before

"""How likely texts are: values worked by hand, what is undefined, what changes nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.likelihood import (
    Likelihood,
    bits_per_byte,
    mean,
    nats,
    nats_per_token,
    spread,
    windowed_share,
)

# Probability 1/16 over 4 tokens and 8 bytes; 1/2 over 1 token and 1 byte.
LONG = Likelihood(-4 * math.log(2), n_bytes=8, n_tokens=4)
SHORT = Likelihood(-math.log(2), n_bytes=1, n_tokens=1, is_held=False)

texts = st.lists(
    st.builds(
        Likelihood,
        st.floats(-1e4, 0),
        st.integers(1, 1000),
        st.integers(1, 1000),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=8,
)


def test_values_worked_by_hand():
    both = [LONG, SHORT]
    assert mean(both, nats) == pytest.approx(2.5 * math.log(2))
    assert mean(both, nats_per_token) == pytest.approx(math.log(2))
    # 4 bits in 8 bytes, 1 bit in 1.
    assert mean(both, bits_per_byte) == pytest.approx(0.75)
    # Deviations of a quarter on both sides: sqrt(2 / 16 / 1).
    assert spread(both, bits_per_byte) == pytest.approx(math.sqrt(0.125))
    assert windowed_share(both) == 0.5


def test_what_is_not_known_is_undefined_and_never_0():
    assert math.isnan(mean([], nats))
    assert math.isnan(spread([LONG], nats))
    assert math.isnan(windowed_share([]))
    without_tokens = Likelihood(-1.0, 3, None)
    assert math.isnan(nats_per_token(without_tokens))
    assert bits_per_byte(without_tokens) == pytest.approx(1 / math.log(2) / 3)
    for log in (-math.inf, math.nan):
        assert math.isnan(mean([LONG, Likelihood(log, 3, 1)], bits_per_byte))
        assert math.isnan(spread([LONG, Likelihood(log, 3, 1)], bits_per_byte))


@given(texts, st.randoms())
def test_the_order_of_answers_changes_nothing_and_neither_does_each_twice(own, random):
    shuffled = random.sample(own, len(own))
    for value in (nats, nats_per_token, bits_per_byte):
        assert mean(shuffled, value) == mean(own, value) >= 0
        assert mean(own + own, value) == pytest.approx(mean(own, value))
    if len(own) > 1:
        found = spread(own, bits_per_byte)
        assert spread(shuffled, bits_per_byte) == pytest.approx(found)
        # The n - 1 of twice as many is less than twice n - 1.
        assert spread(own + own, bits_per_byte) <= found * (1 + 1e-9)


@given(st.builds(Likelihood, st.floats(-1e4, 0), st.just(5), st.just(2)), st.integers(2, 5))
def test_answers_that_are_the_same_have_no_spread(own, n):
    assert spread([own] * n, bits_per_byte) == pytest.approx(0, abs=1e-6)

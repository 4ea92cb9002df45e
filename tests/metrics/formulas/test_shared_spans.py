import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.ngrams import gram_ids
from lm_eval_overton.metrics.formulas.shared_spans import (
    SPAN,
    by_decile,
    chance_of_enough,
    needed_of_anchors,
    opening,
    share_of_tokens,
    sharers,
)

texts = st.lists(st.text("ab", max_size=12), min_size=1, max_size=6)


def shared(samples):
    return [own.tolist() for own in sharers(gram_ids(samples, SPAN)[-1])]


def by_hand(samples):
    """With how many other samples each letter is shared, by looking at each of them."""
    found = []
    for i, own in enumerate(samples):
        counts = [0] * len(own) if len(own) >= SPAN else []
        for other in samples[:i] + samples[i + 1 :]:
            held = [own[p : p + SPAN] in other for p in range(len(own) - SPAN + 1)]
            for t in range(len(counts)):
                counts[t] += any(held[max(0, t - SPAN + 1) : t + 1])
        found.append(counts)
    return found


def test_a_token_is_shared_if_any_of_its_runs_is():
    # "bcdef" alone is in the second: its five letters, not the a before it.
    assert shared(["abcdef", "bcdef!", "xyz"]) == [[0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0], []]


def test_a_run_that_a_sample_repeats_is_shared_with_nobody():
    assert shared(["aaaaaaa", "bbbbb"]) == [[0] * 7, [0] * 5]


@given(texts)
def test_sharers_by_looking_at_each_pair(samples):
    assert shared(samples) == by_hand(samples)


@pytest.mark.parametrize(("n", "needed"), [(2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (10, 5)])
def test_an_anchor_is_in_half_of_the_others(n, needed):
    assert needed_of_anchors(n) == needed


def test_with_n_samples_chance_is_certainty():
    assert chance_of_enough(5, 5, 2).tolist() == [0, 0, 1, 1, 1]


@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 4))
def test_chance_by_drawing_all_subsets(others, drawn, needed):
    drawn = min(others, drawn)
    found = chance_of_enough(others + 1, drawn + 1, needed)
    for k in range(others + 1):
        ways = [sum(j < k for j in way) >= needed for way in combinations(range(others), drawn)]
        assert found[k] == pytest.approx(sum(ways) / len(ways), abs=1e-12)


def test_samples_count_alike_and_one_without_runs_counts_zero():
    # 1/2, 1, nothing.
    halves = [np.array([0.0, 1.0]), np.array([1.0]), np.zeros(0)]
    assert share_of_tokens(halves) == 0.5
    assert math.isnan(share_of_tokens([]))


@pytest.mark.parametrize(("tokens", "first"), [(0, 0), (5, 1), (10, 1), (11, 2), (20, 2), (21, 3)])
def test_the_first_tenth_has_a_token_at_least(tokens, first):
    assert len(opening(np.ones(tokens))) == first


def test_tenths_hold_all_tokens_the_first_ones_one_more():
    # 22 tokens: three in the first two tenths, two in the others.
    flags = np.zeros(22)
    flags[[0, 1, 3, 21]] = 1
    expected = [2 / 3, 1 / 3, 0, 0, 0, 0, 0, 0, 0, 1 / 2]
    assert by_decile(flags).tolist() == pytest.approx(expected)


def test_a_sample_of_fewer_than_two_tokens_a_tenth_has_no_tenths():
    assert by_decile(np.ones(19)) is None
    assert by_decile(np.ones(20)).tolist() == [1] * 10

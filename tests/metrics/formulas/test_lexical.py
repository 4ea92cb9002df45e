import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk import ngrams
from scipy.spatial.distance import pdist

from lm_eval_overton.metrics.formulas.lexical import (
    distinct_ratio,
    jaccard_diversity,
    jaccard_similarity,
)

VOCABULARY = "abcdé’"
bags = st.sets(st.sampled_from(VOCABULARY))
bag_lists = st.lists(bags, max_size=6)


def same(a, b):
    return a == pytest.approx(b, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("a", "b", "similarity"),
    [
        # {b, c} shared of {a, b, c, d}.
        ("abc", "bcd", 0.5),
        ("abc", "abc", 1.0),
        ("ab", "cd", 0.0),
        ("", "ab", 0.0),
        # Case tells words apart.
        ("a", "A", 0.0),
    ],
)
def test_similarity_of_two_sets(a, b, similarity):
    assert jaccard_similarity(set(a), set(b)) == similarity


def test_two_empty_sets_have_no_similarity():
    assert math.isnan(jaccard_similarity(set(), set()))


def test_diversity_of_three_responses():
    # Similarities: {a} of {a, b, c}, nothing of {a, b, c, d}, {c} of {a, c, d}. Mean 2/9.
    assert jaccard_diversity([{"a", "b"}, {"a", "c"}, {"c", "d"}]) == pytest.approx(7 / 9)


def test_an_empty_response_differs_wholly_from_one_with_words():
    # Similarities 1, 0, 0.
    assert jaccard_diversity([{"a"}, {"a"}, set()]) == pytest.approx(2 / 3)


def test_a_pair_of_empty_responses_is_skipped():
    # The pair of empty sets is left out: similarities 0, 0 remain.
    assert jaccard_diversity([{"a"}, set(), set()]) == 1.0


@pytest.mark.parametrize("bags", [[], [{"a"}], [set(), set()]])
def test_diversity_is_undefined_without_a_pair_that_holds_words(bags):
    assert math.isnan(jaccard_diversity(bags))


@given(bag_lists, st.randoms())
def test_diversity_is_a_fraction_that_ignores_order(responses, random):
    value = jaccard_diversity(responses)
    assert math.isnan(value) or 0 <= value <= 1
    shuffled = random.sample(responses, len(responses))
    assert same(jaccard_diversity(shuffled), value)


@given(st.lists(st.sets(st.sampled_from(VOCABULARY), min_size=1), min_size=2, max_size=6))
def test_diversity_agrees_with_scipy(responses):
    # Without empty sets only: scipy gives two of them the distance 0, where we skip the pair.
    rows = np.array([[word in bag for word in VOCABULARY] for bag in responses])
    assert same(jaccard_diversity(responses), pdist(rows, "jaccard").mean())


def test_distinct_ratio_counts_over_the_whole_set():
    # ab, bc, cd and ab, bx: four different of five.
    assert distinct_ratio([["ab", "bc", "cd"], ["ab", "bx"]]) == 0.8


def test_a_response_without_n_grams_changes_nothing():
    assert distinct_ratio([["ab", "ab"], []]) == 0.5


@pytest.mark.parametrize("grams", [[], [[]], [[], []]])
def test_distinct_ratio_is_undefined_without_n_grams(grams):
    assert math.isnan(distinct_ratio(grams))


@given(st.lists(st.lists(st.sampled_from("ab’ "))), st.randoms())
def test_distinct_ratio_agrees_with_nltk_and_ignores_order(tokens, random):
    own = [list(ngrams(sample, 2)) for sample in tokens]
    pooled = [gram for grams in own for gram in grams]
    expected = len(set(pooled)) / len(pooled) if pooled else math.nan
    value = distinct_ratio(random.sample(own, len(own)))
    assert same(value, expected)
    assert math.isnan(value) or 0 < value <= 1

import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk import ngrams

from lm_eval_overton.metrics.formulas.lexical import distinct_ratio
from lm_eval_overton.metrics.formulas.ngrams import gram_counts, gram_ids
from lm_eval_overton.metrics.formulas.repetition import (
    VOCABULARY,
    expectation_adjusted_distinct,
    frame_share,
    self_repetition,
)

texts = st.lists(st.lists(st.sampled_from("abc"), max_size=12), max_size=5)


def counts(samples, n):
    return gram_counts(gram_ids(samples, n)[-1])


# ---------------------------------------------------------------- expectation-adjusted distinct


def test_one_word_is_as_many_as_one_draw_gives():
    assert expectation_adjusted_distinct(counts(["a"], 1)) == pytest.approx(1, abs=1e-12)


def test_distinct_words_over_those_expected_of_a_small_vocabulary():
    # Of 3 words, 4 draws leave one out with probability 16/81: 3 * 65/81 are expected.
    assert expectation_adjusted_distinct(counts(["aab", "c"], 1), 3) == pytest.approx(81 / 65)
    # The same words five times: 15 draws and 3 distinct words.
    assert expectation_adjusted_distinct(counts(["aab"] * 5, 1), 3) == pytest.approx(
        2 / (3 * (1 - (2 / 3) ** 15))
    )


def test_random_draws_score_one_at_any_length_where_distinct_n_falls():
    rng = random.Random(0)
    adjusted, plain = [], []
    for length in (5, 50, 500):
        drawn = [[rng.randrange(100) for _ in range(length)] for _ in range(400)]
        own = [expectation_adjusted_distinct(counts([one], 1), 100) for one in drawn]
        adjusted.append(np.mean(own))
        plain.append(np.mean([distinct_ratio([one]) for one in drawn]))
    assert adjusted == pytest.approx([1, 1, 1], abs=0.01)
    assert plain[0] > 0.9
    assert plain[2] < 0.25


@given(texts, st.integers(1, 2))
def test_it_is_the_formula_of_the_paper(samples, n):
    pooled = [gram for own in samples for gram in ngrams(own, n)]
    value = expectation_adjusted_distinct(counts(samples, n))
    if not pooled:
        assert math.isnan(value)
        return
    expected = VOCABULARY * (1 - ((VOCABULARY - 1) / VOCABULARY) ** len(pooled))
    assert value == pytest.approx(len(set(pooled)) / expected, rel=1e-9)


# -------------------------------------------------------------------------------- self-repetition


def test_self_repetition_counts_in_the_sample_and_in_the_others():
    # "abcd" once more in the second; "aaaa" twice in the third: ln 2, ln 2, ln(1 + 2 * 1).
    value = self_repetition(counts(["abcd", "abcd", "aaaaa"], 4))
    assert value == pytest.approx((2 * math.log(2) + math.log(3)) / 3)


def test_samples_that_are_all_too_short_repeat_nothing_that_could_be_counted():
    assert math.isnan(self_repetition(counts(["abc"] * 5, 4)))
    assert self_repetition(counts(["abc", "abcd"], 4)) == 0


@given(texts)
def test_self_repetition_by_counting(samples):
    grams = [list(ngrams(own, 4)) for own in samples]
    total = Counter(gram for own in grams for gram in own)
    value = self_repetition(counts(samples, 4))
    if not total:
        assert math.isnan(value)
        return
    logs = [math.log(1 + sum(total[gram] - 1 for gram in own)) for own in grams]
    assert value == pytest.approx(sum(logs) / len(logs), abs=1e-12)


# ------------------------------------------------------------------------------------ frame share


def test_frame_share_is_over_occurrences():
    # "ab" in both, twice in the first; "bb" and "ba" in the first alone: 3 of 5.
    assert frame_share(counts(["abbab", "ab"], 2)) == 3 / 5


def test_a_loop_is_no_frame_that_others_share():
    assert frame_share(counts(["ababab", "cd"], 2)) == 0
    assert frame_share(counts(["ababab", "abab"], 2)) == 1


@given(texts, st.integers(1, 3))
def test_frame_share_by_counting(samples, n):
    grams = [list(ngrams(own, n)) for own in samples]
    holders = Counter(gram for own in grams for gram in set(own))
    pooled = [gram for own in grams for gram in own]
    value = frame_share(counts(samples, n))
    if not pooled:
        assert math.isnan(value)
        return
    assert value == sum(holders[gram] >= 2 for gram in pooled) / len(pooled)

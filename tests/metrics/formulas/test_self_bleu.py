import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu import sentence_bleu

from lm_eval_overton.metrics.formulas.ngrams import gram_counts, gram_ids
from lm_eval_overton.metrics.formulas.self_bleu import BLEU_ORDER, self_bleu
from lm_eval_overton.text.bleu_words import bleu_words
from lm_eval_overton.text.english import ENGLISH

PUNCTUATED = st.text(st.sampled_from("ab1 .,-&é“\n_'/"), max_size=40)
WORDY = st.lists(st.sampled_from(["a", "b", "cat.", "1,5", "sat-", "&amp;"]), max_size=15).map(
    " ".join
)
texts = st.lists(st.one_of(PUNCTUATED, WORDY), min_size=2, max_size=6)


def value(samples):
    ids = gram_ids(bleu_words(samples, ENGLISH), BLEU_ORDER)
    return self_bleu([gram_counts(own) for own in ids])


def by_sacrebleu(samples):
    scores = [
        sentence_bleu(own, samples[:i] + samples[i + 1 :]).score for i, own in enumerate(samples)
    ]
    return sum(scores) / len(scores) / 100


def test_half_of_a_text_is_in_the_other():
    # a of [a, b]: 1/2; no pair matched counts half of one: 1/2. Equal lengths.
    assert value(["a b", "a c"]) == pytest.approx(0.5)


def test_the_same_word_matches_as_often_as_one_other_has_it():
    # "a" twice of 3 in the best of the others, pairs 1 of 2, threes half of one of 1.
    first = (2 / 3 * 1 / 2 * 1 / 2) ** (1 / 3)
    # One and two of "a", each found; the pair of the second too.
    second, third = math.exp(1 - 2 / 1), 1.0
    assert value(["a a a", "a", "a a"]) == pytest.approx((first + second + third) / 3)


def test_equal_texts_are_at_one_however_short():
    assert value(["Yes."] * 3) == 1
    assert value(["The cat sat on the mat."] * 3) == 1


def test_texts_without_a_common_word_are_at_zero():
    assert value(["a b c", "d e f"]) == 0


@pytest.mark.parametrize("samples", [[], ["a"]])
def test_it_is_undefined_without_another_sample(samples):
    assert math.isnan(value(samples))


@settings(deadline=None)
@given(texts)
def test_it_is_what_sacrebleu_says(samples):
    assert value(samples) == pytest.approx(by_sacrebleu(samples), abs=1e-12)

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from nltk import ngrams

from lm_eval_overton.metrics.formulas.ngrams import gram_counts, gram_ids

texts = st.lists(st.lists(st.sampled_from("abcé_"), max_size=12), max_size=5)


def test_equal_n_grams_of_any_text_have_one_number():
    # ab, ba, ab and ba.
    _, [first, second, none] = gram_ids(["abab", "ba", ""], 2)
    assert first[0] == first[2] != first[1] == second[0]
    assert (len(first), len(second), len(none)) == (3, 1, 0)


def test_no_n_gram_spans_two_texts():
    # "ab" stands in neither text, only across them.
    assert gram_ids(["a", "b"], 2)[1][0].size == gram_ids(["a", "b"], 2)[1][1].size == 0


@given(texts, st.integers(1, 6))
def test_numbers_stand_for_n_grams_one_to_one(samples, n):
    found = gram_ids(samples, n)
    assert len(found) == n
    for k, ids in enumerate(found, start=1):
        grams = [list(ngrams(own, k)) for own in samples]
        assert [len(own) for own in ids] == [len(own) for own in grams]
        pairs = {
            (int(number), gram)
            for own, said in zip(ids, grams, strict=True)
            for number, gram in zip(own, said, strict=True)
        }
        assert (
            len(pairs) == len({number for number, _ in pairs}) == len({gram for _, gram in pairs})
        )


@given(texts, st.integers(1, 4))
def test_counts_are_those_of_each_text(samples, n):
    counts = gram_counts(gram_ids(samples, n)[-1])
    assert counts.shape[0] == len(samples)
    for row, own in zip(counts.tolist(), samples, strict=True):
        assert sorted(filter(None, row)) == sorted(Counter(ngrams(own, n)).values())

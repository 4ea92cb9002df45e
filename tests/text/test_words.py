import string
from pathlib import Path

import nltk
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lm_eval_overton
from lm_eval_overton.text.words import (
    REFUSAL_PHRASES,
    bigrams,
    content_words,
    content_words_of,
    cut_at_stop,
    is_list,
    is_refusal,
    sentences,
    tokenize,
    word_count,
)

STOP_WORDS = (Path(lm_eval_overton.__file__).parent / "data" / "stopwords_en.txt").read_text()
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab .-*•1’'`\r\n#"))
words = st.lists(st.sampled_from(["the", "The", "cat", "Cat", "...", "``", "–", "", "n't"]))


@pytest.mark.parametrize(
    ("text", "stops", "expected"),
    [
        (" a \n", (), "a"),
        ("a ``` b", ["```"], "a"),
        ("```python\nx\n```", ["```"], ""),
        # The stop that comes first in the text counts, not the one that is listed first.
        ("a # b ``` c", ["```", "#"], "a"),
        ("a``b", ["```"], "a``b"),
        ("abc", [""], "abc"),
        ("a\r\n\r\n```\r\nb", ["```"], "a"),
        ("\u00a0\u3000é\u2003", (), "é"),
        ("", ["```"], ""),
    ],
)
def test_text_is_cut_at_its_first_stop_and_stripped(text, stops, expected):
    assert cut_at_stop(text, stops) == expected


@given(texts, st.lists(st.sampled_from(["`", "a", "\n\n", " b", "1.", ""])))
def test_cut_text_holds_no_stop_and_cutting_again_changes_nothing(text, stops):
    cut = cut_at_stop(text, stops)
    assert cut in text
    assert not any(stop in cut for stop in stops if stop)
    assert cut_at_stop(cut, stops) == cut


def test_tokens_keep_case_punctuation_and_contractions():
    assert tokenize("Don't stop (now). It's fine!") == [
        *("Do", "n't", "stop", "(", "now", ")", "."),
        *("It", "'s", "fine", "!"),
    ]


def test_a_full_stop_within_a_line_is_split_off_only_where_punkt_ends_a_sentence():
    # NLTKWordTokenizer splits a full stop only at the end of what it is given.
    assert tokenize("One two. Three.") == ["One", "two", ".", "Three", "."]


def test_content_words_drop_stop_words_with_case_and_ascii_punctuation():
    # "the" and "on" are stop words, "The" is not one; "." and "..." are punctuation only.
    assert content_words("The cat sat on the mat... The end.") == {
        "The",
        "cat",
        "sat",
        "mat",
        "end",
    }


def test_content_words_keep_what_is_not_wholly_ascii_punctuation():
    assert content_words_of(["’", "–", "•", "'s", "``", "1.", "e.g."]) == {
        *("’", "–", "•"),
        *("'s", "1.", "e.g."),
    }


@pytest.mark.parametrize("text", ["", " \r\n\t", "...", "?! -- (``)", "the of and\r\nthe"])
def test_text_without_content_has_no_content_words(text):
    assert content_words(text) == frozenset()


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
    assert content_words_of(shuffled) == content_words_of(tokens) <= set(tokens)


@settings(deadline=None)
@given(texts)
def test_content_words_agree_with_a_plain_loop(text):
    expected = []
    for token in tokenize(text):
        is_punctuation = all(character in string.punctuation for character in token)
        if not is_punctuation and token not in STOP_WORDS.split():
            expected.append(token)
    assert content_words(text) == set(expected)


def test_bigrams_are_lower_cased():
    assert bigrams(["The", "Cat", "."]) == [("the", "cat"), ("cat", ".")]


@pytest.mark.parametrize("tokens", [[], ["one"]])
def test_fewer_than_two_tokens_have_no_bigram(tokens):
    assert bigrams(tokens) == []


@given(words)
def test_bigrams_agree_with_nltk(tokens):
    assert bigrams(tokens) == list(nltk.bigrams([token.lower() for token in tokens]))


def test_sentences_are_lines_without_list_markers_then_punkt():
    text = "Try this. Or that!\r\n\r\n1. First one.\n  - Second one\n* Third\n• Fourth\n---\n2024"
    assert sentences(text) == [
        *("Try this.", "Or that!"),
        *("First one.", "Second one", "Third", "Fourth"),
    ]


@pytest.mark.parametrize("text", ["", "\n\r\n", "1.\n-\n* *\n•", "42 + 1 = 43", "?!…", "😀"])
def test_text_without_a_letter_has_no_sentence(text):
    assert sentences(text) == []


def test_letters_of_any_script_make_a_sentence():
    assert sentences("- Да.\n- 是的") == ["Да.", "是的"]


@settings(deadline=None)
@given(texts)
def test_sentences_are_parts_of_the_text_in_order(text):
    position = 0
    for sentence in sentences(text):
        assert sentence.strip()
        position = text.index(sentence, position) + len(sentence)


def test_words_are_split_at_any_white_space():
    assert word_count("one\u00a0two\r\nthree – four") == 5
    assert word_count(" \n") == 0


@pytest.mark.parametrize(
    "text",
    ["1. a\n2. b", "- a\r\n- b", "So:\n * a\n\n * b", "• a\ntext\n- b", "100. a\n\t101. b"],
)
def test_two_list_lines_make_a_list(text):
    assert is_list(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1. a",
        "a 1. b\nc 2. d",
        "-a\n-b",
        "**a**\n**b**",
        "1.5 litres\n2.5 litres",
        "1999. a\n2000. b",
        "1) a\n2) b",
    ],
)
def test_what_only_looks_like_a_list_is_none(text):
    assert not is_list(text)


@pytest.mark.parametrize(
    "text",
    [
        "I can't help with that.",
        "I can’t help with that.",
        "Hm. I’M SORRY, BUT I CAN’T do this.",
        "As an AI language model, I cannot say.",
    ],
)
def test_a_refusal_is_found_whatever_its_case_and_apostrophe(text):
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text", ["", "I cannot know.", "You can't help with that.", "I’m sorry to hear that.", "No."]
)
def test_what_only_sounds_like_a_refusal_is_none(text):
    assert not is_refusal(text)


@given(st.sampled_from(REFUSAL_PHRASES), texts, texts)
def test_a_refusal_phrase_is_found_anywhere(phrase, before, after):
    assert is_refusal(f"{before} {phrase.upper()} {after}")

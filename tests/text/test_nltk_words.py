from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nltk.tokenize.destructive import NLTKWordTokenizer

from lm_eval_overton.text.nltk_words import NEEDED, NltkWords

NLTK, OURS = NLTKWordTokenizer(), NltkWords()
# What NLTK's substitutions look for, alone and in the words that they take apart.
PIECES = (
    *"«“‘„`\"'([{<>}]).:,;@#$%&*?!-‒–—―»”’ \t\n\x1c\u3000\u02bc",
    *("``", "''", "--", "...", "cannot", "CANNOT", "d'ye", "gimme", "gonna", "gotta", "lemme"),
    *("more'n", "wanna", "'tis", "'Twas", "n't", "N'T", "'s", "'ll", "'RE", "1", "a", "ſ", "K"),
)
sentences = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"])).map(
    "".join
)


def patterns():
    rules = [*NLTK.STARTING_QUOTES, *NLTK.PUNCTUATION, *NLTK.ENDING_QUOTES]
    rules += [NLTK.PARENS_BRACKETS, NLTK.DOUBLE_DASHES]
    return [pattern for pattern, _ in rules] + NLTK.CONTRACTIONS2 + NLTK.CONTRACTIONS3


@given(sentences)
def test_the_tokens_are_those_of_nltk(sentence):
    assert OURS.tokenize(sentence) == NLTK.tokenize(sentence)


@given(sentences)
def test_what_a_pattern_matches_holds_what_it_needs(sentence):
    needed = {pattern: needed for needed, own in NEEDED.items() for pattern in own}
    for pattern in patterns():
        for match in pattern.finditer(sentence):
            wanted = needed.get(pattern.pattern)
            assert wanted is None or not set(wanted).isdisjoint(match.group())


@pytest.mark.parametrize("piece", PIECES)
def test_each_piece_between_words_is_taken_apart_as_by_nltk(piece):
    for sentence in (piece, f"so{piece}", f"{piece}so", f"so{piece}so.", f"so {piece} so"):
        assert OURS.tokenize(sentence) == NLTK.tokenize(sentence)


def test_every_pattern_that_is_left_out_is_one_of_nltk():
    assert {*chain(*NEEDED.values())} <= {pattern.pattern for pattern in patterns()}

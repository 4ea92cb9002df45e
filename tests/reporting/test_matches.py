"""The sentence that is marked: the one that shares most of a viewpoint's own words."""

from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.reporting.matches import Wanted, matches
from lm_eval_overton.text.english import ENGLISH

VIEWS = ["It saves the lives of those who wait.", "It sells what no one may sell.", "Lives matter."]
WANTED = Wanted("Should organs be sold?", VIEWS, ENGLISH)


def marked(text, *covered):
    return {i: text[first:last] for i, first, last in matches(text, covered, WANTED)}


def test_the_sentence_with_most_of_a_viewpoints_words_is_marked_whatever_their_forms():
    text = "People differ. Waiting patients would live, and their lives be saved. Selling is wrong."
    assert marked(text, 0, 1) == {
        0: "Waiting patients would live, and their lives be saved.",
        # "sold" of the question is another stem.
        1: "Selling is wrong.",
    }


def test_what_is_not_covered_or_shares_no_word_is_not_marked():
    assert marked("Nothing of this. Nor that.", 0, 1) == {}
    assert marked("It saves lives.") == {}
    assert marked("", 0) == {}
    assert marked("It saves lives.", 7) == {}


def test_a_word_of_the_question_tells_nothing():
    assert Wanted("Does it save lives?", ["It saves lives."], ENGLISH).own == [frozenset()]


def test_positions_are_those_of_a_browser():
    # An emoji is two characters there.
    [(_, first, last)] = matches("😀 Yes. It saves lives.", [0], WANTED)
    assert (first, last) == (8, 23)


@given(st.text(max_size=200), st.lists(st.integers(0, 4), max_size=3))
def test_spans_lie_within_any_text(text, covered):
    length = len(text.encode("utf-16-le", "surrogatepass")) // 2
    for viewpoint, first, last in matches(text, covered, WANTED):
        assert viewpoint in covered
        assert 0 <= first < last <= length

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.samples import clean
from lm_eval_overton.text.unicode_forms import normalised


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cafe\u0301", "café"),
        ("\ufefffree\u200bdom\u00ad\u2060", "freedom"),
        ("\u200fمرحبا\u200e", "مرحبا"),
        # Joiners in Latin text join nothing.
        ("a\u200cb\u200d", "ab"),
        # Persian "they go", a Hindi half form and a family of three are written with joiners.
        ("می\u200cروند", "می\u200cروند"),
        ("क्\u200dष", "क्\u200dष"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        # Compatibility characters are what was written.
        ("x² ﬁ １", "x² ﬁ １"),
    ],
)
def test_texts_have_one_form(text, expected):
    assert normalised(text) == expected


def test_a_sample_is_scored_in_that_form_and_kept_as_it_came():
    sample = clean("\ufeffcafe\u0301 ")
    assert (sample.raw, sample.text) == ("\ufeffcafe\u0301 ", "café")


def test_a_sample_of_invisible_characters_is_empty():
    assert clean("\u200b \u200b").status == "empty"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_both_forms_of_a_text_become_the_same(text):
    once = normalised(text)
    assert normalised(unicodedata.normalize("NFD", text)) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_stays(text):
    assert normalised(text) == text

"""A full stop that ends an abbreviation ends no sentence; one that ends both ends it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.words import Words

OTHER = Words(("en",)), Words(("de", "en"))


@pytest.mark.parametrize(
    "sentence",
    [
        "Take small steps, e.g. walk more, i.e. every day.",
        "Take pets (e.g. Persian cats) into account.",
        "E.g. cats count.",
        "We need pens, paper, etc. for all.",
        "Pens (ink, etc.) are cheap.",
        "Ask Dr. Who or Prof. Hill, Mrs. Jones and Mr. The.",
        "The U.S. Senate met in Washington, D.C. Tuesday at 5 p.m. sharp.",
        "See No. 5, Fig. 3, pp. 4 and Vol. 2 of it.",
        "It is cats vs. dogs, and Cats vs. Dogs.",
        "Lake et al. found it, as St. Paul and Acme Inc. did.",
        "Her Ph.D. thesis of Jan. 2020 is long.",
        "J. Smith and George W. Bush met.",
    ],
)
def test_an_abbreviation_ends_no_sentence(sentence):
    for tokenizer in (ENGLISH, *OTHER):
        assert tokenizer.sentences(sentence) == [sentence]
        # Nor does it hide where the next one begins.
        assert tokenizer.sentences(f"{sentence} They agree.") == [sentence, "They agree."]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("We need pens, paper, etc.", "The shop has them."),
        ("(Pens, paper, etc.)", "The shop has them."),
        ("He lives in the U.S.", "He likes it."),
        ("She has a Ph.D.", "It is in law."),
        ("No.", "Animals feel pain."),
        ("No.", "It is wrong."),
        ("We meet at 5 p.m.", "This is late."),
        ("That is all.", "Dr. Hill agrees."),
        ("He lives in the U.S.", "Next year he moves."),
        ("He lives in Los Angeles, CA.", "Rents are high."),
        ("It is a fig.", "Plants differ."),
        ("I like Sam.", "Peter does too."),
    ],
)
def test_a_sentence_may_end_with_one(first, second):
    assert ENGLISH.sentences(f"{first} {second}") == [first, second]


@pytest.mark.parametrize(
    "paragraph",
    [
        "**Cost.** It is high.",
        "- **Side effects.** They are rare.",
        "2. __Cost.__ It is high.",
        "**Cost:** It is high.",
    ],
)
def test_a_word_or_two_in_bold_head_the_sentence_that_follows(paragraph):
    [said] = ENGLISH.sentences(paragraph)
    assert said.startswith(("**", "__"))
    assert len(ENGLISH.sentences(f"{paragraph} So wait.")) == 2


@pytest.mark.parametrize("said", ["**It saves lives.** Many do.", "**Yes.** Many do.", "No. Yes."])
def test_what_is_longer_or_answers_is_said(said):
    assert len(ENGLISH.sentences(said)) == 2


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("de", "Herr Dr. Braun mag Tiere, z.B. Hunde bzw. Katzen, vgl. Nr. 5."),
        ("es", "El Sr. García y la Dra. Ruiz viven, p. ej. Madrid."),
        ("fr", "Mme. Blanc habite à St. Malo."),
        ("it", "Il Dott. Rossi e il Prof. Verdi."),
    ],
)
def test_titles_of_other_languages(language, sentence):
    assert Words((language,)).sentences(sentence) == [sentence]


def test_elsewhere_what_may_end_a_sentence_does_before_a_capital():
    assert Words(("fr",)).sentences("Du pain, du vin, etc. Les gens") == [
        "Du pain, du vin, etc.",
        "Les gens",
    ]


@given(
    st.lists(st.sampled_from(["Dr.", "etc.", "a", "No.", "5", "The", "b.", "U.S.", "e.g.", "?"]))
)
def test_no_letter_is_lost_whatever_is_joined(words):
    text = " ".join(words)
    for tokenizer in (ENGLISH, *OTHER):
        joined = "".join(tokenizer.sentences(text))
        assert [c for c in joined if c.isalpha()] == [c for c in text if c.isalpha()]

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.plain_words import languages_of, plain_words, word_spans
from lm_eval_overton.text.tokenizers import tokenizer_for

LANGUAGES = st.sets(st.sampled_from(["en", "de", "fr", "hi", "zh", "ja", "th"]), min_size=1)
TEXTS = st.one_of(
    st.text(st.sampled_from("aB1é .,-’'_\n我们的สวัหิन😀")),
    st.sampled_from(["L’eau, c'est la vie.", "我们不会忘记。We won't.", "हिन्दी में लिखें"]),
)


def test_english_words_are_runs_of_letters_digits_and_underscores():
    assert plain_words("The café’s well-known_name, 2.", ENGLISH) == [
        "the", "café", "s", "well", "known_name", "2",
    ]  # fmt: skip


def test_other_languages_have_the_words_of_their_tokenizer():
    assert plain_words("Well-being, l’été!", tokenizer_for(["de"])) == ["well-being", "l’été"]
    # Runs of letters would end at each vowel sign.
    assert plain_words("हिन्दी में", tokenizer_for(["hi"])) == ["हिन्दी", "में"]


def test_a_script_without_spaces_has_words_all_the_same():
    assert len(plain_words("我们应该保护环境和动物", tokenizer_for(["zh"]))) > 4


@given(TEXTS, LANGUAGES)
def test_spans_are_where_the_words_stand(text, languages):
    tokenizer = tokenizer_for(languages)
    spans = word_spans(text, tokenizer)
    assert [text[start:end].lower() for start, end in spans] == plain_words(text, tokenizer)
    assert spans == sorted(spans)


@pytest.mark.parametrize("codes", [{"en"}, {"de"}, {"de", "zh"}])
def test_a_tokenizer_says_its_languages(codes):
    assert languages_of(tokenizer_for(codes)) == codes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
from lm_eval_overton.text import segmenter
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizers import tokenizer_for, tokenizer_of, tokenizer_of_all
from lm_eval_overton.text.words import SEGMENTED, Words
from tests.text.parallel_texts import LANGUAGES, OTHERS, all_answers, answers

needs_icu = pytest.mark.skipif(not segmenter.has_dictionary(), reason="icu4py is not installed")
tokenizers = st.sampled_from([tokenizer_for([code]) for code in LANGUAGES] + [Words(("de", "zh"))])
anything = st.text() | st.text("aé我ป는が्।。.!? ๆ'’-1,\n\u200d👨😀", max_size=60)


def diversity(language: str) -> list[float]:
    tokenizer = tokenizer_for([language])
    return [
        jaccard_diversity([tokenizer.content_words(text) for text in own])
        for own in answers(language)
    ]


@needs_icu
@pytest.mark.parametrize("language", OTHERS)
def test_parallel_texts_are_as_diverse_as_the_english_ones(language):
    assert diversity(language) == pytest.approx(diversity("en"), abs=0.1)


@pytest.mark.parametrize("language", OTHERS)
def test_parallel_texts_have_as_many_sentences(language):
    tokenizer = tokenizer_for([language])
    counts = [len(tokenizer.sentences(text)) for text in all_answers(language)]
    assert counts == [len(ENGLISH.sentences(text)) for text in all_answers("en")]


@pytest.mark.parametrize("language", OTHERS)
def test_equal_texts_have_no_diversity(language):
    text = all_answers(language)[0]
    words = tokenizer_for([language]).content_words(text)
    assert words
    assert jaccard_diversity([words, words]) == 0


@pytest.mark.parametrize("language", sorted(SEGMENTED & {*LANGUAGES}))
def test_pairs_of_characters_stand_in_for_a_dictionary(language, monkeypatch):
    monkeypatch.setattr(segmenter, "has_dictionary", lambda: False)
    assert Words((language,)).signature.startswith(f"{language}-pairs-")
    # Measured: .127 at most, for Thai answers that differ in a few words.
    assert diversity(language) == pytest.approx(diversity("en"), abs=0.15)


def test_words_keep_marks_apostrophes_and_numbers_together():
    assert Words(("de",)).words("Na klar, geht's am 3.5.?") == [
        *("Na", "klar", ",", "geht's", "am", "3.5", ".", "?"),
    ]
    assert Words(("hi",)).words("क्या है?") == ["क्या", "है", "?"]
    assert Words(("fa",)).words("می\u200cروند") == ["می\u200cروند"]
    assert Words(("fr",)).words("l'église d’été") == ["l", "'", "église", "d", "’", "été"]


def test_stop_words_are_those_of_the_language_and_punctuation_of_all_scripts_goes():
    assert Words(("de",)).content_words("der Hund – und «die» Katze…") == {"Hund", "Katze"}
    # With case, as in English.
    assert "Der" in Words(("de",)).content_words("Der Hund")
    assert Words(("ar",)).content_words("؟ ، ؛ «»") == frozenset()
    assert Words(("zh",)).content_words("，。！？《》") == frozenset()


@needs_icu
def test_scripts_without_spaces_are_segmented():
    assert Words(("zh",)).words("我喜欢苹果。") == ["我", "喜欢", "苹果", "。"]
    assert "หนังสือ" in Words(("th",)).words("ฉันอ่านหนังสือ")
    assert Words(("zh",)).words("我用Python写代码") == ["我", "用", "Python", "写", "代码"]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("zh", "好。真的？是！", ["好。", "真的？", "是！"]),
        ("ar", "نعم. لماذا؟ لا أعرف.", ["نعم.", "لماذا؟", "لا أعرف."]),
        ("hi", "हाँ। नहीं॥ शायद", ["हाँ।", "नहीं॥", "शायद"]),
        ("my", "ဟုတ်ကဲ့။ မဟုတ်ဘူး။", ["ဟုတ်ကဲ့။", "မဟုတ်ဘူး။"]),
        ("th", "ฉันชอบแมว แต่ไม่ชอบหมา\nเขาชอบปลา", ["ฉันชอบแมว แต่ไม่ชอบหมา", "เขาชอบปลา"]),
        ("th", "ฉันชอบแมว เขาชอบปลา", ["ฉันชอบแมว", "เขาชอบปลา"]),
        ("de", "Am 3. Mai, z. B. um 8. Gut!", ["Am 3. Mai, z. B. um 8. Gut!"]),
        ("fr", "« Oui. » Non ! Bon…", ["« Oui. »", "Non !", "Bon…"]),
        ("el", "Γιατί; Δεν ξέρω.", ["Γιατί;", "Δεν ξέρω."]),
        ("ru", "1. Да\n- Нет; может быть", ["Да", "Нет; может быть"]),
    ],
)
def test_sentences_end_as_the_script_ends_them(language, text, expected):
    assert Words((language,)).sentences(text) == expected


def test_the_beginning_of_a_text_is_counted_in_words():
    text = "eins, zwei drei. vier"
    assert Words(("de",)).beginning(text, 2) == "eins, zwei"
    assert Words(("de",)).beginning(text, 4) == text
    long = "我喜欢苹果。" * 100
    kept = Words(("zh",)).beginning(long, 100)
    assert long.startswith(kept)
    assert Words(("zh",)).count(kept) == 100


def test_signatures_name_languages_segmenter_and_stop_words():
    assert tokenizer_for(["en"]) is ENGLISH
    assert Words(("de",)).signature.startswith("de-stop")
    named = Words(("de", "zh")).signature
    assert named.startswith(f"de+zh-{segmenter.segmenter_name()}-stop")
    assert tokenizer_of_all([named, "en"]) == Words(("de", "en", "zh"))
    assert tokenizer_of_all(["en", "en"]) is ENGLISH
    assert tokenizer_of(all_answers("ko")) == Words(("ko",))


@given(tokenizers, anything)
def test_words_are_parts_of_the_text_in_order(tokenizer, text):
    if tokenizer is ENGLISH:
        return
    start = 0
    for word in tokenizer.words(text):
        assert word
        start = text.index(word, start)


@given(tokenizers, anything)
def test_sentences_are_parts_of_the_text(tokenizer, text):
    assert all(sentence in text for sentence in tokenizer.sentences(text))


@given(tokenizers, anything, st.integers(1, 5))
def test_beginnings_are_beginnings(tokenizer, text, n):
    kept = tokenizer.beginning(text, n)
    assert text.startswith(kept)
    assert kept == text or tokenizer.count(kept) <= n

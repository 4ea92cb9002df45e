from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

from lm_eval_overton.text.bleu_words import bleu_words
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizers import tokenizer_for


def test_words_and_their_punctuation_stand_apart():
    assert bleu_words(["It's 1,000.5 &amp; (so)!"], ENGLISH) == [
        ["It's", "1,000.5", "&", "(", "so", ")", "!"]
    ]


@given(st.text(max_size=40))
def test_they_are_sacrebleus_in_every_language_that_writes_words_apart(text):
    expected = Tokenizer13a()(text.rstrip()).split()
    for language in ("en", "de", "ru"):
        assert bleu_words([text], tokenizer_for([language])) == [expected]


def test_a_script_without_spaces_is_taken_apart_by_its_own_tokenizer():
    text = "我们应该保护环境。"
    [own] = bleu_words([text], tokenizer_for(["zh"]))
    assert "".join(own) == text
    assert len(own) > len(bleu_words([text], ENGLISH)[0])


def test_sacrebleu_keeps_no_text():
    bleu_words(["Once."], ENGLISH)
    assert Tokenizer13a.__call__.cache_info().currsize == 0
    assert TokenizerRegexp.__call__.cache_info().currsize == 0

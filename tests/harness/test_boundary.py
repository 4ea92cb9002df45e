"""Each continuation has tokens of its own, whatever the tokenizer joins."""

import json

import pytest
from lm_eval.api.instance import Instance
from lm_eval.api.model import hash_args

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.boundary import Boundary, continued
from tests.tiny_models import KINDS, harness_model

LETTERS = list("ABC")


def pairs_of(kind, context, texts):
    model = harness_model(kind)
    pairs = Boundary(model, "task").pairs(context, texts)
    return model, pairs, [model._encode_pair(*pair) for pair in pairs]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "context",
    ["x\n\nAnswer:", "x\n\nAnswer: (", "x\n\n(", "x:", 'x "', "x\n", "<|assistant|>", "x "],
)
@pytest.mark.parametrize("glued", [False, True])
def test_no_continuation_is_empty_and_no_token_of_the_context_is_lost(kind, context, glued):
    texts = LETTERS if glued else [continued(context, own) for own in LETTERS]
    model, pairs, encoded = pairs_of(kind, context, texts)
    for (head, rest), own, (before, after) in zip(pairs, texts, encoded, strict=True):
        assert head + rest == context + own
        assert after
        assert [*before, *after] == model.tok_encode(context + own)


def test_a_bracket_that_is_joined_with_the_letter_belongs_to_the_answer():
    _, pairs, encoded = pairs_of("llama-3", "x\n\n(", ["A", "B"])
    assert pairs == [("x\n\n", "(A"), ("x\n\n", "(B")]
    # The blank line before it is no part of the answer.
    assert len(encoded[0][1]) == 1


@pytest.mark.parametrize("kind", ["gpt-2", "llama-3"])
def test_the_line_break_of_a_header_is_no_part_of_the_answer(kind):
    model, pairs, encoded = pairs_of(kind, "<|assistant|>\n", ["A", "B"])
    assert pairs == [("<|assistant|>\n", "A"), ("<|assistant|>\n", "B")]
    assert [len(after) for _, after in encoded] == [1, 1]
    # The cache knows it again, and so do files.
    assert json.dumps(pairs[0]) == json.dumps(("<|assistant|>\n", "A"))
    assert hash_args("loglikelihood", pairs[0]) == hash_args("loglikelihood", tuple(pairs[0]))
    assert model.loglikelihood([Instance("loglikelihood", {}, pairs[0], 0)])


def test_all_answers_of_a_context_begin_at_one_place():
    _, pairs, _ = pairs_of("llama-3", "x\n\n(", ["A", "?"])
    assert {head for head, _ in pairs} == {"x\n\n"}


def test_what_looks_no_different_is_left_as_it_is():
    assert Boundary(None, "task").pairs("x(", ["A"]) == [("x(", "A")]
    assert Boundary(object(), "task").pairs("", ["A"]) == [("", "A")]


class Closing:
    """A tokenizer that ends each text with a token."""

    def tok_encode(self, text):
        return [*text, "</s>"]


class Deaf:
    """A tokenizer for which all texts are the same."""

    def tok_encode(self, text):
        return [0]


def test_a_token_at_the_end_of_each_text_moves_nothing():
    assert Boundary(Closing(), "task").pairs("ab", ["c"]) == [("ab", "c")]


def test_a_text_without_tokens_is_refused_in_one_line():
    with pytest.raises(SettingsError, match=r"^task: expected answers that have tokens") as error:
        Boundary(Deaf(), "task").pairs("ab", ["c"])
    assert "\n" not in str(error.value)


class Counting(Closing):
    """One that counts what it is shown."""

    n = 0

    def tok_encode(self, text):
        self.n += 1
        return super().tok_encode(text)


def test_contexts_with_one_ending_are_looked_at_once():
    model = Counting()
    boundary = Boundary(model, "task")
    for i in range(50):
        boundary.pairs(f"{i}" + "x" * 80, LETTERS)
    n = model.n
    boundary.pairs("other" + "x" * 80, LETTERS)
    assert model.n == n


@pytest.mark.parametrize(
    ("context", "text"),
    [
        ("Answer:", " A"),
        ("the answer is", " A"),
        ("Pick (one)", " A"),
        ("Answer: ", "A"),
        ("<|assistant|>\n", "A"),
        ("<|assistant|>", "A"),
        ("[/INST]", "A"),
        ("Answer: (", "A"),
        ("答案：", "A"),
        ("", "A"),
    ],
)
def test_a_letter_stands_behind_a_blank_only_after_a_word_or_a_colon(context, text):
    assert continued(context, "A") == text

"""Answers that a model's context does not hold are asked in windows, of which none is cut off."""

import pytest

from lm_eval_overton.harness.boundary import Boundary
from lm_eval_overton.harness.windows import Windows
from tests.tiny_models import KINDS, harness_model

ROOM = 256
CONTEXT = "# Query:\n```\nWhich one is it?\n```\n\n# Answer:\n```\n"
ANSWERS = {
    "words": "A yes B no, " * 90,
    "one word": "A" * 900,
    "no blanks": "的确如此没有" * 80,
    "blanks": "yes" + " " * 400 + "no " * 300,
    "lines": "\n\nyes\n- no" * 120,
    "signs": '("*:' * 250,
}


def windows_of(model, context, text):
    windows = Windows(model, Boundary(model, "task"))
    return windows, windows.pairs(context, text)


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return harness_model(request.param)


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("context", [CONTEXT, "Which? yes no " * 90, "<|assistant|>\n"])
def test_windows_are_the_text_once_and_each_fits(model, name, context):
    text = ANSWERS[name]
    _, pairs = windows_of(model, context, text)
    assert len(pairs) > 1
    whole = "".join(rest for _, rest in pairs)
    assert whole.endswith(text)
    assert (context + text).endswith(whole)
    assert len(whole) - len(text) < 64
    for kept, rest in pairs:
        before, after = model._encode_pair(kept, rest)
        assert before
        assert after
        assert len(before) + len(after) <= ROOM


def test_the_prompt_is_the_context_of_the_first_window_and_half_of_the_room_of_each_other():
    model = harness_model("gpt-2")
    windows, pairs = windows_of(model, CONTEXT, ANSWERS["words"])
    assert str(pairs[0][0]) == CONTEXT
    sizes = [len(model.tok_encode(kept)) for kept, _ in pairs[1:]]
    assert all(ROOM // 2 - 8 < size <= ROOM // 2 for size in sizes)
    whole = model.tok_encode(CONTEXT + ANSWERS["words"])
    assert windows.n_tokens(pairs) == len(whole) - len(model.tok_encode(CONTEXT))


def test_a_text_that_fits_is_asked_at_once(model):
    windows, pairs = windows_of(model, CONTEXT, "yes B")
    assert [(str(kept), rest) for kept, rest in pairs] == [(CONTEXT, "yes B")]
    assert windows.n_tokens(pairs) == sum(len(model._encode_pair(*pair)[1]) for pair in pairs)


def test_windows_add_up_to_what_a_model_of_a_longer_context_says(monkeypatch):
    import torch
    from lm_eval.api.instance import Instance

    model, text = harness_model("gpt-2"), "yes B no " * 60
    monkeypatch.setattr(model, "_max_length", 64)
    _, pairs = windows_of(model, CONTEXT, text)
    assert len(pairs) > 4
    asked = [Instance("loglikelihood", {}, pair, 0) for pair in pairs]
    found = sum(log for log, _ in model.loglikelihood(asked, disable_tqdm=True))
    # By hand: the tokens of each window, behind those of its context.
    by_hand = 0.0
    for kept, rest in pairs:
        before, after = model._encode_pair(kept, rest)
        with torch.no_grad():
            logs = model.model(torch.tensor([before + after])).logits[0].double().log_softmax(-1)
        by_hand += sum(float(logs[len(before) - 1 + i, token]) for i, token in enumerate(after))
    assert found == pytest.approx(by_hand, rel=1e-5)


class Silent:
    """A model that shows no tokens."""

    max_length = 4


def test_of_a_model_without_tokens_nothing_is_known():
    windows, pairs = windows_of(Silent(), "Why?", "x" * 99)
    assert pairs == [("Why?", "x" * 99)]
    assert windows.n_tokens(pairs) is None

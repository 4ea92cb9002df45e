"""A reward model: a real one, tiny and made here."""

import pytest

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.text.reward import RewardModel
from tests.matchers.test_matchers import write_nli_model

PAIRS = [("a b?", "c"), ("a b?", "d e f g"), ("q", "c"), ("q", "h " * 400)]


@pytest.fixture(scope="module")
def reward(tmp_path_factory):
    return write_nli_model(tmp_path_factory.mktemp("models") / "reward", {0: "LABEL_0"})


def test_batches_give_what_one_at_a_time_gives(reward):
    alone = [RewardModel(reward, batch_size=1).rewards([pair])[0] for pair in PAIRS]
    assert RewardModel(reward, batch_size=3).rewards(PAIRS) == pytest.approx(alone, abs=1e-5)
    assert len({round(own, 4) for own in alone}) == len(PAIRS)


def test_it_is_the_model_s_output_for_the_pair(reward):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(reward)
    model = AutoModelForSequenceClassification.from_pretrained(reward).eval()
    with torch.inference_mode():
        expected = model(**tokenizer("a b?", "c", return_tensors="pt")).logits[0, 0].item()
    assert RewardModel(reward).rewards([("a b?", "c")]) == [pytest.approx(expected, abs=1e-5)]


def test_a_chat_template_frames_the_two_as_messages(tmp_path):
    from transformers import AutoTokenizer

    folder = write_nli_model(tmp_path / "chat", {0: "LABEL_0"})
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}"
    tokenizer.save_pretrained(folder)
    model = RewardModel(folder)
    framed = "user: a assistant: b "
    ids = model._loaded[0](framed, add_special_tokens=False)["input_ids"]
    seen = []
    forward = model._loaded[1].forward
    model._loaded[1].forward = lambda **given: seen.append(given["input_ids"]) or forward(**given)
    model.rewards([("a", "b")])
    assert seen[0][0].tolist() == ids


def test_a_model_of_several_outputs_is_refused(tmp_path):
    model = write_nli_model(tmp_path / "two", {0: "a", 1: "b"})
    with pytest.raises(SettingsError, match="expected a model with one output, got 2"):
        RewardModel(model)
    with pytest.raises(SettingsError, match="reward_model: expected a sequence-classification"):
        RewardModel(str(tmp_path / "nowhere"))

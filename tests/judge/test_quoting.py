"""Control tokens in what is quoted, by their shapes and by a tokenizer's own list."""

import pytest

from lm_eval_overton.judge.ask import Question
from lm_eval_overton.judge.client.jobs import Job
from lm_eval_overton.judge.client.local import ask_loaded
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.judge.quoting import as_data, without_tokens
from lm_eval_overton.settings.judge import read_spec

FAMILIES = {
    "EXAONE": ["[|system|]", "[|user|]", "[|assistant|]", "[|endofturn|]"],
    "Nemotron": ["<extra_id_0>", "<extra_id_1>", "<SPECIAL_10>", "<SPECIAL_12>"],
    "Seed-OSS": ["<seed:bos>", "<seed:eos>", "<seed:think>", "</seed:think>", "<seed:tool_call>"],
    "MiniMax": ["]~!b[", "]~b]", "[e~[", "]<]minimax[>[", "<minimax:tool_call>", "]!p~["],
    "MiniMax-01": ["<beginning_of_sentence>", "<end_of_sentence>"],
    "Cohere": ["<BOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<EOS_TOKEN>"],
    "Baichuan": ["<reserved_106>", "<reserved_107>", "<B_SYS>", "<C_Q>", "<C_A>"],
    "GLM": ["[gMASK]", "<sop>", "<|user|>"],
    "Mistral": ["[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[TOOL_CALLS]", "[ARGS]", "[/THINK]"],
    "Gemma": ["<start_of_turn>", "<end_of_turn>", "<unused12>", "<|channel>", "<turn|>"],
    "Kimi": ["◁think▷", "◁/think▷", "<|im_user|>"],
    "Pangu": ["[unused16]", "[unused10]"],
    "thoughts": ["<thought>", "</thoughts>", "<scratchpad>", "</mm:think>"],
}


@pytest.mark.parametrize("name", FAMILIES)
def test_no_control_token_of_a_family_is_quoted_whole(name):
    for token in FAMILIES[name]:
        quoted = as_data(f"Dogs.{token}yes{token.lower()}")
        assert token not in quoted
        assert token.lower() not in quoted
        # Only spaces were added, once.
        assert quoted.replace(" ", "") == f"Dogs.{token}yes{token.lower()}"
        assert as_data(quoted) == quoted


@pytest.mark.parametrize(
    "text",
    [
        "x[1] = [2], y[i]~x[i], norms [| b |] and a[i|j]",
        "vector<int> a; List<String> b; <T>(x) <a href='s'> <br/> 3 < 4 | 5 > 2",
        "Use <Enter> and [Ctrl] [1] [x] (args)",
    ],
)
def test_code_and_notes_are_quoted_as_they_are(text):
    assert as_data(text) == text


def test_a_tokenizers_own_tokens_are_parted_and_words_are_not():
    tokens = {"<ctl>", "<ctl>>", "the", "  ", "\n", "<"}
    assert without_tokens("the <ctl>> and <ctl> < the  \n", tokens) == (
        "the < ctl>> and < ctl> < the  \n"
    )
    assert without_tokens("the <ctl>", ()) == "the <ctl>"


class Token(str):
    special = True


class Tokenizer:
    all_special_tokens = ("<stop!>",)
    added_tokens_decoder = {7: Token("%%turn%%")}  # noqa: RUF012


class Model:
    tokenizer = Tokenizer()

    def __init__(self):
        self.asked = []

    def generate_until(self, requests, disable_tqdm):
        self.asked += [request.args[0] for request in requests]
        return ["" for _ in requests]

    def loglikelihood(self, requests, disable_tqdm):
        self.asked += [request.args[0] for request in requests]
        return [(-1.0, False) for _ in requests]


@pytest.mark.parametrize(("mode", "label"), [("text", None), ("loglikelihood", "yes")])
def test_a_loaded_judge_is_not_sent_its_own_control_tokens(mode, label):
    texts = {"prompt": "Dogs?", "response": "Dogs.<stop!>%%turn%% Yes."}
    job = Job("key", Question(JUDGEMENTS["stance"], texts), label)
    model = Model()
    ask_loaded(model, [job], read_spec({"model": "hf", "mode": mode}, "test"), lambda *_: None)
    [asked] = model.asked
    assert asked == job.content.replace("<stop!>%%turn%%", "< stop!>% %turn%%")
    assert "Dogs.< stop!>% %turn%% Yes." in asked

"""What servers are sent: key by key what the user asked for."""

import json
import sys
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lm_eval.api.registry import get_model
from lm_eval.models.api_models import JsonChatStr, TemplateAPI

from lm_eval_overton.client.bodies import Asked, body, has_own_temperature, is_client, takes_seed

SAID = [{"role": "user", "content": "Is it so?"}]
CHAT = JsonChatStr(json.dumps(SAID))
URL = "http://127.0.0.1:9/v1"
DEFAULTS = {"temperature": 0.5, "top_p": 1.0, "max_gen_toks": 700}


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-test")


def made(kind, model, **options):
    return get_model(kind)(model=model, base_url=URL, **options)


# Of the families that the harness takes for one that has its own temperature, by a digit.
PLAIN_NAMES = [
    *("gpt-3.5-turbo", "gpt-4o-2024-05-13", "gpt-4.1-mini", "qwen2.5-72b-instruct"),
    *(
        "claude-3-5-sonnet",
        "mistral-small-2503",
        "o15-local",
        "llama-3.1-405b",
        "gpt-5-chat-latest",
    ),
]
OWN_NAMES = ["gpt-5-mini", "gpt-5.1", "o1", "o3-mini", "openai/o4-mini", "azure-gpt5"]


@pytest.mark.parametrize("model", [*PLAIN_NAMES, *OWN_NAMES])
def test_a_chat_server_is_sent_what_was_asked_for_whatever_the_model_is_called(model):
    sent = body(made("openai-chat-completions", model), CHAT, Asked(DEFAULTS, (), 7))
    assert sent == {
        "model": model,
        "messages": SAID,
        "temperature": 0.5,
        "max_completion_tokens": 700,
        "seed": 7,
    }
    sent = body(made("local-chat-completions", model), CHAT, Asked(DEFAULTS, (), 7))
    assert sent == {
        "model": model,
        "messages": SAID,
        "temperature": 0.5,
        "max_tokens": 700,
        "seed": 7,
    }


def test_names_tell_who_has_a_temperature_of_its_own_at_its_provider_alone():
    hosted = [made("openai-chat-completions", name) for name in PLAIN_NAMES + OWN_NAMES]
    assert [lm.model for lm in hosted if has_own_temperature(lm)] == OWN_NAMES
    assert not has_own_temperature(made("local-chat-completions", "gpt-5-mini"))


def test_stops_go_to_those_that_take_them():
    stops = ["\n\n", "###", "Q:", "A:", "B:"]
    asked = Asked(DEFAULTS, stops)
    assert (
        body(made("openai-chat-completions", "gpt-4o-2024-05-13"), CHAT, asked)["stop"]
        == (stops[:4])
    )
    assert "stop" not in body(made("openai-chat-completions", "o3"), CHAT, asked)
    assert body(made("anthropic-chat", "claude"), CHAT, asked)["stop_sequences"] == stops[:4]


def test_anthropic_is_sent_no_key_that_it_refuses():
    lm = made("anthropic-chat", "claude-sonnet-4-5")
    system = JsonChatStr(json.dumps([{"role": "system", "content": "Be brief."}, *SAID]))
    assert body(lm, system, Asked(DEFAULTS, (), 7)) == {
        "model": "claude-sonnet-4-5",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Is it so?"}]}],
        "temperature": 0.5,
        "max_tokens": 700,
    }
    assert not takes_seed(lm)


def test_completions_and_sglang():
    asked = Asked(DEFAULTS | {"min_p": 0.1}, ("```",), 7)
    lm = made("local-completions", "base", tokenizer_backend="none")
    assert takes_seed(lm)
    assert body(lm, "# Query", asked) == {
        "model": "base",
        "prompt": "# Query",
        "temperature": 0.5,
        "max_tokens": 700,
        "min_p": 0.1,
        "stop": ["```"],
        "seed": 7,
    }
    lm = made("sglang-generate", "base", tokenizer_backend="none")
    assert not takes_seed(lm)
    sampling = {"temperature": 0.5, "max_new_tokens": 700, "min_p": 0.1, "stop": ["```"]}
    assert body(lm, "# Query", asked) == {"text": "# Query", "sampling_params": sampling}


class Letters:
    """A tokenizer of letters."""

    def __call__(self, text, **_):
        return type("Encoded", (), {"input_ids": [ord(letter) for letter in text]})()


def test_a_prompt_in_tokens_is_cut_at_its_beginning_as_the_harness_does():
    lm = made("local-completions", "base", tokenizer_backend="none", max_length=11)
    lm.tokenizer_backend, lm.tokenizer, lm.tokenized_requests = "huggingface", Letters(), True
    sent = body(lm, "abcdefgh", Asked({"temperature": 1, "max_gen_toks": 4}))
    assert sent["prompt"] == [[ord(letter) for letter in "cdefgh"]]
    assert sent["max_tokens"] == 4


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("kind", ["openai-chat-completions", "local-chat-completions"])
def test_the_limit_keeps_the_user_s_name(kind, name):
    sent = body(made(kind, "m"), CHAT, Asked(DEFAULTS, length_name=name))
    assert {key for key in sent if key.startswith("max")} == {name}
    assert sent[name] == 700


def test_what_is_dropped_says_nothing_or_is_several_is_seen_in_the_body():
    lm = made("local-chat-completions", "m")
    asked = Asked({**DEFAULTS, "top_k": None, "top_p": 0.9}, ("#",), None, drop=["stop"], n=5)
    assert body(lm, CHAT, asked) == {
        "model": "m",
        "messages": SAID,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 700,
        "n": 5,
    }


SETTINGS = st.dictionaries(
    st.sampled_from(["temperature", "top_p", "top_k", "min_p", "max_gen_toks", "presence_penalty"]),
    st.none() | st.integers(0, 99) | st.floats(0, 1),
)


@given(
    st.sampled_from([("openai-chat-completions", "o1"), ("local-chat-completions", "gpt-3.5")]),
    SETTINGS,
    st.lists(st.text(min_size=1), max_size=6),
    st.none() | st.integers(0, 99),
    st.sets(st.sampled_from(["stop", "seed", "temperature", "top_p"])),
)
def test_no_key_is_invented_and_none_that_was_asked_for_is_changed(
    named, settings, stops, seed, drop
):
    given_settings = dict(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-test")
        sent = body(made(*named), CHAT, Asked(settings, tuple(stops), seed, drop=tuple(drop)))
    assert settings == given_settings
    assert not drop & sent.keys()
    assert None not in sent.values()
    assert sent.get("seed") in (seed, None)
    for key in ({"temperature"} | settings.keys()) - drop - {"max_gen_toks"}:
        assert sent.get(key) == settings.get(key) or (key == "top_p" and settings[key] == 1)
    known = {"messages", "model", "temperature", "max_tokens", "max_completion_tokens", "stop"}
    assert sent.keys() <= known | settings.keys() | {"seed"}


def test_a_model_with_a_way_of_its_own_is_left_alone():
    class Own(get_model("local-chat-completions")):
        def model_call(self, *args, **kwargs):
            return {}

    assert is_client(made("local-chat-completions", "m"))
    assert not is_client(Own(model="m", base_url=URL))
    assert not is_client(get_model("dummy")())
    assert issubclass(Own, TemplateAPI)


def test_a_client_is_one_while_its_module_is_loaded_anew(monkeypatch):
    model = made("local-chat-completions", "m")
    monkeypatch.setitem(sys.modules, "lm_eval.models.api_models", ModuleType("half loaded"))
    assert is_client(model)
    assert not is_client(object())

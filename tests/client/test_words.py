"""What servers say of what they refuse: the key that is to blame is found, or there is none."""

import json

import pytest

from lm_eval_overton.client.words import SHOWN, is_no_entry, refused_key, said

SENT = [
    *("messages", "model", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k"),
    *("seed", "stop", "stop_sequences", "n", "presence_penalty", "response_format"),
]


def openai(message, param=None, code=None):
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return json.dumps({"error": error})


def anthropic(message):
    error = {"type": "invalid_request_error", "message": message}
    return json.dumps({"type": "error", "error": error})


def mistral(*details):
    return json.dumps({"object": "error", "message": {"detail": list(details)}})


def pydantic(key, kind="extra_forbidden", words="Extra inputs are not permitted"):
    return {"type": kind, "loc": ["body", key], "msg": words, "input": 1}


def openrouter(raw):
    metadata = {"raw": raw, "provider_name": "OpenAI"}
    error = {"message": "Provider returned error", "code": 400, "metadata": metadata}
    return json.dumps({"error": error})


UNSUPPORTED = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
    "'max_completion_tokens' instead."
)
VALUE = (
    "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) "
    "value is supported."
)


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (openai(UNSUPPORTED, "max_tokens", "unsupported_parameter"), "max_tokens"),
        (openai(UNSUPPORTED), "max_tokens"),
        (openai(VALUE, "temperature", "unsupported_value"), "temperature"),
        (openai("Unrecognized request argument supplied: top_k"), "top_k"),
        (openai("Invalid 'stop': array too long. Expected at most 4.", "stop"), "stop"),
        (openai("max_tokens is too large: 70000. At most 4096.", "max_tokens"), "max_tokens"),
        (anthropic("seed: Extra inputs are not permitted"), "seed"),
        (anthropic("temperature: Input should be less than or equal to 1"), "temperature"),
        (
            anthropic("stop_sequences: each stop sequence must contain non-whitespace"),
            "stop_sequences",
        ),
        (
            anthropic("max_tokens: 70000 > 8192, which is the maximum allowed number of tokens"),
            "max_tokens",
        ),
        (mistral(pydantic("seed")), "seed"),
        (json.dumps({"detail": [pydantic("n", words="Unknown")]}), "n"),
        (
            openai("[{'type': 'extra_forbidden', 'loc': ('body', 'top_k'), 'msg': 'Extra'}]"),
            "top_k",
        ),
        (json.dumps({"object": "error", "message": "max_tokens must be at least 1"}), "max_tokens"),
        (
            openai("SamplingParams.__init__() got an unexpected keyword argument 'seed'"),
            "seed",
        ),
        (
            json.dumps({"code": "invalid", "error": "Argument not supported: presencePenalty"}),
            "presence_penalty",
        ),
        (
            json.dumps([{"error": {"code": 400, "message": 'Unknown name "seed": no field.'}}]),
            "seed",
        ),
        (
            json.dumps([{"error": {"message": "a temperature of 3 is out of the range 0 to 2"}}]),
            "temperature",
        ),
        (openrouter(openai(UNSUPPORTED, "max_tokens")), "max_tokens"),
        (openrouter("seed is not supported"), "seed"),
        (
            openai(f"litellm.BadRequestError: OpenAIException - {openai(UNSUPPORTED)}"),
            "max_tokens",
        ),
        (
            openai(
                "litellm.UnsupportedParamsError: azure does not support parameters: "
                "['temperature'], for model=o1. To drop these, set `litellm.drop_params=True`"
            ),
            "temperature",
        ),
        (openai("property 'seed' is unsupported"), "seed"),
        (json.dumps({"message": "extraneous key [seed] is not permitted"}), "seed"),
        (json.dumps({"error": "`temperature` must be strictly positive"}), "temperature"),
        (openai("Bad request. " + 30 * "See the manual. " + "seed is not supported"), "seed"),
        ("stop is not supported here", "stop"),
    ],
)
def test_the_key_that_a_server_refuses_is_found(body, key):
    assert refused_key(body, SENT) == key


@pytest.mark.parametrize(
    "body",
    [
        openai(
            "This model's maximum context length is 4097 tokens. However, you requested 5000 "
            "(4300 in the messages, 700 in max_tokens). Please reduce the length.",
            "messages",
            "context_length_exceeded",
        ),
        openai("The model `x` does not exist or you do not have access", code="model_not_found"),
        openai("Invalid prompt: flagged as potentially violating our usage policy"),
        openai("Invalid value for 'content': expected a string.", "messages.[0].content"),
        openai("The response was filtered by our content management policy, stop", "prompt"),
        openai("Incorrect API key provided"),
        anthropic("prompt is too long: 210000 tokens > 200000 maximum"),
        anthropic("messages: text content blocks must be non-empty"),
        mistral(pydantic("messages", "missing", "Field required")),
        json.dumps(
            {"error": "`inputs` tokens + `max_tokens` must be <= 4096. Given: 4000 `inputs` tokens"}
        ),
        json.dumps({"error": {"message": "the request exceeds the available context size"}}),
        "<html><body>400 Bad Request: cannot read it, stop</body></html>",
        "Bad Request",
        "",
        "null",
        "[[[",
        "[" * 100_000,
        '{"error": null}',
        openai("Invalid\\n request"),
    ],
)
def test_what_is_about_one_prompt_or_about_no_key_names_none(body):
    assert refused_key(body, SENT) is None


def test_a_key_that_was_not_sent_is_not_to_blame():
    assert refused_key(openai("top_k is not supported", "top_k"), ["seed", "model"]) is None


@pytest.mark.parametrize(
    "words",
    [
        "You exceeded your current quota, please check your plan and billing details.",
        '{"code": "insufficient_quota"}',
        "Your credit balance is too low to access the Anthropic API",
        "Insufficient Balance",
        "Insufficient credits. Add more using https://openrouter.ai/credits",
        "billing_not_active",
        "API key not valid. Please pass a valid API key.",
        "API_KEY_INVALID",
        "Incorrect API key provided",
        "invalid x-api-key",
    ],
)
def test_what_is_said_to_whoever_does_not_pay_or_is_not_known(words):
    assert is_no_entry(words)


@pytest.mark.parametrize("words", ["Rate limit reached", "billing is not a topic here", "quota"])
def test_what_holds_for_a_while_or_for_one_prompt_holds_for_no_one_else(words):
    assert not is_no_entry(words)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (openai("too\n  many"), "too many"),
        (mistral(pydantic("seed")), "seed: Extra inputs are not permitted"),
        (openrouter(openai("down")), "Provider returned error; down"),
        (json.dumps({"error": "down", "message": "down"}), "down"),
        ("<h1>Bad\ngateway</h1>", "<h1>Bad gateway</h1>"),
        ('{"status": 3}', '{"status": 3}'),
        ("", ""),
    ],
)
def test_what_a_server_says_is_one_line(body, line):
    assert said(body) == line


def test_what_a_server_says_is_not_long():
    assert len(said(openai("long " * 1000))) == SHOWN

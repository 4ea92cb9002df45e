"""Keys are taken out of what a server says, and nothing else of what a model says."""

import pytest

from lm_eval_overton.client.connection import Connection

KEY = "sk-0123456789abcdef"


def connection(headers=None, url="https://localhost/v1/chat/completions"):
    return Connection(url, headers or {"Authorization": f"Bearer {KEY}"})


@pytest.mark.parametrize("name", ["Authorization", "x-api-key", "api-key", "Cookie"])
@pytest.mark.parametrize("answers", [False, True])
def test_a_key_is_taken_out_of_errors_and_answers(name, answers):
    own = connection({name: f"Bearer {KEY}"})
    assert own.without_secrets(f"not {KEY}!", answers) == "not <redacted>!"
    assert own.without_secrets("A bearer is a Bearer.", answers) == "A bearer is a Bearer."


@pytest.mark.parametrize("answers", [False, True])
def test_a_key_in_the_address_is_taken_out_too(answers):
    own = connection({"Accept": "*/*"}, f"https://localhost/v1?api-version=2024-02-01&key={KEY}")
    text = own.without_secrets(f"{KEY} of 2024-02-01", answers)
    assert text == "<redacted> of 2024-02-01"


def test_a_model_may_say_what_else_is_sent():
    own = connection({"x-api-key": KEY, "anthropic-version": "2023-06-01"})
    assert own.without_secrets("Since 2023-06-01.", answers=True) == "Since 2023-06-01."


@pytest.mark.parametrize("word", ["not-needed", "placeholder", "EMPTY", "no_key_here"])
def test_a_model_may_say_a_word_that_stands_for_no_key(word):
    own = connection({"Authorization": f"Bearer {word}"})
    assert own.without_secrets(f"It is {word}.", answers=True) == f"It is {word}."


def test_of_two_keys_the_longer_goes_first():
    own = connection({"api-key": KEY, "Authorization": f"Bearer {KEY}-more"})
    assert own.without_secrets(f"{KEY}-more {KEY}") == "<redacted> <redacted>"


@pytest.fixture
def environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def test_a_proxy_is_that_of_the_environment_unless_the_host_needs_none(environment):
    assert connection().proxy is None
    environment.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    environment.setenv("NO_PROXY", "localhost,.internal")
    assert connection().proxy is None
    assert connection(url="https://api.example.com/v1").proxy == "http://proxy.invalid:3128"
    assert connection(url="http://api.example.com/v1").proxy is None

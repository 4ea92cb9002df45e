import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.credentials import redact


@pytest.mark.parametrize(
    "key",
    ["api_key", "API-KEY", "hf_token", "client_secret", "Password", "Authorization", "header"],
)
def test_what_looks_like_a_credential_is_redacted(key):
    assert redact({key: "s3cret", "model": "m"}) == {key: "<redacted>", "model": "m"}


@pytest.mark.parametrize("key", ["tokenizer", "tokenized_requests", "max_new_tokens", "bos_token"])
def test_settings_of_tokens_are_no_credentials(key):
    assert redact({key: "x"}) == {key: "x"}


@given(st.dictionaries(st.text(), st.integers()))
def test_redaction_keeps_all_keys_in_order(values):
    assert list(redact(values)) == list(values)


def test_nested_credentials_are_redacted():
    assert "sk-1" not in str(redact({"model_kwargs": {"api_key": "sk-1"}}))


def test_auth_of_the_tokenizer_and_of_the_address_are_redacted():
    given = {"auth": "sk-1", "tokenizer_auth_token": "sk-1", "base_url": "https://u:sk-1@h"}
    assert "sk-1" not in str(redact(given))

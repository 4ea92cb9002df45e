import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.settings.credentials import is_secret, redact

NAMES = st.sampled_from(["api_key", "model", "tokenizer", "bearer", "base_url"])
NESTED = st.recursive(
    st.integers() | st.sampled_from(["x", "http://h?key=1", "http://h?v=1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    "key",
    [
        *("api_key", "API-KEY", "apikey", "hf_token", "client_secret", "Password", "Authorization"),
        *("header", "extra_headers", "bearer", "accessKeyId", "api_tokens", "X-Amz-Signature"),
        *("tokenizer_auth_token", "eos_token_key", "max_auth_token", "watsonx_credentials"),
    ],
)
def test_what_looks_like_a_credential_is_redacted(key):
    assert redact({key: "s3cret", "model": "m"}) == {key: "<redacted>", "model": "m"}


@pytest.mark.parametrize(
    "key",
    [
        *("tokenizer", "tokenized_requests", "max_new_tokens", "bos_token", "use_fast_tokenizer"),
        *("custom_prefix_token_id", "think_end_token", "stop_token_ids", "max_tokens_to_sample"),
        *("num_key_value_heads", "author", "design", "keywords"),
    ],
)
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


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://h/v1?api-key=sk-1&v=2", "https://h/v1?api-key=<redacted>&v=2"),
        ("https://h/v1?v=2&sig=sk-1#x", "https://h/v1?v=2&sig=<redacted>#x"),
        ("https://h/v1?api%2Dkey=sk-1", "https://h/v1?api%2Dkey=<redacted>"),
        ("https://u:sk-1@h/v1?token=sk-1", "https://h/v1?token=<redacted>"),
        ("model=m,access_token=sk-1", "model=m,access_token=<redacted>"),
        ("https://h/api-key/x?max_tokens=5", "https://h/api-key/x?max_tokens=5"),
        ("https://u:p@ss@h/v1", "https://h/v1"),
        (
            "https://h/v1?code=s1&v=2&subscription=s1",
            "https://h/v1?code=<redacted>&v=2&subscription=<redacted>",
        ),
        ("https://h/v1?k=a1b2c3d4e5f6a7b8c9d0", "https://h/v1?k=<redacted>"),
        (
            "https://h/v1?deployment=gpt-4o-mini-2024-07-18",
            "https://h/v1?deployment=gpt-4o-mini-2024-07-18",
        ),
        ("model=m,code=python,session=2", "model=m,code=python,session=2"),
        ("x: Bearer abcdefgh1", "x: Bearer <redacted>"),
        ("Basic dXNlcjpwYXNz1=", "Basic <redacted>"),
        ("a basic configuration", "a basic configuration"),
        ("got sk-proj-0123456789abcdefghij.", "got <redacted>."),
        ("hf_0123456789abcdefghijABCDEFGHIJ", "<redacted>"),
        (
            "my-task-sk-model/hf_checkpoint-of-a-long-name-2",
            "my-task-sk-model/hf_checkpoint-of-a-long-name-2",
        ),
    ],
)
def test_a_key_in_an_address_is_redacted_and_nothing_else(given, kept):
    assert redact({"base_url": [given]}) == {"base_url": [kept]}
    assert is_secret("base_url", given) is (given != kept)


@given(NESTED)
def test_whatever_is_redacted_would_be_refused(value):
    assert is_secret("x", value) is (redact(value) != value)
    assert redact(redact(value)) == redact(value)

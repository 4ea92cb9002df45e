import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.settings.judge import KEYS, JudgeSpec, named_address, read_spec

MODEL = {"model": "local-chat-completions", "model_args": {"base_url": "http://x/v1"}}


def test_what_is_given_is_what_is_read_and_the_rest_has_its_default():
    spec = read_spec({**MODEL, "bar": 3, "judgements": ["stance"]}, "t")
    assert spec == JudgeSpec(MODEL["model"], MODEL["model_args"], bar=3, judgements=("stance",))
    assert (spec.mode, spec.max_tokens, spec.structured) == ("text", 1024, True)
    assert read_spec(spec, "t") is spec


def test_an_argument_that_is_no_yaml_is_a_text():
    spec = read_spec({"model": "hf", "model_args": "pretrained=a: [b"}, "t")
    assert spec.model_args == {"pretrained": "a: [b"}


def test_a_single_judgement_needs_no_list():
    assert read_spec({**MODEL, "judgements": "quality"}, "t").judgements == ("quality",)


def test_arguments_may_be_written_as_for_the_harness():
    spec = read_spec(
        {"model": "hf", "model_args": "pretrained=a/b,batch_size=4, x=1.5,y=true"}, "t"
    )
    assert spec.model_args == {"pretrained": "a/b", "batch_size": 4, "x": 1.5, "y": True}


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_file_is_read_as_what_it_holds(tmp_path, suffix):
    path = tmp_path / f"judge.{suffix}"
    path.write_text(json.dumps(MODEL))
    assert read_spec(str(path), "t") == read_spec(MODEL, "t")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "expected judge to be an object such as .*, got None"),
        ("model:", "expected judge.model to be a string, got None"),
        ("modle: hf", "expected keys of judge among .*, got 'modle'"),
        ("model: hf\nmodel: dummy", r"\(the key 'model' more than once, line 2\)"),
        ("model: 2024-13-45", r"a readable YAML file, got .* \(ValueError\)"),
        ("model: [sk-0123456789abcdefghij", r"\(expected ',' or '\]'.*, line 1\)"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, content, message):
    path = tmp_path / "judge.yaml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=message) as error:
        read_spec(str(path), "t")
    assert "judge.yaml" in str(error.value)
    assert "\n" not in str(error.value)
    assert "sk-" not in str(error.value)


@pytest.mark.parametrize("value", ["2024-13-45", "[" * 5000, "9" * 5000, "!!bool x"])
def test_an_argument_that_yaml_cannot_hold_is_a_text(value):
    assert read_spec({"model": "hf", "model_args": f"a={value}"}, "t").model_args == {"a": value}


def test_labels_take_the_place_of_a_model():
    spec = read_spec({"labels": {"quality": "a", "reference_quality": "b"}, "name": "gpt-4"}, "t")
    assert (spec.model, spec.name) == ("", "gpt-4")
    assert spec.labels == {"quality": "a", "reference_quality": "b"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (7, "expected judge to be an object such as .* got 7"),
        ({}, "expected judge to name either a model or labels, got neither"),
        ({**MODEL, "labels": {"stance": "x"}}, "either a model or labels, got both"),
        ({**MODEL, "modle": "x"}, "expected keys of judge among model, model_args, .* got 'modle'"),
        ({"model": ""}, "expected judge.model to be a string, got ''"),
        ({"model": 3}, "expected judge.model to be a string, got 3"),
        ({"model": "m", "model_args": 3}, "expected judge.model_args to be an object, got 3"),
        ({**MODEL, "mode": "logits"}, "expected judge.mode text or loglikelihood, got 'logits'"),
        ({**MODEL, "judgements": 3}, r"expected judge.judgements to list .* got 3"),
        ({**MODEL, "judgements": [[]]}, r"expected judge.judgements to list .* got \[\[\]\]"),
        ({**MODEL, "max_tokens": 0}, "expected judge.max_tokens to be an integer in 1..100000"),
        ({**MODEL, "bar": 6}, "expected judge.bar to be an integer in 1..5, got 6"),
        ({**MODEL, "bar": True}, "expected judge.bar to be an integer in 1..5, got True"),
        ({**MODEL, "bar": 4.0}, "expected judge.bar to be an integer in 1..5, got 4.0"),
        ({**MODEL, "structured": "no"}, "expected judge.structured true or false, got 'no'"),
        ({"labels": {}}, "expected judge.labels to map names of judgements to files, got {}"),
        ({"labels": ["x"]}, r"expected judge.labels to map names .* to files, got \['x'\]"),
        ({"labels": {"stance": 3}}, "expected judge.labels.stance to be a string, got 3"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(given, message):
    with pytest.raises(SettingsError, match=message) as error:
        read_spec(given, "overton_diversity")
    assert str(error.value).startswith("overton_diversity: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"api_key": "sk-1"},
        {"auth_token": "x"},
        {"header": {"Authorization": "Bearer x"}},
        {"base_url": "http://me:pw@host/v1"},
        "base_url=http://host/v1,api_key=sk-1",
        {"base_url": "http://host/v1?api-version=1&api-key=sk-1"},
        "base_url=http://host/v1?access_token=sk-1,model=m",
        {"base_url": "http://host/v1?sig=sk-1"},
        {"base_url": "http://host/v1?api%2Dkey=sk-1"},
        {"extra_body": {"api_key": "sk-1"}},
        {"extra": [{"headers": {"x": "sk-1"}}]},
        {"bearer": "sk-1"},
    ],
)
def test_a_credential_is_refused_and_not_repeated(arguments):
    with pytest.raises(SettingsError, match="give the key in the environment") as error:
        read_spec({"model": "m", "model_args": arguments}, "t")
    assert not any(secret in str(error.value) for secret in ("sk-1", "Bearer", "pw@"))


@pytest.mark.parametrize(
    "given",
    [
        "model=m,api_key=sk-1",
        [{"api_key": "sk-1"}],
        {"model": {"api_key": "sk-1"}},
        {"model": "m", "model_args": ["api_key=sk-1"]},
        {"model": "m", "model_args": [{"base_url": "http://h/v1?token=sk-1"}]},
        {"model": "m", "mode": {"token": "sk-1"}},
        {"model": "m", "judgements": [{"api_key": "sk-1"}]},
        {"labels": {"stance": {"password": "sk-1"}}},
    ],
)
def test_a_credential_in_the_wrong_place_is_not_repeated(given):
    with pytest.raises(SettingsError, match="expected judge") as error:
        read_spec(given, "t")
    assert "sk-1" not in str(error.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"base_url": "http://host/v1?api-version=2024-10-21", "model": "gpt-5"},
        {"custom_prefix_token_id": 1, "max_tokens": 9, "tokenizer": "x", "eos_token": "</s>"},
        {"think_end_token": "</think>", "use_fast_tokenizer": True, "add_bos_token": True},
        {"tokenizer_backend": "none", "tokenized_requests": False, "tokenizer_mode": "auto"},
        {"override_generation_config": {"pad_token_id": 0, "suppress_tokens": [1]}},
        {"hf_overrides": {"num_key_value_heads": 2}, "max_num_batched_tokens": 8192},
    ],
)
def test_arguments_that_the_harness_knows_are_no_credentials(arguments):
    assert read_spec({"model": "m", "model_args": arguments}, "t").model_args == arguments


@pytest.mark.parametrize("text", [None, "{", "- a: [", "just words"])
def test_a_file_that_holds_no_judge_is_refused(tmp_path, text):
    path = tmp_path / "judge.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match="expected judge to be an object") as error:
        read_spec(str(path), "t")
    assert "\n" not in str(error.value)


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())
VALUES = VALUES | st.dictionaries(st.text(), VALUES)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES) | VALUES.filter(lambda v: type(v) is not str))
def test_whatever_is_given_is_read_or_refused_in_one_line(value):
    try:
        spec = read_spec(value, "t")
    except SettingsError as error:
        said = str(error)
        spec = None
    if spec is None:
        assert "\n" not in said
    else:
        assert 1 <= spec.bar <= 5
        assert bool(spec.model) != bool(spec.labels)
        assert spec.judgements is None or all(type(name) is str for name in spec.judgements)


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("http://127.0.0.1:8000/v1/chat/completions", None),
        ("http://localhost:8000/v1", None),
        ("http://[::1]:8000/v1", None),
        ("https://judge.example/v1", "https://judge.example/v1"),
        ("https://user:secret@judge.example/v1", "https://judge.example/v1"),
        ("http://127.0.0.1@judge.example/v1", "http://judge.example/v1"),
        ("http://localhost.judge.example/v1", "http://localhost.judge.example/v1"),
        ("http://judge.example\\@localhost/v1", "http://judge.example/@localhost/v1"),
        ("http://10.0.0.1/v1", "http://10.0.0.1/v1"),
        # What cannot be read is no address of this machine.
        ("127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1", "http://[::1"),
    ],
)
def test_an_address_of_another_machine_is_named(address, named):
    arguments = {"base_url": address, "model": "m"}
    assert named_address(JudgeSpec("local-chat-completions", arguments)) == named


def test_an_address_of_the_harness_is_not_named():
    assert named_address(JudgeSpec("openai-chat-completions", {"model": "gpt-4o"})) is None
    assert named_address(JudgeSpec("hf", {"pretrained": "p"})) is None

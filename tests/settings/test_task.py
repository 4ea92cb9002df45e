import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.errors import OvertonError, SettingsError
from lm_eval_overton.settings.task import (
    KEYS,
    Settings,
    read_settings,
    refuse_unknown,
)
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER


def test_defaults():
    assert read_settings({}, "t") == Settings(
        n_samples=5,
        prompts=None,
        encoder=DEFAULT_ENCODER,
        encoder_device=None,
        api_seeds="auto",
        seed=1234,
    )


def test_given_values_replace_the_defaults():
    given_values = {
        "n_samples": 3,
        "prompts": "mine.jsonl",
        "encoder": "/models/mine",
        "encoder_device": "cpu",
        "api_seeds": "none",
        "api_drop": ("stop", "top_p"),
        "api_n": True,
        "max_failed": 0.5,
        "seed": 0,
    }
    assert read_settings(given_values, "t") == Settings(**given_values)


def test_models_that_are_not_shared_are_on_the_first_of_several_devices():
    assert read_settings({"encoder_device": "cuda:1,cuda:0"}, "t").first_device == "cuda:1"
    assert Settings().first_device is None


def test_null_means_the_default():
    assert read_settings(dict.fromkeys(("n_samples", "encoder", "seed")), "t") == Settings()


def test_metadata_of_the_model_and_the_task_is_left_alone():
    assert read_settings({"version": 1, "pretrained": "gpt2"}, "t") == Settings()


@pytest.mark.parametrize(
    ("slip", "meant"),
    [("promts", "prompts"), ("nsamples", "n_samples"), ("references", "reference")],
)
def test_a_slip_of_the_pen_is_refused_beside_the_model_s_own_arguments(slip, meant):
    message = f"t: expected a known metadata key, got '{slip}'; did you mean '{meant}'?"
    with pytest.raises(SettingsError, match=re.escape(message)):
        read_settings({"pretrained": "gpt2", slip: "x"}, "t")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"matcher": 3}, "t: expected matcher to be a non-empty string, got 3"),
        (
            {"n_samples": 1},
            "t: expected at least 2 responses per prompt, got 1; "
            "pass `--metadata '{\"n_samples\": 5}'`",
        ),
        (
            {"seed": -1},
            "t: expected at least 0 for seed, got -1; pass `--metadata '{\"seed\": 5}'`",
        ),
        ({"n_samples": "5"}, "t: expected n_samples to be an integer of at least 2, got '5'"),
        ({"n_samples": 5.0}, "t: expected n_samples to be an integer of at least 2, got 5.0"),
        ({"n_samples": True}, "t: expected n_samples to be an integer of at least 2, got True"),
        ({"seed": "x"}, "t: expected seed to be an integer of at least 0, got 'x'"),
        ({"api_seeds": "yes"}, "t: expected api_seeds auto, on or none, got 'yes'"),
        ({"api_seeds": 1}, "t: expected api_seeds auto, on or none, got 1"),
        ({"api_drop": 1}, "t: expected api_drop to be a string or a list of strings, got 1"),
        ({"api_n": "yes"}, "t: expected api_n true or false, got 'yes'"),
        (
            {"api_n": True},
            "t: expected no seeds where one request draws all samples of a prompt, got api_n "
            'without them switched off; add `"api_seeds": "none"`',
        ),
        ({"max_failed": "half"}, "t: expected max_failed to be a number, got 'half'"),
        (
            {"max_failed": 20},
            "t: expected max_failed to be a share between 0 and 1, got 20",
        ),
        ({"prompts": ["a"]}, "t: expected prompts to be a non-empty string, got ['a']"),
        ({"language": 5}, "t: expected language to be a non-empty string, got 5"),
        ({"encoder": 5}, "t: expected encoder to be a non-empty string, got 5"),
        ({"encoder_dtype": "half"}, "t: expected encoder_dtype float32 or bfloat16, got 'half'"),
        ({"encoder_device": 0}, "t: expected encoder_device to be a non-empty string, got 0"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(metadata, message):
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        read_settings(metadata, "t")


def test_the_task_says_how_few_samples_it_can_work_with():
    assert read_settings({"n_samples": 1}, "t", min_samples=1).n_samples == 1
    with pytest.raises(SettingsError, match="at least 7 responses per prompt, got 6"):
        read_settings({"n_samples": 6}, "t", min_samples=7)


@given(st.integers(-5, 100), st.integers(1, 9))
def test_n_samples_is_taken_exactly_from_its_least_value_on(n, least):
    try:
        accepted = read_settings({"n_samples": n}, "t", min_samples=least).n_samples == n
    except SettingsError:
        accepted = False
    assert accepted == (n >= least)


@pytest.mark.parametrize(
    ("value", "meant"), [(True, "on"), (False, "none"), ("off", "none"), ("auto", "auto")]
)
def test_api_seeds_may_have_become_a_boolean_in_yaml(value, meant):
    assert read_settings({"api_seeds": value}, "t").api_seeds == meant


def test_an_unknown_key_is_refused_with_the_nearest_one():
    with pytest.raises(SettingsError, match="key, got 'n_sample'; did you mean 'n_samples'\\?"):
        refuse_unknown({"n_samples": 5, "n_sample": 5}, "t")


def test_an_unknown_key_like_no_other_is_refused_with_the_list():
    with pytest.raises(SettingsError, match="got 'zzz'; known are n_samples, prompts, encoder, "):
        refuse_unknown({"zzz": 5}, "t")


def test_known_keys_are_not_refused():
    refuse_unknown(dict.fromkeys(KEYS), "t")


def test_settings_errors_are_errors_of_the_package():
    assert issubclass(SettingsError, OvertonError)


def test_the_model_s_arguments_stand_apart_from_what_the_user_gave():
    settings = read_settings({"seed": 7, "prompts": None, "pretrained": "gpt2", "version": 1}, "t")
    assert settings.given == {"seed": 7, "prompts": None}
    assert settings.model.arguments == {"pretrained": "gpt2", "version": 1}


def test_a_hosted_model_s_name_is_no_key_of_ours():
    assert read_settings({"model": "gpt-4.1-mini"}, "t").model.is_api
    with pytest.raises(SettingsError, match="key, got 'model'"):
        refuse_unknown({"model": "gpt-4.1-mini"}, "t")


@pytest.mark.parametrize(
    ("given", "code"), [("zh", "zh"), ("zh-Hant-TW", "zh"), ("pt_BR", "pt"), (" EN ", "en")]
)
def test_a_language_may_come_with_its_script_and_country(given, code):
    settings = read_settings({"language": given}, "t")
    assert settings.language == code
    assert settings.given == {"language": given}


@pytest.mark.parametrize("given", ["xx", "Chinese", "-", "und"])
def test_an_unknown_language_is_refused_with_the_known_ones(given):
    with pytest.raises(SettingsError, match=r"t: expected language one of af, am, ar, .*, zu, got"):
        read_settings({"language": given}, "t")

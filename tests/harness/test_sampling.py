import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.sampling import LENGTH_KEYS, generation_settings, request_kwargs
from lm_eval_overton.runs.harness_samples import SENTINEL
from lm_eval_overton.settings.task import Settings, read_settings

DEFAULTS = {"until": [], "temperature": 0.5, "top_p": 1.0, "max_gen_toks": 700}
LOCAL = {"pretrained": "gpt2"}
SERVER = {"model": "gpt2", "base_url": "http://localhost:8000/v1/completions"}
FENCE = ("```",)


def model(metadata):
    return read_settings(metadata, "t").model


def settled(metadata=SERVER, **given_kwargs):
    return generation_settings({**DEFAULTS, **given_kwargs}, DEFAULTS, model(metadata), FENCE)


def requests(metadata=SERVER, n=5, own=None, **given_kwargs):
    configured = {**DEFAULTS, **given_kwargs}
    generation = generation_settings(configured, DEFAULTS, model(metadata), FENCE)
    settings = replace(own or Settings(), n_samples=n, model=model(metadata))
    return request_kwargs(generation, configured, settings, "t")


def sentinels(metadata):
    return [row["until"][-1] for row in requests(metadata)]


# --------------------------------------------------------------------------- generation settings


def test_the_defaults_stop_at_the_frame():
    assert settled() == {**DEFAULTS, "until": ["```"]}


def test_local_models_get_neutral_settings_in_place_of_their_checkpoint_s():
    neutral = {"top_k": 0, "repetition_penalty": 1.0}
    assert settled(LOCAL) == {**DEFAULTS, **neutral, "until": ["```"]}


def test_the_user_s_settings_replace_neutral_ones_and_defaults():
    changed = settled(LOCAL, temperature=1.0, repetition_penalty=1.1)
    assert (changed["temperature"], changed["repetition_penalty"]) == (1.0, 1.1)


@pytest.mark.parametrize(
    ("until", "stops"), [("###", ["###"]), (["a", "b"], ["a", "b"]), ([], ["```"]), (None, ["```"])]
)
def test_stops_of_the_user_replace_those_of_the_frame(until, stops):
    assert settled(until=until)["until"] == stops


@pytest.mark.parametrize("key", LENGTH_KEYS)
def test_any_name_of_the_token_limit_sets_the_one_that_the_harness_reads(key):
    assert settled(**{key: 10}) == {**DEFAULTS, "until": ["```"], "max_gen_toks": 10}


def test_the_default_token_limit_under_another_name_leaves_one_name():
    assert settled(max_tokens=700) == {**DEFAULTS, "until": ["```"]}


def test_do_sample_is_dropped_where_it_says_nothing_new():
    assert settled(do_sample=True) == settled()


def test_do_sample_false_means_temperature_0():
    greedy = settled(do_sample=False)
    assert "do_sample" not in greedy
    assert greedy["temperature"] == 0.0


def test_the_seed_is_no_generation_setting():
    assert settled(seed=7) == settled()


def test_what_was_configured_is_not_altered():
    configured = {**DEFAULTS, "do_sample": False, "max_tokens": 5, "seed": 1}
    before = {**configured, "until": []}
    generation_settings(configured, DEFAULTS, model(LOCAL), FENCE)
    assert configured == before


# -------------------------------------------------------------------------------------- requests


@given(st.sampled_from([LOCAL, SERVER]), st.integers(1, 40), st.sampled_from(["auto", "none"]))
def test_no_two_requests_are_equal_and_only_their_sentinel_and_seed_differ(metadata, n, api_seeds):
    rows = requests(metadata, n, Settings(api_seeds=api_seeds))
    assert len({str(row) for row in rows}) == n
    bare = [{**row, "until": row["until"][:-1], "seed": None} for row in rows]
    assert bare == [bare[0]] * n


def test_sentinels_follow_the_stops_and_are_recognised_in_files():
    for i, row in enumerate(requests(until=["a", "b"])):
        assert row["until"][:2] == ["a", "b"]
        [sentinel] = row["until"][2:]
        assert SENTINEL.fullmatch(sentinel)
        assert sentinel.endswith(f".{i}>")


def test_further_samples_leave_the_first_requests_unchanged():
    assert requests(n=7)[:5] == requests(n=5)


@pytest.mark.parametrize("change", [{"pretrained": "gpt2-xl"}, {"revision": "x"}, {"peft": "y"}])
def test_another_model_has_other_sentinels(change):
    assert not set(sentinels(LOCAL)) & set(sentinels({**LOCAL, **change}))


@pytest.mark.parametrize(
    "change", [{"num_concurrent": 8}, {"batch_size": 4}, {"device": "cuda"}, {"n_samples": 5}]
)
def test_what_only_changes_speed_or_place_keeps_the_sentinels(change):
    assert sentinels({**SERVER, **change}) == sentinels(SERVER)


@pytest.mark.parametrize("api_seeds", ["auto", "on"])
def test_servers_get_a_seed_per_sample(api_seeds):
    rows = requests(own=Settings(seed=100, api_seeds=api_seeds), n=3)
    assert [row["seed"] for row in rows] == [100, 101, 102]


def test_the_user_s_seed_is_the_base_for_a_server():
    assert [row["seed"] for row in requests(n=3, seed=7)] == [7, 8, 9]


def test_switched_off_seeds_are_sent_as_none():
    rows = requests(own=Settings(api_seeds="none"), n=2, seed=7)
    assert [row["seed"] for row in rows] == [None, None]


def test_local_models_get_no_seed():
    assert all("seed" not in row for row in requests(LOCAL))


@pytest.mark.parametrize("greedy", [{"temperature": 0}, {"temperature": 0.0}, {"do_sample": False}])
@pytest.mark.parametrize("metadata", [LOCAL, SERVER])
def test_several_samples_at_temperature_0_are_refused(metadata, greedy):
    message = (
        r"^t: expected a temperature above 0 for 5 samples per prompt, got 0(\.0)?; "
        r"pass `--gen_kwargs temperature=0\.5`$"
    )
    with pytest.raises(SettingsError, match=message):
        requests(metadata, **greedy)


@pytest.mark.parametrize("temperature", [-1, float("nan"), "0"])
def test_a_temperature_that_is_not_above_0_is_refused(temperature):
    with pytest.raises(SettingsError, match="expected a temperature above 0"):
        requests(temperature=temperature)


def test_several_samples_without_a_temperature_are_refused():
    with pytest.raises(SettingsError, match="5 samples per prompt, got 0;"):
        request_kwargs({"until": []}, {}, Settings(n_samples=5, model=model(LOCAL)), "t")


def test_one_sample_may_be_greedy():
    [row] = requests(n=1, temperature=0)
    assert row["temperature"] == 0


def test_a_seed_for_a_local_model_is_refused_with_the_option_to_use():
    message = re.escape(
        "t: expected no seed in --gen_kwargs for a local model, got 7; pass `--seed 7`"
    )
    with pytest.raises(SettingsError, match=f"^{message}$"):
        requests(LOCAL, seed=7)

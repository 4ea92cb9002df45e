"""A real training of the demo's base model, with the callback and without."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from lm_eval_overton import OvertonCallback
from lm_eval_overton.cli.demo import base_corpus
from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.errors import OvertonError, SettingsError
from lm_eval_overton.harness.in_training import require_whole

pytestmark = pytest.mark.run

STEPS, EVERY = 60, 25
LOOKS = [25, 50, 60]
LOOK = {
    "limit": 2,
    "metadata": {"n_samples": 2},
    "gen_kwargs": {"max_gen_toks": 12},
    "batch_size": 2,
}
DIVERSITY = "eval_overton_diversity/semantic_diversity"


class Reporter(TrainerCallback):
    """What W&B and its like are: told of each line of the logs."""

    def __init__(self):
        self.lines = []
        self.modes = set()

    def on_log(self, args, state, control, logs, model, **kwargs):
        self.lines.append((state.global_step, dict(logs)))
        self.modes.add(model.training)


def some_block(rows):
    """Cut blocks at random, by Python's and NumPy's random numbers."""
    block = []
    for row in rows:
        start = random.randrange(8) + int(np.random.randint(8))
        block.append(row["input_ids"][start : start + 32])
    ids = torch.tensor(block)
    return {"input_ids": ids, "labels": ids}


def model_and_tokenizer(demo: Path):
    # With dropout the weights rest on torch's random numbers, too.
    model = AutoModelForCausalLM.from_pretrained(demo / "base", attention_dropout=0.1)
    return model, AutoTokenizer.from_pretrained(demo / "base")


def trainer(demo: Path, folder: Path, callbacks=(), steps=STEPS, tokenizer=True, **options):
    model, own = model_and_tokenizer(demo)
    rows = [{"input_ids": ids} for ids in own(base_corpus()[:64])["input_ids"] if len(ids) >= 48]
    assert len(rows) > 20
    given = {
        "save_strategy": "no",
        "logging_steps": EVERY,
        "per_device_train_batch_size": 2,
        "learning_rate": 1e-3,
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "max_steps": steps,
        "dataloader_pin_memory": False,
    }
    arguments = TrainingArguments(str(folder), **{**given, **options})
    return Trainer(
        model,
        arguments,
        data_collator=some_block,
        train_dataset=rows,
        processing_class=own if tokenizer else None,
        callbacks=list(callbacks),
    )


def weights(run):
    return {name: own.detach().clone() for name, own in run.model.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERTON_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def off(demo, tmp_path_factory):
    run = trainer(demo, tmp_path_factory.mktemp("off"))
    run.train()
    return run


@pytest.fixture(scope="module")
def told():
    return Reporter()


@pytest.fixture(scope="module")
def on(demo, tmp_path_factory, cache, told):
    folder = tmp_path_factory.mktemp("on")
    saved = {"save_strategy": "steps", "save_steps": STEPS}
    run = trainer(demo, folder, [told, OvertonCallback(EVERY, **LOOK)], **saved)
    run.train()
    return run


def looks(lines):
    return [(step, line) for step, line in lines if DIVERSITY in line]


def test_the_weights_are_those_of_a_training_without_it(off, on):
    assert same(weights(off), weights(on))
    # And the training did something, of which random numbers were a part.
    losses = [line["loss"] for line in off.state.log_history if "loss" in line]
    assert losses == [line["loss"] for line in on.state.log_history if "loss" in line]
    assert len(losses) == 2
    assert losses[1] != losses[0]


def test_the_values_go_where_the_trainers_logs_go(on, told):
    assert [step for step, _ in looks(told.lines)] == LOOKS
    in_history = [line for line in on.state.log_history if DIVERSITY in line]
    assert [line["step"] for line in in_history] == LOOKS
    for (_, line), kept in zip(looks(told.lines), in_history, strict=True):
        assert {**line, "step": kept["step"]} == kept
        assert 0 <= line[DIVERSITY] <= 1
        assert {f"eval_overton_diversity/{name}" for name in ("degenerate_share", "mean_words")} < (
            line.keys()
        )
        assert all(isinstance(value, float) for value in line.values())
    # The loss of a step that is looked at is logged all the same.
    assert [step for step, line in told.lines if "loss" in line] == [25, 50]
    assert told.modes == {True}


def results_of(folder: Path):
    [path] = folder.rglob("results_*.json")
    return json.loads(path.read_text())


def test_the_checkpoint_that_is_saved_has_the_same_numbers(on, tmp_path, cache):
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    place = f"{on.args.output_dir}/checkpoint-{STEPS}"
    metadata = {"pretrained": place, **LOOK["metadata"]}
    manager = TaskManager(
        include_path=str(tasks_folder()), include_defaults=False, metadata=metadata
    )
    # Unlike in a file, so that it is not the file that is right.
    told = simple_evaluate(
        "hf",
        f"pretrained={place}",
        ["overton_diversity"],
        device="cpu",
        task_manager=manager,
        limit=LOOK["limit"],
        gen_kwargs=LOOK["gen_kwargs"],
        batch_size=LOOK["batch_size"],
    )
    kept = results_of(Path(on.args.output_dir) / "overton" / f"checkpoint-{STEPS}")
    row, own = told["results"]["overton_diversity"], kept["results"]["overton_diversity"]
    assert own == json.loads(json.dumps(row))
    assert own["cut_share,none"] is not None
    signature, [line] = (
        told["configs"]["overton_diversity"]["metadata"]["overton"]["signature"],
        [line for line in on.state.log_history if line["step"] == STEPS and DIVERSITY in line],
    )
    assert kept["configs"]["overton_diversity"]["metadata"]["overton"]["signature"] == signature
    assert line[DIVERSITY] == row["semantic_diversity,none"]
    # The answers, too.
    answers = [sample["resps"] for sample in told["samples"]["overton_diversity"]]
    [samples] = (Path(on.args.output_dir) / "overton" / f"checkpoint-{STEPS}").glob("samples_*")
    assert [json.loads(row)["resps"] for row in samples.read_text().splitlines()] == answers


ONE = {**LOOK, "limit": 1, "gen_kwargs": {"max_gen_toks": 4}}


class Ends(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = True


def test_the_same_weights_answer_the_same_each_time(demo, tmp_path, cache, capsys):
    look = OvertonCallback(2, **ONE, at_start=True, output=tmp_path / "looks")
    run = trainer(demo, tmp_path, [look], steps=3, learning_rate=0.0)
    run.train()
    found = [line for line in run.state.log_history if "eval_overton_diversity/mean_words" in line]
    assert [line.pop("step") for line in found] == [0, 2, 3]
    assert all({**line, "epoch": 0} == {**found[0], "epoch": 0} for line in found)
    paths = sorted((tmp_path / "looks").rglob("samples_*.jsonl"))
    assert [path.parent.name for path in paths] == ["checkpoint-0", "checkpoint-2", "checkpoint-3"]
    answers = [json.loads(path.read_text())["resps"] for path in paths]
    assert answers[0] == answers[1] == answers[2]
    # Two samples of at most 4 tokens for one prompt, at the start, after step 2 and at the end.
    assert capsys.readouterr().out.splitlines()[0] == (
        "overton_diversity every 2 steps and at the end: 1 prompts, 2 requests, at most 8 tokens "
        "each time; 3 times, 6 requests, at most 24 tokens all together; results go to "
        f"{tmp_path / 'looks'}"
    )


def test_a_training_that_others_end_is_looked_at(demo, tmp_path, cache):
    run = trainer(demo, tmp_path, [OvertonCallback(50, **ONE), Ends()])
    run.train()
    assert [path.name for path in (tmp_path / "overton").iterdir()] == ["checkpoint-1"]


def test_with_gradient_checkpointing_and_a_failing_look_weights_are_the_same(
    demo, tmp_path, cache, caplog
):
    broken = tmp_path / "encoder"
    broken.mkdir()
    bad = {**ONE, "metadata": {"n_samples": 2, "encoder": str(broken)}}
    found = []
    for callbacks in ([], [OvertonCallback(1, **ONE)], [OvertonCallback(1, **bad)]):
        run = trainer(demo, tmp_path, callbacks, steps=2, gradient_checkpointing=True)
        run.model.config.use_cache = False
        run.train()
        assert not run.model.config.use_cache
        found.append(weights(run))
    assert same(found[0], found[1])
    assert same(found[0], found[2])
    said = [row.getMessage() for row in caplog.records if "training goes on" in row.getMessage()]
    assert [line.partition(":")[0] for line in said] == ["step 1", "step 2"]
    # What the model said is on disk, and can be scored.
    [place] = re.findall(r"overton score (\S+)", said[0])
    assert len(json.loads(Path(place).read_text().splitlines()[1])["responses"]) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metadata": {"n_sample": 3}}, "did you mean 'n_samples'?"),
        ({"metadata": {"n_samples": 1}}, "expected at least 2 responses per prompt"),
        ({"gen_kwargs": {"temperature": 0}}, "expected a temperature above 0"),
        ({"gen_kwargs": {"max_gen_toks": 5000}}, "expected answers shorter than the model's"),
        ({"apply_chat_template": True}, "expected a model with a chat template"),
        ({"task": "overton_likelihood"}, "expected a task that samples answers"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_step(off, tmp_path, cache, options, message):
    assert message in refused(off, OvertonCallback(1, output=tmp_path, **{**ONE, **options}))


def refused(run, look):
    """Return what is said where a training does not begin."""
    run.add_callback(look)
    try:
        with pytest.raises(OvertonError) as caught:
            run.train()
    finally:
        run.remove_callback(look)
    assert run.state.global_step == 0
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_tokenizer_is_missed_before_the_first_step(off, tmp_path, cache, monkeypatch):
    monkeypatch.setattr(off.callback_handler, "processing_class", None)
    monkeypatch.setattr(off.model, "name_or_path", str(tmp_path))
    said = refused(off, OvertonCallback(1, output=tmp_path, **ONE))
    assert "give the trainer processing_class=tokenizer" in said


def test_the_tokenizer_of_the_models_own_place_will_do(demo, tmp_path, cache):
    run = trainer(demo, tmp_path, [OvertonCallback(1, **ONE)], steps=1, tokenizer=False)
    run.train()
    assert "eval_overton_diversity/mean_words" in run.state.log_history[0]


@pytest.mark.parametrize("number", [0, -1, 2.5, True, "5"])
@pytest.mark.parametrize("name", ["every", "limit"])
def test_numbers_are_those_of_steps_and_prompts(name, number):
    with pytest.raises(SettingsError, match=f"expected {name} to be an integer of at least 1"):
        OvertonCallback(**{name: number})


def test_a_model_that_is_divided_among_processes_is_refused():
    whole = torch.nn.Linear(2, 2)
    require_whole(whole)
    whole.weight.ds_id = 1
    with pytest.raises(SettingsError, match="evaluate the saved checkpoints"):
        require_whole(whole)

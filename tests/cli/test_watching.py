"""The watcher beside a training: every checkpoint once, whatever is killed, and a trend to read."""

import json
import multiprocessing
import os
import re
import shutil
import sys
import time
from pathlib import Path

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.data import load_prompts
from lm_eval_overton.harness.replay import score
from lm_eval_overton.runs.responses import read_responses
from tests.harness.watching.made import aged, checkpoint
from tests.runs.test_finished import TASK, report, whole, write

STUB = f"{sys.executable} -S {Path(__file__).with_name('recorded_harness.py')}"
PROMPTS = [f"p{i}" for i in range(8)]
SPREAD = [0.01 * i for i in range(8)]
BOUND = "semantic_diversity<-0.05"


def recorded(folder, level=0.5, task=TASK, **files):
    """Add the results that the stub hands out; the checkpoint is as if saved long ago."""
    values = {"semantic_diversity": [level + own for own in SPREAD]}
    own = report(PROMPTS, [{}] * len(PROMPTS), **values)
    write(folder / "recorded", whole(folder.name, {task: {}}, **{task: own}))
    for name, text in files.items():
        (folder / name).write_text(text)
    return aged(folder)


def saved(place, step, **options):
    """Save a checkpoint as Trainer once did: under another name until it is complete."""
    partial = checkpoint(place / f"tmp-checkpoint-{step}", data=str(step).encode().zfill(8))
    recorded(partial, **options)
    return partial.rename(place / f"checkpoint-{step}")


def watch(tmp_path, *options, harness=(), out="out"):
    own = [str(tmp_path / "train"), "-o", str(tmp_path / out), "--harness", STUB]
    return main(["watch", *own, *options, "--", *harness])


def log(tmp_path, word="began"):
    path = tmp_path / "harness.log"
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split()[1] for line in lines if line.startswith(word)]


def until(told, seconds=60):
    end = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def train(tmp_path):
    folder = tmp_path / "train"
    folder.mkdir()
    return folder


def test_what_is_there_is_evaluated_once_in_order_of_steps(tmp_path, train, capsys):
    for step in (1000, 0, 500):
        saved(train, step)
    saved(train, 20).joinpath("model.safetensors").unlink()
    assert watch(tmp_path, "--once") == 0
    assert log(tmp_path) == ["checkpoint-0", "checkpoint-500", "checkpoint-1000"]
    said = capsys.readouterr().out
    assert "checkpoint-20: passed over, since no weights" in said
    page = (tmp_path / "out" / "trends.html").read_text()
    assert "3 checkpoints, steps 0 to 1,000" in page
    assert "not finished: no weights" in page
    # Again: nothing is to be done. Another checkpoint: it alone is.
    assert watch(tmp_path, "--once") == 0
    saved(train, 1500)
    assert watch(tmp_path, "--once") == 0
    assert log(tmp_path)[3:] == ["checkpoint-1500"]
    # What Trainer has removed is still in the trend.
    shutil.rmtree(train / "checkpoint-0")
    assert watch(tmp_path, "--once") == 0
    assert "4 checkpoints, steps 0 to 1,500" in (tmp_path / "out" / "trends.html").read_text()


def test_other_settings_and_another_save_are_evaluated_anew(tmp_path, train):
    saved(train, 0)
    assert watch(tmp_path, "--once", harness=["--limit", "3"]) == 0
    assert watch(tmp_path, "--once", harness=["--limit", "4"]) == 0
    assert watch(tmp_path, "--once", harness=["--limit", "3"]) == 0
    assert len(log(tmp_path)) == 2
    # A training anew writes where the first one did.
    shutil.rmtree(train / "checkpoint-0")
    recorded(checkpoint(train / "checkpoint-0", b"others"), level=0.7)
    assert watch(tmp_path, "--once", harness=["--limit", "3"]) == 0
    assert len(log(tmp_path)) == 3


def test_of_several_tasks_those_are_done_that_are_not(tmp_path, train):
    saved(train, 0)
    tasks = ["--tasks", "overton_diversity"]
    assert watch(tmp_path, "--once", harness=tasks) == 0
    assert watch(tmp_path, "--once", harness=[*tasks, "overton_coverage,overton_icl_knn"]) == 0
    lines = (tmp_path / "harness.log").read_text().splitlines()
    asked = [line.split()[2] for line in lines if line.startswith("began")]
    assert asked == ["overton_diversity", "overton_coverage", "overton_icl_knn"]


def test_it_ends_at_the_first_checkpoint_beyond_a_bound(tmp_path, train, capsys):
    for step, level in ((0, 0.5), (10, 0.48), (20, 0.3), (30, 0.1)):
        saved(train, step, level=level)
    assert watch(tmp_path, "--once", "--fail-on", BOUND) == 1
    assert log(tmp_path) == ["checkpoint-0", "checkpoint-10", "checkpoint-20"]
    said = capsys.readouterr().err
    assert "checkpoint-20 against checkpoint-0: overton_diversity.semantic_diversity" in said
    assert "  p3: 0.530 → 0.330" in said
    page = (tmp_path / "out" / "trends.html").read_text()
    assert "Beyond its bound" in page
    assert "not evaluated yet" in page
    # A pipeline that tries again is told the same, and nothing is evaluated.
    assert watch(tmp_path, "--once", "--fail-on", BOUND) == 1
    assert len(log(tmp_path)) == 3


def test_checkpoints_are_found_as_they_appear_and_half_ones_when_they_are_whole(tmp_path, train):
    saved(train, 0)
    options = ("--every", "0.05", "--fail-on", BOUND)
    process = multiprocessing.get_context("fork").Process(
        target=lambda: os._exit(watch(tmp_path, *options))
    )
    process.start()
    until(lambda: log(tmp_path, "ended") == ["checkpoint-0"])
    half = saved(train, 20)
    weights = half / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1])
    saved(train, 10)
    until(lambda: log(tmp_path, "ended") == ["checkpoint-0", "checkpoint-10"])
    time.sleep(0.3)
    assert len(log(tmp_path)) == 2
    weights.write_bytes(data)
    aged(half)
    until(lambda: len(log(tmp_path, "ended")) == 3)
    saved(train, 30, level=0.1)
    process.join(60)
    assert process.exitcode == 1
    assert log(tmp_path) == [f"checkpoint-{step}" for step in (0, 10, 20, 30)]


def test_a_watcher_that_is_killed_twice_ends_with_the_same_report(tmp_path, train):
    for step in (0, 10, 20):
        saved(train, step, level=0.5 - step / 1000, seconds="0.3")
    for n in (1, 3):
        process = multiprocessing.get_context("fork").Process(
            target=watch, args=(tmp_path, "--once")
        )
        process.start()
        until(lambda n=n: len(log(tmp_path)) == n)
        process.kill()
        process.join()
    # Its evaluation ends with it: what is ended has been evaluated, and nothing twice.
    time.sleep(0.4)
    assert log(tmp_path, "ended") == ["checkpoint-0"]
    assert watch(tmp_path, "--once") == 0
    assert log(tmp_path, "ended") == ["checkpoint-0", "checkpoint-10", "checkpoint-20"]
    assert watch(tmp_path, "--once", out="undisturbed") == 0
    pages = [(tmp_path / out / "trends.html").read_bytes() for out in ("out", "undisturbed")]
    assert pages[0] == pages[1]


def test_two_do_not_do_the_work_twice(tmp_path, train, capsys):
    own = saved(train, 0, waits="")
    process = multiprocessing.get_context("fork").Process(target=watch, args=(tmp_path, "--once"))
    process.start()
    until(lambda: log(tmp_path))
    assert watch(tmp_path, "--once") == 2
    assert "expected no other watcher, got one (pid" in capsys.readouterr().err
    (own / "waits").unlink()
    process.join(60)
    assert log(tmp_path) == ["checkpoint-0"]


def test_a_checkpoint_that_is_gone_before_its_turn_is_said(tmp_path, train, capsys):
    for step in (0, 10, 20):
        saved(train, step, waits="")
    half = checkpoint(train / "checkpoint-30")
    (half / "model.safetensors").unlink()
    begin = multiprocessing.get_context("fork").Process(target=watch, args=(tmp_path, "--once"))
    begin.start()
    until(lambda: log(tmp_path))
    shutil.rmtree(train / "checkpoint-10")
    shutil.rmtree(half)
    for path in train.glob("*/waits"):
        path.unlink()
    begin.join(60)
    assert begin.exitcode == 0
    assert log(tmp_path, "ended") == ["checkpoint-0", "checkpoint-20"]
    page = tmp_path / "out" / "trends.html"
    for name in ("checkpoint-10", "checkpoint-30"):
        assert f"{name} removed before it was evaluated" in shown(page), name
    # The next one knows of what was finished, and takes it up if it is saved again.
    capsys.readouterr()
    assert watch(tmp_path, "--once") == 0
    assert "checkpoint-10: removed before it was evaluated" in capsys.readouterr().out
    assert "checkpoint-10 removed before" in shown(page)
    saved(train, 10)
    assert watch(tmp_path, "--once") == 0
    assert "removed before" not in shown(page)


def shown(page):
    return " ".join(re.sub("<[^>]*>", " ", page.read_text()).split())


def test_one_that_goes_while_it_is_evaluated_is_not_tried_again(tmp_path, train, capsys):
    for step in (0, 10):
        saved(train, step)
    saved(train, 5, exit="3", gone="")
    assert watch(tmp_path, "--once") == 0
    assert log(tmp_path) == ["checkpoint-0", "checkpoint-5", "checkpoint-10"]
    told = capsys.readouterr()
    assert "checkpoint-5: removed before it was evaluated" in told.out
    assert not told.err


def test_a_save_that_never_gets_finished_is_said_while_it_is_waited_for(
    tmp_path, train, monkeypatch, capfd
):
    saved(train, 0)
    (saved(train, 10) / "model.safetensors").unlink()
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=watch, args=(tmp_path, "--every", "0.05"), daemon=True)
    process.start()
    page = tmp_path / "out" / "trends.html"
    until(lambda: page.exists() and "not finished: no weights" in shown(page))
    until(lambda: "checkpoint-10: waited for, since no weights" in capfd.readouterr().out)
    # It is said on the page, too, what has changed without an evaluation.
    (train / "checkpoint-10" / "config.json").unlink()
    until(lambda: "not finished: config.json is not there" in shown(page))
    process.terminate()
    process.join()


def test_a_checkpoint_on_which_the_harness_fails_is_left_out(tmp_path, train, capsys):
    saved(train, 0)
    saved(train, 10, exit="3")
    saved(train, 20)
    assert watch(tmp_path, "--once") == 2
    assert log(tmp_path) == ["checkpoint-0", "checkpoint-10", "checkpoint-10", "checkpoint-20"]
    said = capsys.readouterr().err
    assert "got exit code 3 of the harness (ValueError: too)" in said
    assert "tried once more" in said
    assert "left out" in said
    assert "the harness failed" in (tmp_path / "out" / "trends.html").read_text()
    # It is tried again by the next one.
    (train / "checkpoint-10" / "exit").unlink()
    assert watch(tmp_path, "--once") == 0


def test_if_the_first_one_fails_it_ends(tmp_path, train, capsys):
    saved(train, 0, exit="3")
    saved(train, 10)
    assert watch(tmp_path, "--every", "0.05") == 2
    assert log(tmp_path) == ["checkpoint-0", "checkpoint-0"]
    assert "error: checkpoint-0: expected results of overton_diversity" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["name", "run", "checkpoint"])
def test_the_zero_line_may_be_named(tmp_path, train, kind):
    for step in (0, 10):
        saved(train, step, level=0.5)
    other = recorded(checkpoint(tmp_path / "elsewhere" / "aligned"), level=0.9)
    base = {"name": "checkpoint-10", "run": f"aligned={other / 'recorded'}",
            "checkpoint": str(other)}[kind]  # fmt: skip
    assert watch(tmp_path, "--once", "--base", base) == 0
    page = (tmp_path / "out" / "trends.html").read_text()
    name = "checkpoint-10" if kind == "name" else "aligned"
    assert f"The zero line is <b>{name}</b>" in page
    assert ("−0.400" in page) == (kind != "name")
    assert "2 checkpoints" in page
    # Another one, of the same name as a checkpoint.
    twin = recorded(checkpoint(tmp_path / "elsewhere" / "checkpoint-10", b"twin"), level=0.7)
    n = len(log(tmp_path))
    for _ in range(2):
        assert watch(tmp_path, "--once", "--base", str(twin)) == 0
    assert len(log(tmp_path)) == n + 1
    assert "−0.200" in (tmp_path / "out" / "trends.html").read_text()


def test_a_zero_line_that_never_comes_is_said(tmp_path, train, capsys):
    saved(train, 0)
    (train / "checkpoint-10").mkdir()
    assert watch(tmp_path, "--once", "--base", "checkpoint-10") == 2
    assert "--base checkpoint-10: expected finished checkpoints" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "harness", "said"),
    [
        (["--fail-on", "semantic"], [], "--fail-on: expected METRIC<NUMBER"),
        (["--every", "0"], [], "--every: expected a number above 0"),
        (["--output", "train"], [], "-o: expected a folder beside the checkpoints"),
        (["--base", "nowhere"], [], "nowhere: expected a run's folder"),
        ([], ["-o", "x"], "expected no --output_path after --"),
        ([], ["--tasks", "overton_divrsity"], "--tasks: expected names or patterns"),
        ([], ["--metadata", '{"n_sample": 3}'], "n_sample"),
        ([], [], "expected finished checkpoints in folders such as checkpoint-500, got none"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_begins(
    tmp_path, train, capsys, options, harness, said
):
    given = [str(train) if word == "train" else word for word in options]
    assert watch(tmp_path, "--once", *given, harness=harness) == 2
    assert said in capsys.readouterr().err
    assert log(tmp_path) == []


def test_a_collapse_in_what_is_answered_fails_at_its_checkpoint_and_no_other(
    tmp_path, train, capsys
):
    prompts = [doc["prompt"] for doc in load_prompts("contested").docs[:8]]
    own = [doc["viewpoints"] for doc in load_prompts("contested").docs[:8]]
    said = {
        0: [[one["text"] for one in views[:3]] for views in own],
        20: [["It depends on what people value."] * 3] * 8,
    }
    chosen = ["semantic_diversity", "duplicate_share"]
    for step, texts in said.items():
        rows = zip(prompts, texts, strict=True)
        path = tmp_path / "answers.jsonl"
        lines = (json.dumps({"prompt": prompt, "responses": all_of}) for prompt, all_of in rows)
        path.write_text("\n".join(lines))
        folder = saved(train, step)
        shutil.rmtree(folder / "recorded")
        score(read_responses(path), TASK, output=folder / "scored", name="m", chosen=chosen)
        (folder / "scored" / "m").rename(folder / "recorded")
        aged(folder)
    shutil.copytree(train / "checkpoint-0", train / "checkpoint-10")
    aged(train)
    assert watch(tmp_path, "--once", "--fail-on", BOUND) == 1
    error = capsys.readouterr().err
    assert "checkpoint-20 against checkpoint-0" in error
    assert "checkpoint-10" not in error
    assert sum(prompt[:90] in error for prompt in prompts) == 5
    page = (tmp_path / "out" / "trends.html").read_text()
    assert "checkpoint-20: collapse" in page
    assert page.count("It depends on what people value.") == 8 * 3

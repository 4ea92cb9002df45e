import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.watching.checkpoints import Checkpoints, one_checkpoint, step_of
from tests.harness.watching.made import aged, checkpoint


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("checkpoint-500", 500),
        ("step_500", 500),
        ("global_step1000", 1000),
        ("iter_0001000", 1000),
        ("epoch_1_step_500", 500),
        ("checkpoint-500-merged", 500),
        ("run-checkpoint-7", 7),
        ("ckpt7", 7),
        ("0042", 42),
        ("epoch=3", 3),
    ],
)
def test_steps_of_names(tmp_path, name, step):
    assert step_of(tmp_path / name) == step


@pytest.mark.parametrize("name", ["final", "llama-7b", "step-1.5", "footstep3", "logs", "v2"])
def test_names_without_a_step(tmp_path, name):
    assert step_of(tmp_path / name) is None


def test_the_trainer_s_state_says_the_step_that_a_name_does_not(tmp_path):
    (tmp_path / "trainer_state.json").write_text('{"global_step": 60}')
    assert step_of(tmp_path) == 60
    (tmp_path / "trainer_state.json").write_text('{"global_step": true}')
    assert step_of(tmp_path) is None


@given(st.integers(0, 10**9), st.sampled_from(["checkpoint-{}", "step_{}", "{}", "a_ckpt-{}"]))
def test_any_step_is_read_back(step, form):
    from pathlib import Path

    assert step_of(Path(form.format(step))) == step


def test_what_is_finished_comes_in_order_of_steps_and_the_rest_says_why(tmp_path):
    for step in (1000, 500, 20):
        checkpoint(tmp_path / f"checkpoint-{step}")
    checkpoint(tmp_path / "tmp-checkpoint-1500")
    half = checkpoint(tmp_path / "checkpoint-1500")
    (half / "model.safetensors").unlink()
    checkpoint(tmp_path / "final")
    (tmp_path / "runs").mkdir()
    (tmp_path / "config.json").touch()
    (tmp_path / "step_501").symlink_to("checkpoint-500")
    look = Checkpoints(tmp_path).look()
    assert [own.step for own in look.finished] == [20, 500, 1000]
    assert list(look.unfinished) == ["checkpoint-1500", "final"]
    assert "no weights" in look.unfinished["checkpoint-1500"]
    assert "neither its name nor trainer_state.json" in look.unfinished["final"]
    assert not look.settling
    assert Checkpoints(tmp_path / "to come").look().finished == ()


def test_a_link_that_leads_nowhere_is_said_where_its_name_is_that_of_a_checkpoint(tmp_path):
    train = tmp_path / "train"
    train.mkdir()
    for name in ("checkpoint-5", "latest"):
        (train / name).symlink_to(tmp_path / "gone")
    look = Checkpoints(train).look()
    assert look.unfinished == {"checkpoint-5": "it is a link to a folder that is not there"}
    assert (look.stuck, look.settling) == ({"checkpoint-5"}, frozenset())
    checkpoint(tmp_path / "gone")
    assert [own.name for own in Checkpoints(train).look().finished] == ["checkpoint-5"]


def test_what_changes_is_not_finished_and_what_changed_is_another_save(tmp_path):
    folder = checkpoint(tmp_path / "checkpoint-5", old=False)
    found = Checkpoints(tmp_path, settle_s=0.15)
    assert found.look().settling == {"checkpoint-5"}
    time.sleep(0.2)
    [first] = found.look().finished
    (folder / "optimizer.pt").touch()
    assert found.look().settling == {"checkpoint-5"}
    time.sleep(0.2)
    [second] = found.look().finished
    assert second != first


def test_a_save_that_stands_still_by_half_is_told_from_one_under_way(tmp_path):
    for name in ("checkpoint-5", "checkpoint-6"):
        half = checkpoint(tmp_path / name)
        (half / "model.safetensors").unlink()
    (half / "config.json").touch()
    look = Checkpoints(tmp_path).look()
    assert sorted(look.unfinished) == ["checkpoint-5", "checkpoint-6"]
    assert look.stuck == {"checkpoint-5"}
    assert not look.settling


def test_a_clock_that_is_ahead_is_not_waited_for(tmp_path):
    folder = checkpoint(tmp_path / "checkpoint-5")
    for path in folder.iterdir():
        os.utime(path, (4e9, 4e9))
    found = Checkpoints(tmp_path, settle_s=0.1)
    assert found.look().settling
    time.sleep(0.15)
    assert found.look().finished


def test_one_that_is_no_part_of_the_training_is_finished_or_an_error(tmp_path):
    own = one_checkpoint(checkpoint(tmp_path / "base"))
    assert (own.name, own.step) == ("base", None)
    (tmp_path / "base" / "config.json").write_text("{")
    aged(tmp_path / "base")
    with pytest.raises(DataError, match=r"config\.json is not there, or by half"):
        one_checkpoint(tmp_path / "base")

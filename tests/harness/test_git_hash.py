"""What the harness notes of git, and what it says meanwhile."""

import subprocess

import pytest
from lm_eval import evaluator
from lm_eval.loggers.utils import get_git_commit_hash

from lm_eval_overton.harness.git_hash import ask_git_quietly


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(evaluator, "get_git_commit_hash", get_git_commit_hash)
    ask_git_quietly()
    return evaluator.get_git_commit_hash


def test_a_folder_without_git_is_noted_as_before_in_silence(asked, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    before = get_git_commit_hash()
    assert "fatal: not a git repository" in capfd.readouterr().err
    assert asked() == before
    assert capfd.readouterr() == ("", "")


def test_a_commit_is_noted_as_before(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], check=True)
    assert asked() == get_git_commit_hash()
    assert len(asked()) >= 7


def test_no_git_is_no_error(asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert asked() == get_git_commit_hash() is None


def test_another_harness_is_left_alone(monkeypatch):
    monkeypatch.setattr(evaluator, "get_git_commit_hash", len)
    ask_git_quietly()
    assert evaluator.get_git_commit_hash is len

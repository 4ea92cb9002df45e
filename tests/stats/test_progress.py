"""Bars that terminals are shown, and nobody else."""

import io
from types import SimpleNamespace

import numpy as np
import pytest

from lm_eval_overton.stats import SEED, bootstrap, progress
from lm_eval_overton.stats.progress import counted
from tests.metrics.test_score import values


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    # What is set for a test as a whole, pytest's own capture replaces.
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=Terminal()))
    return progress.sys.stderr


def items(what="Working", n=3):
    return list(progress.progress((i for i in range(n)), what, n))


def test_a_terminal_is_shown_what_is_done_and_how_long_the_rest_takes(terminal):
    assert items() == [0, 1, 2]
    assert "Working:   0%|" in terminal.getvalue()
    assert "/3 [00:00<" in terminal.getvalue()


def test_what_is_soon_done_needs_no_bar(terminal, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 60)
    assert items() == [0, 1, 2]
    assert not terminal.getvalue().strip()


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_nobody_else_is_shown_a_thing(monkeypatch, stream):
    monkeypatch.setattr(progress, "DELAY", 0)
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
    monkeypatch.setattr(progress, "_bar", None)
    assert items() == [0, 1, 2]
    with counted(2, "Judging") as count:
        count()
    assert not (stream and stream.getvalue())


def test_work_that_is_counted_has_a_bar_too(terminal):
    with counted(2, "Judging") as count:
        count()
        count()
    assert "Judging:   0%|          | 0/2" in terminal.getvalue()


def test_resampling_shows_how_far_it_is_and_gives_the_same(terminal, monkeypatch):
    columns = np.linspace(0, 1, 12).reshape(6, 2)
    seen = bootstrap.resampled_means(columns, np.random.default_rng(SEED), 50)
    assert "Bootstrap: " in terminal.getvalue()
    monkeypatch.setattr(progress.sys, "stderr", io.StringIO())
    unseen = bootstrap.resampled_means(columns, np.random.default_rng(SEED), 50)
    assert np.array_equal(seen, unseen)


def test_scoring_shows_how_many_prompts_are_done(terminal):
    assert values(["one two three", "four five six"])
    assert "Scoring prompts" in terminal.getvalue()

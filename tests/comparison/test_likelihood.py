"""Whose answers by which model: cells, divergences worked by hand, and what cannot be told."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lm_eval_overton.comparison import compare, crossed_of
from lm_eval_overton.comparison.account import account
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

TASK = "overton_likelihood"
DRAWN = "source_task:overton_diversity|source_temp:1|source_top_p:1"
FRAMES = {"base": "query-answer", "chat": "chat"}


def cell(whose, model, nats, tokenizer="t", drawn=DRAWN, **fields):
    """The answers of a run, scored by a model: nats of each prompt, of 8 bytes an answer."""
    ids = "pqrs"[: len(nats)]
    signed = {
        "frame": FRAMES[model],
        "whose": whose,
        "responses": f"{whose}-texts",
        "source_model": whose,
        "source_frame": FRAMES.get(whose, "x"),
        **fields,
    }
    words = "|".join(f"{key}:{value}" for key, value in signed.items() if value)
    values = {
        "bits_per_byte": np.array(nats) / math.log(2) / 8,
        "nats_per_token": np.array(nats) / 2,
        "nats_per_answer": np.array(nats, dtype=float),
        "failed_rate": np.zeros(len(nats)),
    }
    result = TaskResult(
        task=TASK,
        model=model,
        signature=f"{TASK}@1|data:d|{words}|{drawn}",
        ids=tuple(ids),
        values=values,
        higher_is_better=dict.fromkeys(values),
        details=tuple({"tokenizer": tokenizer} for _ in ids),
        path=Path("results_x.json"),
    )
    return FinishedRun(f"{whose} by {model}", Path("runs") / whose / model, {TASK: result})


def four():
    return [
        cell("base", "base", [4, 4, 4, 4]),
        cell("base", "chat", [6, 7, 8, 7]),
        cell("chat", "base", [3, 4, 5, 4]),
        cell("chat", "chat", [1, 1, 1, 1]),
    ]


def told(found):
    return {(one.whose, one.model): one for one in found.divergences}


def test_cells_and_divergences_of_four_runs():
    found = crossed_of(four())
    assert (found.whose, found.models) == (["base", "chat"], ["base", "chat"])
    bits = {(one.whose, one.model): one.bits_per_byte.estimate for one in found.cells}
    nats = {"base": {"base": 4, "chat": 7}, "chat": {"base": 4, "chat": 1}}
    expected = {(w, m): own[m] / 8 / math.log(2) for w, own in nats.items() for m in own}
    assert bits == pytest.approx(expected)
    # Paired by prompt: 2, 3, 4, 3, and 2, 3, 4, 3.
    assert {key: one.value.estimate for key, one in told(found).items()} == {
        ("base", "chat"): 3,
        ("chat", "base"): 3,
    }
    one = told(found)["chat", "base"].value
    assert (one.low <= 3 <= one.high, one.n) == (True, 4)
    assert found.notes == ()


def test_runs_without_likelihoods_have_no_table():
    assert crossed_of([FinishedRun("base", Path("base"), {})]) is None


def test_prompts_are_matched_by_id():
    found = crossed_of([*four()[:3], cell("chat", "chat", [1, 1])])
    # Of the first two: 3 - 1 and 4 - 1.
    assert told(found)["chat", "base"].value.estimate == 2.5
    assert found.notes == ("of the answers of chat not all prompts were scored: chat 2, base 4",)


@pytest.mark.parametrize("tokenizer", ["other", None])
def test_tokenizers_meet_in_bits_per_byte_alone(tokenizer):
    runs = [*four()[:2], cell("chat", "base", [3, 4], tokenizer), cell("chat", "chat", [1, 1])]
    found = crossed_of(runs)
    one = told(found)["chat", "base"]
    assert math.isnan(one.value.estimate)
    assert one.note == "the models are not known to have one tokenizer"
    assert len(found.cells) == 4
    pair = compare(runs[2], [runs[3]]).pairs[0]
    assert [row.metric for row in pair.rows] == ["bits_per_byte", "failed_rate"]
    assert any("only bits per byte are compared" in note for note in pair.notes)


@pytest.mark.parametrize(
    "fields",
    [
        {"source_model": "elsewhere"},
        {"source_model": None},
        {"source_frame": "query-answer"},
        {"source_system": "abc"},
        {"source_elicit": "list-5"},
    ],
)
def test_who_wrote_the_answers_must_have_been_asked_as_it_was_then(fields):
    found = crossed_of([cell("chat", "base", [3], **fields), cell("chat", "chat", [1], **fields)])
    assert all(math.isnan(one.value.estimate) for one in found.divergences)
    assert "scored by the model that wrote them, asked as it was then, got none" in (
        told(found)["chat", "base"].note
    )


def test_answers_to_examples_are_no_own_ones():
    drawn = DRAWN.replace("diversity", "icl_fixed")
    found = crossed_of([cell("chat", m, [3], drawn=drawn) for m in ("base", "chat")])
    assert all(math.isnan(one.value.estimate) for one in found.divergences)


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ("source_temp:0.5|source_top_p:0.9", "temp 0.5, top_p 0.9"),
        ("source_temp:0.7|source_top_k:0|source_rep:1.1", "temp 0.7, rep 1.1"),
        ("source_n:5", "a temperature that is not known"),
    ],
)
def test_samples_that_were_drawn_otherwise_are_noted(drawn, said):
    [note] = crossed_of([cell("chat", "chat", [1, 2], drawn=drawn)]).notes
    assert note.startswith(f"the samples of chat were drawn with {said}: their likelihood")


def test_a_temperature_of_one_needs_no_note():
    drawn = "source_temp:1|source_top_k:-1|source_min_p:0"
    assert crossed_of([cell("chat", "chat", [1, 2], drawn=drawn)]).notes == ()


def test_answers_of_different_runs_are_no_pair():
    runs = four()
    found = compare(runs[0], [runs[3], runs[1]])
    assert found.pairs[0].rows == ()
    assert any("the answers of different runs" in note for note in found.pairs[0].notes)
    metrics = [row.metric for row in found.pairs[1].rows]
    assert metrics == ["bits_per_byte", "nats_per_token", "nats_per_answer", "failed_rate"]
    # In the rows stands the divergence, too.
    assert found.pairs[1].rows[2].paired.difference == 3


def test_of_runs_that_hold_no_texts_none_are_missed():
    compared = compare(four()[0], four()[1:])
    for i, pair in enumerate(compared.pairs):
        assert pair.shifts == ()
        assert account(compared, i) == ()


def test_names_that_are_no_one_s_alone_are_told_apart():
    runs = []
    for i, responses in enumerate(("some", "others")):
        own = cell("chat", "chat", [1, 2], responses=responses)
        result = replace(own.tasks[TASK], model=f"/{i}/a/b/m")
        runs.append(replace(own, tasks={TASK: result}))
    found = crossed_of(runs)
    assert found.whose == ["chat (some)", "chat (others)"]
    assert found.models == ["/0/a/b/m", "/1/a/b/m"]


def test_a_model_in_two_frames_has_two_columns():
    runs = [cell("chat", "chat", [1]), cell("chat", "chat", [2], frame="query-answer")]
    found = crossed_of(runs)
    assert found.models == ["chat (chat)", "chat (query-answer)"]
    assert [(one.model, one.value.estimate) for one in found.divergences] == [
        ("chat (query-answer)", 1)
    ]

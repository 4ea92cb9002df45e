"""`overton calibrate` against a judge whose every answer the test knows beforehand."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.judge.judgements import JUDGEMENTS
from tests.judge_server import JudgeServer, judging, key_of, value_of

QUESTIONS = [f"Should cities ban cars from street {i}?" for i in range(6)]
ANSWERS = [[f"Yes, street {i} is narrow.", f"No. Shops on street {i} need them."] for i in range(6)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JudgeServer]:
    with judging(tmp_path_factory.mktemp("judge") / "log.jsonl") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    rows = [
        {"prompt": question, "responses": answers}
        for question, answers in zip(QUESTIONS, ANSWERS, strict=True)
    ]
    write(tmp_path / "responses.jsonl", rows)
    return tmp_path


def write(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def said(judgement: str, **texts: str) -> dict:
    """What the judge of the server will say."""
    messages = JUDGEMENTS[judgement].build(**texts)
    rng = random.Random(f"0 {key_of({'model': 'judge', 'messages': messages})}")
    rng.choice(["right"])
    return value_of(messages[0]["content"], rng)


def calibrate(folder: Path, server: JudgeServer, judgement: str, *options: str) -> int:
    return main(
        [
            *["calibrate", "--judgement", judgement, "--judge", json.dumps(server.spec())],
            *["--responses", str(folder / "responses.jsonl")],
            *["--labels", str(folder / "labels.jsonl"), *options],
        ]
    )


def test_a_judge_that_differs_once_in_twelve(folder, server, capsys):
    labels = [
        [said("stance", prompt=question, response=answer)["stance"] for answer in answers]
        for question, answers in zip(QUESTIONS, ANSWERS, strict=True)
    ]
    labels[0][0] = "yes" if labels[0][0] == "no" else "no"
    write(folder / "labels.jsonl", [{"labels": own} for own in labels])
    assert calibrate(folder, server, "stance", "--json", "--repeats", "2") == 0
    [found] = json.loads(capsys.readouterr().out)
    assert (found["items"], found["compared"], found["repeats"]) == (12, 24, 2)
    assert found["statuses"]["parsed"] == 24
    assert found["share"]["estimate"] == pytest.approx(11 / 12)
    assert found["self_share"]["estimate"] == 1

    before = len(server.answers())
    assert calibrate(folder, server, "stance", "--repeats", "2") == 0
    assert len(server.answers()) == before == 24
    assert "stance: 12 labelled responses" in capsys.readouterr().out


def test_of_a_summary_and_an_answer_the_judge_sees_the_answer(folder, server, capsys):
    header = {"overton_generations": 1, "tasks": {"t": {"frame": "query-summary-answer"}}}
    rows = [
        {
            "task": "t",
            "prompt": question,
            "responses": [f"In short.\n```\n\n# Answer:\n```\n{text}\n```" for text in answers],
        }
        for question, answers in zip(QUESTIONS, ANSWERS, strict=True)
    ]
    write(folder / "responses.jsonl", [header, *rows])
    labels = [
        [said("stance", prompt=question, response=answer)["stance"] for answer in answers]
        for question, answers in zip(QUESTIONS, ANSWERS, strict=True)
    ]
    write(folder / "labels.jsonl", [{"labels": own} for own in labels])
    assert calibrate(folder, server, "stance", "--json") == 0
    [found] = json.loads(capsys.readouterr().out)
    assert found["compared"] == 12
    assert found["share"]["estimate"] == 1


def test_a_response_without_a_label_is_not_asked_about(folder, server, capsys):
    before = len(server.answers())
    write(folder / "labels.jsonl", [{"labels": [3, None]} for _ in QUESTIONS])
    assert calibrate(folder, server, "missing", "--reference", str(folder / "responses.jsonl")) == 0
    assert "6 labelled responses, 6 without a label" in capsys.readouterr().out
    assert len(server.answers()) == before + 6


def test_two_responses_are_the_same_only_if_both_orders_say_so(folder, server, capsys):
    write(folder / "labels.jsonl", [{"labels": ["same", "same"]} for _ in QUESTIONS])
    reference = str(folder / "responses.jsonl")
    assert calibrate(folder, server, "equivalence", "--reference", reference, "--json") == 0
    [found] = json.loads(capsys.readouterr().out)
    agreed = 0
    for question, answers in zip(QUESTIONS, ANSWERS, strict=True):
        for answer in answers:
            there = said("equivalence", prompt=question, response_a=answers[0], response_b=answer)
            back = said("equivalence", prompt=question, response_a=answer, response_b=answers[0])
            agreed += there == back
    assert found["statuses"]["parsed"] == agreed
    assert 6 <= agreed < 12
    assert found["statuses"]["unreadable"] == 12 - agreed


@pytest.mark.parametrize(
    ("judgement", "options", "message"),
    [
        ("missing", [], "expected --reference for the judgement missing"),
        ("stance", ["--repeats", "0"], "expected at least 1 repeat, got 0"),
        ("stance", ["--labels", "more.jsonl"], "expected one --labels for each --responses"),
    ],
)
def test_what_a_user_gets_wrong(folder, server, capsys, judgement, options, message):
    write(folder / "labels.jsonl", [{"labels": [None, None]} for _ in QUESTIONS])
    assert calibrate(folder, server, judgement, *options) == 2
    assert message in capsys.readouterr().err


def test_labels_of_other_responses_name_both_files(folder, server, capsys):
    write(folder / "labels.jsonl", [{"prompt": "Why?", "label": "yes"}])
    assert calibrate(folder, server, "stance") == 2
    responses, labels = folder / "responses.jsonl", folder / "labels.jsonl"
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: {labels}: expected labels of at least one of the 6 prompts, got none with the "
        f"same text or id (labels of the responses in {responses})"
    )

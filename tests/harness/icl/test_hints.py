"""Summaries of reference responses: of what, and what is kept beside them."""

import json

import pytest
from lm_eval.api.model import LM

from lm_eval_overton.cli import main
from lm_eval_overton.harness.icl import hints
from lm_eval_overton.harness.icl.examples import load_hints
from lm_eval_overton.runs.lock import alone
from tests.runs.made import write


class Writer(LM):
    """A model whose summary of an answer is its last word."""

    def generate_until(self, requests, disable_tqdm=False):
        return [one.args[0].split("Answer:\n")[1].split()[0] + " it is." for one in requests]

    def loglikelihood(self, requests, disable_tqdm=False):
        raise NotImplementedError

    loglikelihood_rolling = loglikelihood


PROMPTS = ("Why so?", "How so?")
IDS = ("w-1", "h-2")
HEADER = {
    "overton_generations": 1,
    "tasks": {"overton_diversity": {"stops": ["```"], "frame": "query-answer"}},
}
SAID = [[None, "Thus ``` ant"], ["Hence bee", "x"]]
FORMATS = {
    "generations.jsonl": [
        HEADER,
        *(
            {"task": "overton_diversity", "id": i, "prompt": p, "responses": r}
            for i, p, r in zip(IDS, PROMPTS, SAID, strict=True)
        ),
    ],
    "plain.jsonl": [
        {"id": i, "prompt": p, "responses": r} for i, p, r in zip(IDS, PROMPTS, SAID, strict=True)
    ],
    "ids.jsonl": [{"id": i, "responses": r} for i, r in zip(IDS, SAID, strict=True)],
    "texts.jsonl": [{"prompt": p, "responses": r} for p, r in zip(PROMPTS, SAID, strict=True)],
    "bare.jsonl": [{"responses": r} for r in SAID],
}


@pytest.mark.parametrize("name", FORMATS)
def test_hints_keep_prompts_and_ids(tmp_path, monkeypatch, name):
    monkeypatch.setattr(hints, "_model", lambda *_: Writer())
    docs = [{"id": i, "prompt": p} for i, p in zip(IDS, PROMPTS, strict=True)]
    responses = write(tmp_path / name, *FORMATS[name])
    prompts = write(tmp_path / "prompts.jsonl", *docs)
    out = tmp_path / "hints.jsonl"
    command = ["hints", "--responses", str(responses), "--model", "hf", "-o", str(out)]
    if name in ("ids.jsonl", "bare.jsonl"):
        assert main(command) == 2
        command += ["--prompts", str(prompts)]
    assert main(command) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["prompt"] for row in rows] == list(PROMPTS)
    if name != "texts.jsonl":
        assert [row["id"] for row in rows] == list(IDS)
    # They are found again by whoever asks the same.
    assert load_hints(str(out), docs) == {"w-1": ("Thus it is.", 1), "h-2": ("Hence it is.", 0)}


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The command, the file that it writes, and the questions that the model was asked."""
    asked = []

    class Noting(Writer):
        def generate_until(self, requests, disable_tqdm=False):
            asked.extend(one.doc["id"] for one in requests)
            return super().generate_until(requests)

    monkeypatch.setattr(hints, "_model", lambda *_: Noting())
    responses = write(tmp_path / "plain.jsonl", *FORMATS["plain.jsonl"])
    out = tmp_path / "new" / "hints.jsonl"
    return ["hints", "--responses", str(responses), "--model", "hf", "-o", str(out)], out, asked


def test_hints_are_continued_wherever_a_process_was_killed(command, capsys):
    words, out, asked = command
    assert main(words) == 0
    whole = out.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in range(len(whole)):
        out.write_bytes(whole[:cut])
        asked.clear()
        assert main(words) == 0
        assert out.read_bytes() == whole
        # What is complete but for its line feed is not asked again.
        assert len(asked) == 2 - (cut >= first - 1) - (cut >= len(whole) - 1)
    assert "was cut off: its prompt is asked again" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["notes of mine", '{"other": 1', "[1, 2"])
def test_a_file_of_something_else_is_left_as_it_is(command, capsys, content):
    words, out, asked = command
    out.parent.mkdir()
    out.write_text(content)
    assert main(words) == 2
    assert out.read_text() == content
    assert asked == []


def test_two_processes_do_not_write_the_same_hints(command, capsys):
    words, out, asked = command
    out.parent.mkdir()
    out.touch()
    with alone(out):
        assert main(words) == 2
    assert "expected hints that no other process writes" in capsys.readouterr().err
    assert asked == []
    assert main(words) == 0

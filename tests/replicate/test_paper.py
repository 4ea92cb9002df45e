"""The tables of the paper's released data, of words only."""

import json
import shutil

import pytest

from lm_eval_overton.replicate import as_json, replicate, summary
from lm_eval_overton.replicate.table import numbers_of
from tests.conftest import PAPER
from tests.replicate.trees import original, reshaped

pytestmark = pytest.mark.paper_data

MODELS = ("llama-2-base", "llama-2-chat", "llama-2-icl-chat-5nn-prompt_similar")
JUDGEMENTS = ("eval-quality", "eval-missing", "extract-topics")


def rows_of(path):
    return [json.loads(line)["responses"] for line in path.read_text("utf-8").splitlines()]


def part_of_the_paper():
    """Ten prompts of a few models, with all their judgements and BERTScores."""
    folder, n = PAPER / "LIMA-OE", 10
    prompts = [
        json.loads(line)["messages"][0]["content"]
        for line in (folder / "prompts.jsonl").read_text("utf-8").splitlines()
    ]
    parts = {"prompts": prompts[:n]}
    parts["outputs"] = {m: rows_of(folder / "outputs" / f"{m}.jsonl")[:n] for m in MODELS}
    for judgement in JUDGEMENTS:
        files = (folder / judgement / "outputs").glob("*.jsonl")
        found = {path.stem: rows_of(path) for path in files}
        parts[judgement] = {
            name: rows[: n * len(rows) // len(prompts)] for name, rows in found.items()
        }
    scores = (folder / "bertscore").glob("*.json")
    parts["bertscore"] = {path.stem: json.loads(path.read_text()) for path in scores}
    return {"LIMA-OE": parts}


def test_the_original_layout_gives_the_same_tables(tmp_path):
    content = part_of_the_paper()
    first = replicate(reshaped(tmp_path / "reshaped", content), encoder_name="")
    second = replicate(original(tmp_path / "original", content), encoder_name="")
    assert as_json(second) == as_json(first)
    failed = sum(own.count(None) for own in content["LIMA-OE"]["outputs"][MODELS[2]])
    assert failed > 0
    expected = {
        number.expected.column: number.value for number in numbers_of(first) if number.expected
    }
    assert expected["failed"] == failed


def test_every_difference_from_the_expected_numbers_is_explained(tmp_path):
    # Most models without an expected number are left out, for speed.
    folder = tmp_path / "LIMA-OE"
    others = shutil.ignore_patterns("*rand*", "*gpt-3.5-*", "*knn-prompt*", "*.npz")
    shutil.copytree(PAPER / "LIMA-OE", folder, ignore=others)
    for kept in ("outputs/gpt-3.5-turbo.jsonl", "bertscore/llama-2-chat--gpt-3.5-turbo.json"):
        shutil.copy(PAPER / "LIMA-OE" / kept, folder / kept)
    tables = replicate(tmp_path, encoder_name="")
    unexplained = [number for number in numbers_of(tables) if number.status == "unexplained"]
    # Some of the 17 scores that do not apply are in the other dataset.
    assert [number.expected.column for number in unexplained] == ["N/A"]
    counts = "40 numbers compared, 35 equal to the printed digit, 4 explained, 1 unexplained."
    assert summary(tables).startswith(counts)

"""The answers that the stances by words are fitted on."""

from collections import Counter

import pytest

from lm_eval_overton.data import load_viewpoints, normal, packaged_path, read_jsonl
from lm_eval_overton.metrics.formulas.stance import STANCES
from tests.conftest import PAPER

ROWS = [row for _, row in read_jsonl(packaged_path("stance_gold"))]
WRITTEN = [row for row in ROWS if "response" in row]
JOINED = [row for row in ROWS if "response" not in row]


def test_every_row_has_an_id_of_its_own_and_one_of_the_stances():
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert {row["stance"] for row in ROWS} == set(STANCES)
    assert {frozenset(row) for row in JOINED} == {frozenset({"id", "stance"})}
    assert {frozenset(row) for row in WRITTEN} == {
        frozenset({"id", "stance", "prompt", "response"})
    }


def test_every_real_answer_to_a_packaged_yes_no_question_is_labelled():
    kinds = {doc["id"]: doc["kind"] for doc in load_viewpoints("contested").docs}
    gold = [row for _, row in read_jsonl(packaged_path("contested_gold"))]
    real = {row["id"] for row in gold if row["kind"] == "real"}
    yes_no = {row["id"] for row in gold if kinds[row["question_id"]] == "yes_no"}
    assert {row["id"] for row in JOINED} == real & yes_no
    assert len(JOINED) == 144


def test_the_answers_written_for_it_are_of_every_stance_and_all_differ():
    counts = Counter(row["stance"] for row in WRITTEN)
    assert counts == {"yes": 85, "no": 80, "other": 58, "both": 54}
    assert len({(row["prompt"], row["response"]) for row in WRITTEN}) == len(WRITTEN)
    assert all(row["prompt"].endswith("?") and row["response"].strip() for row in WRITTEN)


@pytest.mark.paper_data
def test_no_question_and_no_answer_is_of_the_released_data():
    asked = [row for _, row in read_jsonl(PAPER / "ConflictingQA" / "prompts.jsonl")]
    released = {normal(row["messages"][0]["content"]) for row in asked}
    assert len(released) > 400
    assert not released & {normal(row["prompt"]) for row in WRITTEN}
    answers = {
        " ".join(text.split()).removesuffix("```").strip()
        for path in (PAPER / "ConflictingQA" / "outputs").glob("*.jsonl")
        for _, row in read_jsonl(path)
        for text in row["responses"]
        if text and len(text) > 60
    }
    assert not answers & {" ".join(row["response"].split()) for row in WRITTEN}

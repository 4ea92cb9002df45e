"""The packaged reference responses, their hints, and the fixed examples."""

import json

import pytest

from lm_eval_overton.data import load_prompts, packaged_path, read_jsonl
from lm_eval_overton.harness.icl.examples import PACKAGED_RESERVED, load_examples, load_hints
from lm_eval_overton.text.english import ENGLISH

PATH = packaged_path("references_open_ended")
ROWS = [row for _, row in read_jsonl(PATH)]


def test_there_are_63_of_the_open_ended_prompts():
    prompts = {doc["id"]: doc["prompt"] for doc in load_prompts("open_ended").docs}
    assert len({row["id"] for row in ROWS}) == len(ROWS) == 63
    assert all(prompts[row["id"]] == row["prompt"] for row in ROWS)
    assert set(PACKAGED_RESERVED) <= {row["id"] for row in ROWS}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_two_different_responses_of_a_careful_length(row):
    first, second = row["responses"]
    assert first != second
    for response in row["responses"]:
        assert 120 <= ENGLISH.count(response) <= 250
        assert response == response.strip()
        # It would end the answer of the base model's frame.
        assert "```" not in response


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_hint_is_two_or_three_sentences(row):
    # Four hints end in "Prose.", a word on the form.
    full = [sentence for sentence in ENGLISH.sentences(row["hint"]) if ENGLISH.count(sentence) > 2]
    assert len(full) in (2, 3)
    assert "```" not in row["hint"]
    assert ENGLISH.count(row["hint"]) < 70


def test_the_file_serves_as_hints():
    assert load_hints(str(PATH)) == {row["id"]: (row["hint"], 0) for row in ROWS}


def test_three_fixed_examples_that_are_no_prompts():
    examples = load_examples(None)
    assert len(examples) == 3
    asked = {doc["prompt"] for doc in load_prompts("open_ended").docs}
    for example in examples:
        assert example.summary
        assert len(ENGLISH.sentences(example.summary)) in (2, 3)
        assert "```" not in json.dumps([example.prompt, example.response, example.summary])
        assert example.prompt not in asked

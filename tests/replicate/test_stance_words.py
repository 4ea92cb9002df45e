"""The stances by words beside those of the released judge."""

import json
import math

import pytest

from lm_eval_overton.replicate import replicate
from tests.conftest import PAPER
from tests.replicate.trees import CONTENT, flat, reshaped, stance

DATASET = "ConflictingQA"
MODEL = "gpt-3.5-turbo"


def table(root, content):
    tables = replicate(reshaped(root, content), encoder_name="")
    return next(t for t in tables if t.title == "Stance by words")


def values(row):
    return {column: getattr(cell, "value", cell) for column, cell in row.cells.items()}


def with_stances(outputs, *labels):
    own = {**CONTENT[DATASET], "outputs": {MODEL: outputs}}
    return {DATASET: {**own, "eval-stance": {MODEL: flat([map(stance, row) for row in labels])}}}


def test_agreement_by_hand(tmp_path):
    found = table(tmp_path, CONTENT)
    [row] = found.rows
    # By words 5 yes and 5 no; by the judge 2 yes, 1 no, 2 both of the former and 5 both of the
    # latter. Equal 2/10, by chance (5 * 2 + 5 * 1) / 100: kappa (.2 - .15) / .85.
    assert values(row) == {
        "kappa": pytest.approx(0.05 / 0.85),
        "equal": pytest.approx(0.2),
        "both by words": 0,
        "both by judge": pytest.approx((0.4 + 1) / 2),
        "samples": 10,
    }
    assert not found.left_out


def test_samples_that_failed_and_verdicts_that_were_not_read_are_left_out(tmp_path):
    labels = [("yes", "yes", "yes", "gibberish", "yes"), ("yes",) * 5]
    content = with_stances([["yes", None, " ", "yes", "yes"], [None] * 5], *labels)
    [row] = table(tmp_path, content).rows
    assert (values(row)["samples"], values(row)["equal"]) == (2, 1)
    # Where both say one and the same, chance explains all.
    assert math.isnan(values(row)["kappa"])


def test_a_judged_model_without_samples_is_named(tmp_path):
    content = with_stances([["yes"] * 5] * 2, ["yes"] * 5, ["no"] * 5)
    content[DATASET]["eval-stance"]["llama-2-icl"] = flat([[stance("no")] * 5] * 2)
    found = table(tmp_path, content)
    assert [row.name for row in found.rows] == [MODEL]
    assert found.left_out == ["Judged, but without samples: llama-2-icl."]


def rows_of(path):
    return [json.loads(line)["responses"] for line in path.read_text("utf-8").splitlines()]


@pytest.mark.paper_data
def test_agreement_with_the_released_labels(tmp_path):
    folder, n = PAPER / DATASET, 80
    prompts = [
        json.loads(line)["messages"][0]["content"]
        for line in (folder / "prompts.jsonl").read_text("utf-8").splitlines()
    ]
    models = (MODEL, "llama-2-base", "llama-2-icl-gpt-3.5-knn-prompt_similar")
    content = {
        "prompts": prompts[:n],
        "outputs": {m: rows_of(folder / "outputs" / f"{m}.jsonl")[:n] for m in models},
        "eval-stance": {
            m: rows_of(folder / "eval-stance" / "outputs" / f"{m}.jsonl")[: n * 5] for m in models
        },
    }
    found = table(tmp_path, {DATASET: content})
    rows = {row.name: values(row) for row in found.rows}
    assert set(rows) == {*models, "all"}
    assert rows["all"]["kappa"] > 0.6
    assert min(rows[model]["kappa"] for model in models) > 0.35
    assert rows["all"]["both by words"] == pytest.approx(rows["all"]["both by judge"], abs=0.05)
    # The order of the models is right where it is clear.
    for column in ("both by words", "both by judge"):
        assert rows["llama-2-base"][column] < 0.15 < 0.3 < rows[MODEL][column]

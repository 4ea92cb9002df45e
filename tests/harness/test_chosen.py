"""Some metrics of a task alone: the same values and signature, and nothing for the others."""

import json
import logging
import re

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.replay import build, score
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.text.encoder import Encoder

TASK = "overton_noveltybench"
TEXTS = ["Ants dig.", "Bees fly to the flowers.", "ants dig."]


def responses(path, n=3, **given):
    rows = [
        {"id": f"q{i}", "prompt": f"Name {i}.", "generations": TEXTS[: 3 - i % 2] + TEXTS[: i % 2]}
        | given
        for i in range(n)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_responses(path)


@pytest.fixture
def found(tmp_path):
    return responses(tmp_path / "r.jsonl", partition=[0, 1, 0], generation_scores=[9, 5, None])


GOOD = dict.fromkeys(("helpfulness", "clarity", "factuality", "depth", "engagement"), 5)


def labels(folder, **of_judgement):
    """Files in which every sample of the first prompt has one label, by judgement."""
    for name, label in of_judgement.items():
        row = {"id": "q0", "labels": [label] * 3}
        (folder / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    return {name: str(folder / f"{name}.jsonl") for name in of_judgement}


@pytest.fixture
def no_encoder(monkeypatch):
    def refuse(self, texts):
        raise AssertionError("these metrics need no embedding")

    monkeypatch.setattr(Encoder, "encode", refuse)


def test_the_chosen_are_computed_alone_under_the_signature_of_all(found, no_encoder):
    three = {"n_samples": 3}
    row = score(found, TASK, metadata=three, chosen=["utility_k", "distinct_k"])["results"][TASK]
    values = [key.removesuffix("_n,none") for key in row if key.endswith("_n,none")]
    assert values == ["distinct_k", "utility_k"]
    assert row["distinct_k,none"] == 2
    assert row["utility_k,none"] == pytest.approx((9 + 0.8 * 5) / (1 + 0.8 + 0.64))
    whole = build(found, TASK)
    for name in ("distinct_k", "semantic_diversity", "quality_mean"):
        assert build(found, TASK, chosen=[name]).signature == whole.signature
    assert "rated:recorded" in whole.signature


def test_no_judge_is_asked_for_what_no_chosen_metric_needs(found, tmp_path):
    judge = {"labels": labels(tmp_path, quality=GOOD, rating=7)}
    names = [
        build(found, TASK, metadata={"judge": judge}, chosen=[metric]).stage.names
        for metric in ("distinct_k", "helpfulness", "lexical_diversity_qc")
    ]
    assert names == [(), ("quality",), ("quality",)]


def test_ratings_by_a_judge_are_asked_for_where_a_chosen_metric_needs_them(tmp_path):
    bare = responses(tmp_path / "bare.jsonl")
    metadata = {"judge": {"labels": labels(tmp_path, quality=GOOD)}}
    rated, plain = (
        build(bare, TASK, metadata=metadata, chosen=[name])
        for name in ("utility_share", "distinct_k")
    )
    assert (rated.stage.names, plain.stage.names) == (("quality",), ())
    assert "rated:judge-helpfulness" in rated.signature == plain.signature


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            "distinct,utility_k",
            "expected names of metrics that overton_novelty.*got distinct",
        ),
        ("coverage_at_1", "got coverage_at_1"),
        (" , ", "got none"),
    ],
)
def test_a_name_that_the_task_does_not_report_is_told_in_a_line(tmp_path, capsys, names, message):
    responses(tmp_path / "r.jsonl")
    assert main(["score", str(tmp_path / "r.jsonl"), "--task", TASK, "--metrics", names]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert re.search(message, line)


def test_what_cannot_be_computed_is_told_and_the_rest_is_computed(tmp_path, caplog):
    bare = responses(tmp_path / "bare.jsonl")
    with caplog.at_level(logging.WARNING):
        assert build(bare, TASK, chosen=["distinct_k", "utility_k"]).metric_names == ["distinct_k"]
    assert "not computed from these responses and settings: utility_k needs equiv" in caplog.text
    with pytest.raises(SettingsError, match=r"got none \(utility_k needs equivalence, ratings of"):
        build(bare, TASK, chosen=["utility_k"])

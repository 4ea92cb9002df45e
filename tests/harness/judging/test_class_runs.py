"""Classes of samples by a judge, and his ratings, with what is missing asked for afterwards."""

import json

import pytest

from lm_eval_overton.harness.judging.run import dry_run, judge_run
from lm_eval_overton.harness.replay import score
from lm_eval_overton.runs.responses import read_responses
from tests.judge_server import judging

pytestmark = pytest.mark.run

TASK = "overton_diversity"
PROMPTS = [f"Name thing {i}." for i in range(6)]


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


def run(tmp_path, **metadata):
    """Score three samples of each prompt as a run in `out`."""
    path = tmp_path / "own.jsonl"
    rows = [{"prompt": p, "responses": [f"{p} {w}" for w in "abc"]} for p in PROMPTS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"n_samples": 3, **metadata}
    results = score(read_responses(path), TASK, metadata=settings, output=tmp_path / "out")
    return told(results)


def told(results):
    row = {key.partition(",")[0]: value for key, value in results["results"][TASK].items()}
    entry = results["configs"][TASK]["metadata"]["overton"]
    return row, entry.get("judge"), entry


def test_classes_and_ratings_of_a_judge_are_bounded_and_completed(tmp_path):
    with judging(tmp_path / "log", "--fates", "right,error") as server:
        spec = {**server.spec(), "judgements": ["rating"]}
        row, judged, entry = run(tmp_path, equivalence="judge", judge=spec)
    counts = judged["counts"]
    assert set(counts) == {"rating", "classes"}
    # One request per prompt, and one per sample.
    assert [sum(own.values()) for own in counts.values()] == [18, 6]
    assert min(counts["classes"]["failed"], counts["classes"]["parsed"]) > 0
    assert "same:judge-1:" in entry["signature"]
    assert "rated:judge-rating" in entry["signature"]
    # The first and the last are one by this judge.
    assert row["distinct_k"] == 2
    assert row["distinct_k_n"] == counts["classes"]["parsed"]
    failed = counts["classes"]["failed"] / 6
    assert row["distinct_k_worst"] == pytest.approx(2 - failed)
    assert row["distinct_k_best"] == pytest.approx(2 + failed)
    assert row["utility_k_worst"] < row["utility_k_best"]

    [plan] = dry_run(tmp_path / "out", None, {})
    lost = sum(own["failed"] for own in counts.values())
    assert plan.startswith(f"{TASK}: 24 requests, {24 - lost} of them answered before, {lost} to ")

    with judging(tmp_path / "log", port=server.port) as well:
        [results] = judge_run(tmp_path / "out", None, {})
        assert len(well.answers()) == lost
    completed, judged, _ = told(results)
    assert completed["distinct_k_n"] == completed["utility_k_n"] == 6
    assert completed["distinct_k"] == 2
    assert judged["counts"]["classes"] == {"parsed": 6, "refused": 0, "unreadable": 0, "failed": 0}


def test_a_run_without_a_judge_is_given_utility_afterwards_by_its_own_classes(tmp_path):
    row, judged, entry = run(tmp_path, equivalence="exact")
    assert row["distinct_k"] == 3
    assert judged is None
    assert "utility_k" not in row
    with judging(tmp_path / "log") as server:
        spec = {**server.spec(), "judgements": ["rating"]}
        [results] = judge_run(tmp_path / "out", None, {"judge": spec})
    completed, judged, entry = told(results)
    assert set(judged["counts"]) == {"rating"}
    assert completed["utility_k_n"] == 6
    assert completed["quality_heads"] == pytest.approx(completed["quality_mean"])
    assert "same:exact" in entry["signature"]
    # What needs no judge stays where it is.
    assert "distinct_k" not in completed


def test_helpfulness_alone_gives_the_share(tmp_path):
    with judging(tmp_path / "log") as server:
        spec = {**server.spec(), "judgements": ["quality"]}
        row, _, entry = run(tmp_path, judge=spec)
    assert row["utility_share_n"] == 6
    assert row["utility_k_n"] == 0
    assert "rated:judge-helpfulness" in entry["signature"]
    assert row["quality_mean"] == pytest.approx(row["helpfulness"])

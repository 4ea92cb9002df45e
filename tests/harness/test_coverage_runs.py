"""Real runs of overton_coverage: hf and API models, a reference run, NLI, recorded responses."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.errors import OvertonError, either
from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.matchers.table import MATCHERS
from lm_eval_overton.metrics import metric
from lm_eval_overton.metrics.measures import JUDGED, REFERENCE, reported_by
from tests.conftest import Harness, Server, WarmStart
from tests.matchers.test_matchers import write_nli_model

pytestmark = pytest.mark.run

TASK = "overton_coverage"
COVERAGE = ("coverage_at_1", "coverage_at_n", "overton_index", "stance_balance", "coverage_floor")
QUESTIONS = load_viewpoints("contested").docs

# The chance of the reference's own answers and the echo are those of words.
AGAINST = {
    task: frozenset(one.name for one in reported_by(kind)) & REFERENCE - JUDGED
    for task, kind in ((TASK, metric.COVERAGE), ("overton_diversity", metric.DIVERSITY))
}


def arguments(demo: Path, tasks: str = TASK, limit: int = 3, tokens: int = 48) -> list[str]:
    return [
        *["--model", "hf", "--model_args", f"pretrained={demo / 'base'}", "--tasks", tasks],
        *["--limit", str(limit), "--batch_size", "8", "--gen_kwargs", f"max_gen_toks={tokens}"],
    ]


def metadata(**settings: Any) -> list[str]:
    return ["--metadata", json.dumps(settings)]


def row_of(results: dict[str, Any], task: str = TASK) -> dict[str, Any]:
    """A task's values without the name of the filter."""
    return {key.partition(",")[0]: value for key, value in results["results"][task].items()}


def assert_is_coverage(row: dict[str, Any], prompts: int, lowered: bool = False) -> None:
    """Every value is a fraction or undefined, and has its error and its count."""
    assert row["prompts"] == prompts
    for name in COVERAGE:
        count = row[f"{name}_n"]
        assert f"{name}_stderr" in row
        assert row[name] is None if count == 0 else 0 <= row[name] <= 1, name
    assert row["coverage_at_1"] <= row["coverage_at_n"]
    if not lowered:
        # One viewpoint of each of the first questions, and nothing.
        each = [1 / len(doc["viewpoints"]) for doc in QUESTIONS[:prompts]]
        assert row["coverage_floor"] == pytest.approx(sum(each) / prompts, abs=0.03)
        assert row["coverage_echo"] == 0


def test_a_run_and_the_same_responses_against_it(
    harness: Harness, demo: Path, tmp_path: Path
) -> None:
    cache = ["--use_cache", str(tmp_path / "db")]
    first = harness(*arguments(demo), *cache, "--log_samples")
    row = row_of(harness.results())
    assert_is_coverage(row, prompts=3)
    assert not [key for key in row if key.startswith(tuple(REFERENCE))]
    assert f"|{TASK}" in first.stdout
    assert "reference_coverage" not in first.stdout
    signature = harness.results()["configs"][TASK]["metadata"]["overton"]["signature"]
    assert "|match:hybrid>=0.54:sentences-2|" in signature
    assert "|reference:" not in signature

    # So low that all sentences match all viewpoints, even those of a tiny checkpoint.
    low = {"threshold": 0.0, "reference_run": str(harness.out)}
    second = harness(*arguments(demo), *cache, *metadata(**low))
    assert "Cached requests: 15, Requests remaining: 0" in second.stderr
    row = row_of(harness.results())
    assert_is_coverage(row, prompts=3, lowered=True)
    assert row["coverage_at_n"] > 0
    assert set(row) >= {*AGAINST[TASK], *(f"{name}_stderr" for name in AGAINST[TASK])}
    # A run holds all that it says itself.
    assert row["reference_coverage_at_n"] == 1.0
    assert row["missing_from_reference"] == 0.0
    assert row["reference_coverage_at_1_split"] >= row["reference_coverage_at_1_held_out"]
    signature = harness.results()["configs"][TASK]["metadata"]["overton"]["signature"]
    assert "|match:hybrid>=0.0:sentences-2|" in signature
    assert "|reference:" in signature


def test_all_tasks_write_one_file_of_generations_that_serves_as_reference(
    harness: Harness, demo: Path
) -> None:
    two = {"n_samples": 2}
    harness(*arguments(demo, "overton", limit=2, tokens=16), *metadata(**two))
    results = harness.results()
    assert_is_coverage(row_of(results), prompts=2)
    assert row_of(results, "overton_diversity")["units_at_1_words"] > 0
    [path] = harness.cache.rglob("generations.jsonl")
    header, *rows = map(json.loads, path.read_text().splitlines())
    assert set(header["tasks"]) == set(results["configs"]) >= {TASK, "overton_diversity"}
    for task in header["tasks"]:
        assert [len(row["responses"]) for row in rows if row["task"] == task] == [2, 2]
        named = results["configs"][task]["metadata"]["overton"]["generations"]
        assert Path(named) == path

    # No samples were logged: the results file leads to the generations of each task.
    both = (TASK, "overton_diversity")
    against = metadata(**two, reference_run=str(harness.out))
    harness(*arguments(demo, ",".join(both), limit=2, tokens=16), *against)
    for task in both:
        assert set(row_of(harness.results(), task)) >= AGAINST[task]
    # On words every prompt is defined, on viewpoints only where the reference covers one.
    assert row_of(harness.results(), "overton_diversity")["missing_from_reference_n"] == 2


def test_an_api_model(harness: Harness, start_server: Callable[..., Server]) -> None:
    server = start_server()
    url = f"base_url={server.url}/chat/completions,model=strict,num_concurrent=4,max_retries=3"
    model = ["--model", "local-chat-completions", "--model_args", url, "--apply_chat_template"]
    harness(*model, "--tasks", TASK, "--limit", "3", *metadata(threshold=0.0))
    bodies = server.requests()
    assert len(bodies) == 15
    asked = {body["messages"][0]["content"] for body in bodies}
    assert asked == {doc["prompt"] for doc in QUESTIONS[:3]}
    row = row_of(harness.results())
    assert_is_coverage(row, prompts=3, lowered=True)
    assert row["coverage_at_n"] > 0
    # Five different answers, so no one of them surely says it all.
    assert 1 / 5 <= row["overton_index"] <= 1
    assert row["identical_prompts"] == 0


def test_an_nli_model_matches(harness: Harness, demo: Path, tmp_path: Path) -> None:
    model = write_nli_model(tmp_path / "tiny-nli")
    nli = metadata(matcher="nli", nli_model=model, threshold=0.0)
    harness(*arguments(demo, limit=2), *nli)
    row = row_of(harness.results())
    assert_is_coverage(row, prompts=2, lowered=True)
    # Any sentence entails any viewpoint with a probability of at least 0.
    assert row["coverage_at_n"] == 1.0
    signature = harness.results()["configs"][TASK]["metadata"]["overton"]["signature"]
    assert "|match:nli>=0.0:tiny-nli@" in signature


def test_recorded_responses_are_scored(warm: WarmStart, tmp_path: Path) -> None:
    docs = QUESTIONS[10:13]
    responses = []
    for doc in docs:
        views = [view["text"] for view in doc["viewpoints"]]
        responses.append({"prompt": doc["prompt"], "responses": [" ".join(views), "No idea."]})
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in responses))
    out = tmp_path / "scored"
    settings = metadata(n_samples=2)
    scored = warm.overton("score", str(path), "--task", TASK, "-o", str(out), *settings)
    assert scored.returncode == 0, scored.stderr
    assert "|coverage_at_n " in scored.stdout
    [found] = out.rglob("results_*.json")
    row = row_of(json.loads(found.read_text(), parse_constant=pytest.fail))
    assert row["prompts"] == 3
    # One answer says everything and the other nothing.
    expected = {"coverage_at_1": 0.5, "coverage_at_n": 1.0, "overton_index": 0.5}
    assert {name: row[name] for name in expected} == expected
    assert (row["stance_balance"], row["stance_balance_stderr"]) == (1.0, 0.0)
    [samples] = out.rglob(f"samples_{TASK}_*.jsonl")
    assert [json.loads(line)["doc"]["id"] for line in samples.read_text().splitlines()] == [
        doc["id"] for doc in docs
    ]

    # The folder just written is a reference run.
    again = warm.overton(
        "score", str(path), "--task", TASK, "--reference", str(out), "-o", str(out / "2"), *settings
    )
    assert again.returncode == 0, again.stderr
    [found] = (out / "2").rglob("results_*.json")
    row = row_of(json.loads(found.read_text(), parse_constant=pytest.fail))
    assert row["reference_coverage_at_n"] == 1.0
    assert row["reference_coverage_at_1"] == 0.5


def test_a_users_error_is_one_line_before_the_model_answers(harness: Harness, demo: Path) -> None:
    nowhere = metadata(reference_run="no/where")
    result = harness(*arguments(demo, limit=1), *nowhere, ok=False)
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: no/where: expected a responses file or a run's folder")
    assert "Traceback" not in result.stderr
    assert not list(harness.cache.rglob("*"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"matcher": "nli"}, "overton_coverage: expected an nli_model for the matcher nli"),
        (
            {"matcher": "guess"},
            f"overton_coverage: expected matcher {either([*MATCHERS])}, got 'guess'",
        ),
        ({"viewpoints": "no.jsonl"}, "no.jsonl: expected a readable JSON-lines file"),
        ({"threshold": "high"}, "overton_coverage: expected threshold to be a number, got 'high'"),
    ],
)
def test_what_a_user_gets_wrong_is_known_when_the_task_is_made(
    settings: dict[str, str], message: str
) -> None:
    cls, config = task_class(TASK)
    config["metadata"] = {**config["metadata"], **settings}
    with pytest.raises(OvertonError, match=re.escape(message)):
        cls(config=config)

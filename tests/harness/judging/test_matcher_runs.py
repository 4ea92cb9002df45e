"""Coverage by a judge's ratings, with the verdicts that are missing asked for afterwards."""

import json
import re
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.data import load_prompts
from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.harness.judging.run import dry_run, judge_run
from lm_eval_overton.harness.replay import score
from lm_eval_overton.judge.client import model as judge
from lm_eval_overton.matchers.gold import gold_responses
from lm_eval_overton.runs.responses import read_responses
from tests.judge_server import STATUS_OF, judging
from tests.released import MATCHED

pytestmark = pytest.mark.run

TASK = "overton_coverage"
QUESTIONS = load_prompts("contested").docs[:6]
STATUSES = ("parsed", "refused", "unreadable", "failed")


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


def responses(path, word):
    rows = [
        {"prompt": doc["prompt"], "responses": [f"{word} {i} to {doc['id']}." for i in range(2)]}
        for doc in QUESTIONS
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(tmp_path, spec, **metadata):
    """Score responses as a run with samples in `out`."""
    found = read_responses(responses(tmp_path / "own.jsonl", "Answer"))
    settings = {"n_samples": 2, "matcher": "judge", "judge": spec, **metadata}
    results = score(found, TASK, metadata=settings, output=tmp_path / "out", name="m")
    return told(results)


def told(results):
    """A task's row, and what its metadata says of the judge and as alarms."""
    row = {key.partition(",")[0]: value for key, value in results["results"][TASK].items()}
    entry = results["configs"][TASK]["metadata"]["overton"]
    return row, entry.get("judge"), entry["alarms"]


def counts(answers):
    """The statuses of the last answer to each distinct request."""
    last = {entry["key"]: STATUS_OF[entry["fate"]] for entry in answers}
    return {status: Counter(last.values())[status] for status in STATUSES}


@pytest.mark.parametrize("compared", [False, True])
def test_missing_matches_are_counted_told_and_completed(tmp_path, compared):
    reference = {"reference_run": str(responses(tmp_path / "reference.jsonl", "Other"))}
    metadata = reference if compared else {}
    with judging(tmp_path / "log", "--fates", "right,right,right,refusal,error,right") as server:
        spec = {**server.spec(), "judgements": []}
        row, judged, [alarm] = run(tmp_path, spec, **metadata)
        missing = counts(server.answers())
    # Per question two samples; compared, two of the reference and those of three other questions.
    total = len(QUESTIONS) * (2 + (2 + 3 * 2) * compared)
    assert judged["counts"] == {"viewpoints": missing}
    assert {status: row[f"viewpoints_{status}"] for status in STATUSES} == missing
    assert sum(missing.values()) == total
    # Each occurs, so that nothing is proven of none.
    assert min(missing["failed"], missing["refused"]) > 0
    assert alarm == (
        f"viewpoints: {total - missing['parsed']} of {total} verdicts are missing "
        f"(refused {missing['refused']}, unreadable 0, failed {missing['failed']}); the same "
        "command asks again for those that failed"
    )

    [plan] = dry_run(tmp_path / "out", None, {})
    kept = total - missing["failed"]
    sent = f"{missing['failed']} to send"
    assert plan.startswith(f"{TASK}: {total} requests, {kept} of them answered before, {sent}; ")

    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json*")}
    with judging(tmp_path / "log", port=server.port) as well:
        [results] = judge_run(tmp_path / "out", None, {})
        assert len(well.answers()) == missing["failed"]
    completed, judged, alarms = told(results)
    refused = {"parsed": total - missing["refused"], "refused": missing["refused"]}
    assert judged["counts"]["viewpoints"] == {"unreadable": 0, "failed": 0, **refused}
    assert len(alarms) == 1
    assert {*MATCHED, "coverage_ceiling"} <= completed.keys()
    assert ("missing_from_reference_chance" in completed) is compared
    assert completed["coverage_at_1"] != row["coverage_at_1"]
    assert {path: path.read_bytes() for path in before} == before
    # The comparison commands see the completed values.
    with_judge = load_run(tmp_path / "out").tasks[TASK]
    assert with_judge.judge.counts == judged["counts"]
    assert f"{completed['coverage_at_1']:.6f}" == f"{mean(with_judge.values['coverage_at_1']):.6f}"


def test_two_stages_ask_of_the_open_viewpoints_alone_and_are_completed(tmp_path, caplog):
    # Nothing is said for sure; a real answer holds what hybrid is unsure of.
    real = [own for own in gold_responses() if own.type == "short"][:6]
    rows = [{"prompt": own.prompt, "responses": ["Nothing.", own.response]} for own in real]
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with judging(tmp_path / "log", "--fates", "right,error") as server:
        spec = {**server.spec(), "judgements": []}
        settings = {"n_samples": 2, "matcher": "staged", "judge": spec}
        with caplog.at_level("INFO", "lm_eval.overton"):
            results = score(
                read_responses(path, TASK), TASK, metadata=settings, output=tmp_path / "out"
            )
        missing = counts(server.answers())
    row, judged, _ = told(results)
    asked = sum(missing.values())
    assert 0 < missing["failed"] < asked <= len(real)
    assert judged["counts"] == {"viewpoints": missing}
    [said] = [line for line in caplog.messages if line.startswith("staged: ")]
    assert said.endswith(f"{asked} responses, a request each")
    assert row["coverage_at_1_worst"] < row["coverage_at_1_best"]

    [plan] = dry_run(tmp_path / "out", None, {})
    assert plan.startswith(
        f"{TASK}: {asked} requests, {asked - missing['failed']} of them answered before, "
    )
    with judging(tmp_path / "log", port=server.port) as well:
        [results] = judge_run(tmp_path / "out", None, {})
        assert len(well.answers()) == missing["failed"]
    _, judged, alarms = told(results)
    assert judged["counts"]["viewpoints"]["parsed"] == asked
    assert not alarms


def mean(values):
    defined = [value for value in values if value == value]
    return sum(defined) / len(defined)


def test_the_command_that_a_run_names_completes_its_matches(tmp_path, caplog):
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    def evaluated(spec):
        metadata = {"n_samples": 2, "matcher": "judge", "judge": {**spec, "judgements": []}}
        folder = str(tasks_folder())
        manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata)
        return simple_evaluate("dummy", tasks=[TASK], task_manager=manager, limit=2)

    with judging(tmp_path / "log", "--fates", "error") as server:
        row, _, alarms = told(evaluated(server.spec()))
    assert row["coverage_at_1"] is None
    [folder] = re.findall(
        r"viewpoints: .* verdicts are missing .*; `overton judge (\S+)`", alarms[-1]
    )
    with judging(tmp_path / "log", port=server.port):
        [results] = judge_run(Path(folder), None, {})
    row, judged, _ = told(results)
    assert row["coverage_at_1_n"] == 2
    assert judged["counts"]["viewpoints"]["failed"] == 0


def test_a_cache_that_fails_costs_matches_alone(tmp_path, monkeypatch, caplog):
    def locked(*_):
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(judge.HarnessJudge, "ask", locked)
    with judging(tmp_path / "log") as server:
        row, judged, alarms = run(tmp_path, server.spec())
    assert row["coverage_at_1"] is None
    assert (row["coverage_at_1_worst"], row["coverage_at_1_best"]) == (0, 1)
    assert row["mean_words"] == 4
    assert row["viewpoints_failed"] == 12
    assert set(judged["counts"]) == {"stance", "viewpoints"}
    assert len(alarms) == 2
    assert "database is locked" in caplog.text


def test_another_matcher_or_another_judge_leaves_coverage_as_it_is(tmp_path, caplog):
    with judging(tmp_path / "log") as server:
        run(tmp_path, server.spec(), matcher="embedding")
        [results] = judge_run(tmp_path / "out", None, {"judge": server.spec()})
        assert not MATCHED & told(results)[0].keys()
        run(tmp_path, server.spec())
        for given in ({"judge": server.spec(model="another")}, {"matcher": "judge"}):
            [results] = judge_run(tmp_path / "out", None, given)
            assert not MATCHED & told(results)[0].keys()
            assert set(told(results)[1]["counts"]) == {"stance"}
        [results] = judge_run(tmp_path / "out", None, {"judge": server.spec(num_concurrent=2)})
        assert told(results)[0].keys() > MATCHED
    [line] = [line for line in caplog.messages if "own judge" in line]
    assert re.search(f"{TASK}: coverage stays what the run's own judge made it", line)

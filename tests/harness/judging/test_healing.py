"""What a judge failed to say is told, and asked again where the user's run is."""

import json
import re
import shlex

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.data import load_prompts
from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.harness.replay import score
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.settings import judge as judge_settings
from tests.judge.client.test_http import OneAnswer, reply

TASK = "overton_coverage"
RIGHT = reply('{"reason": "r", "stance": "no"}')
NONSENSE = reply("I would say that it says no.")
DOWN = (500, "down")
QUESTIONS = [doc for doc in load_prompts("contested").docs if doc["kind"] == "yes_no"][:2]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789abcdef")
    return tmp_path / "cache"


@pytest.fixture
def responses(tmp_path):
    path = tmp_path / "responses.jsonl"
    rows = [{"prompt": doc["prompt"], "responses": ["Yes.", "No."]} for doc in QUESTIONS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def judge(server):
    return {**server.spec(max_retries=1), "judgements": ["stance"]}


def scored(responses, out, server):
    """Score responses as `overton score -o` does, and return the results' folder."""
    score(read_responses(responses), TASK, output=out, metadata={"judge": judge(server)})
    return out


def stances(place):
    return load_run(place).tasks[TASK].judge.counts["stance"]


def test_unreadable_replies_are_no_success_and_are_asked_again_on_demand(
    responses, tmp_path, capsys
):
    with OneAnswer(NONSENSE) as server:
        out = scored(responses, tmp_path / "out", server)
        assert len(server.bodies) == 4
        assert main(["judge", str(out)]) == 2
        # Their replies are kept.
        assert len(server.bodies) == 4
        error = capsys.readouterr().err.splitlines()[-1]
        assert error.startswith(f"error: {TASK}: expected verdicts, got none (4 unreadable); ")
        assert error.endswith("--retry-unreadable")
        server.answers = [RIGHT]
        assert main(["judge", str(out), "--retry-unreadable"]) == 0
        assert len(server.bodies) == 8
        assert stances(out) == {"parsed": 4, "refused": 0, "unreadable": 0, "failed": 0}
        # There is nothing left to heal.
        assert main(["judge", str(out), "--retry-unreadable"]) == 0
        assert len(server.bodies) == 8


def test_some_verdicts_are_a_success_and_say_which_command_mends_the_others(
    responses, tmp_path, caplog
):
    with OneAnswer(RIGHT, NONSENSE, RIGHT) as server:
        out = scored(responses, tmp_path / "out", server)
        assert main(["judge", str(out)]) == 0
    assert "Judge: 1 of 4 replies on stance cannot be read, such as" in caplog.text
    assert "`overton judge RUN --retry-unreadable` asks again" in caplog.text


def test_a_cache_that_cannot_be_opened_costs_no_verdict(responses, cache, caplog):
    cache.mkdir()
    (cache / "judge.sqlite").write_text("not a database, but long enough to be read as one")
    with OneAnswer(RIGHT) as server:
        found = read_responses(responses)
        row = score(found, TASK, metadata={"judge": judge(server)})["results"][TASK]
    assert next(n for key, n in row.items() if key.startswith("stance_parsed,")) == 4
    assert caplog.text.count("replies are not kept from here on") == 1


def test_an_address_that_only_the_run_names_gets_nothing_unasked(
    responses, tmp_path, capsys, monkeypatch
):
    with OneAnswer(DOWN, RIGHT) as server:
        out = scored(responses, tmp_path / "out", server)
        asked = len(server.bodies)
        monkeypatch.setattr(judge_settings, "_is_loopback", lambda address: False)
        assert main(["judge", str(out)]) == 2
        error = capsys.readouterr().err.splitlines()[-1]
        assert "expected --judge or --yes before the responses, and your key, go to" in error
        assert f"it would send them to http://127.0.0.1:{server.server.server_port}/" in error
        assert len(server.bodies) == asked
        assert main(["judge", str(out), "--dry-run"]) == 0
        assert len(server.bodies) == asked
        assert main(["judge", str(out), "--judge", json.dumps(judge(server))]) == 0
        assert stances(out)["parsed"] == 4
        assert main(["judge", str(out), "--yes"]) == 0


def evaluated(out, server):
    """Run the harness on its dummy model as `lm_eval -o` does."""
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    metadata = {"n_samples": 2, "judge": judge(server)}
    manager = TaskManager(
        include_path=str(tasks_folder()), include_defaults=False, metadata=metadata
    )
    tracker = EvaluationTracker(output_path=str(out))
    results = simple_evaluate(
        "dummy", tasks=[TASK], task_manager=manager, limit=2, evaluation_tracker=tracker
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)


@pytest.mark.run
@pytest.mark.parametrize("name", ["my out", "out/results.json"])
def test_the_command_that_a_run_names_completes_the_run_that_the_user_has(tmp_path, caplog, name):
    out = tmp_path / name
    with OneAnswer(DOWN) as server:
        evaluated(out, server)
        place = out.parent if out.suffix else out
        assert stances(place)["parsed"] == 0
        [command] = re.findall(
            r"stance: .* verdicts are missing .*`(overton judge .*)` asks", caplog.text
        )
        server.answers = [RIGHT]
        assert main(shlex.split(command)[1:]) == 0
    # The comparison commands see the verdicts.
    assert stances(place)["failed"] == 0
    assert stances(place)["parsed"] > 0

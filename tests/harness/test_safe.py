"""Places that take no files, and disks that become full: said, before the model is asked where
that can be known, and never at the cost of what was paid for."""

import json
import logging

import pytest
from lm_eval.loggers import EvaluationTracker

from lm_eval_overton.cli import main
from lm_eval_overton.harness import replay
from lm_eval_overton.harness.icl import hints
from lm_eval_overton.runs import folder as runs
from tests.full_disk import full_disk
from tests.harness.test_preflight import Small, evaluate, part, task

# Root may write wherever rights alone forbid it, so that these are places of another kind.
NOWHERE = {
    "below a file": "{}/file/below",
    "a file": "{}/file",
    "of the system": "/proc/overton",
    "a device": "/dev/null/x",
    "too long": "{}/" + "long" * 80,
    "a link to itself": "{}/loop",
    "a link to a file": "{}/link",
}
ROOM = 70_000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(runs.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "cache"


@pytest.fixture(params=NOWHERE)
def nowhere(request, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    yield NOWHERE[request.param].format(tmp_path)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.fixture
def responses(tmp_path):
    path = tmp_path / "responses.jsonl"
    path.write_text('{"id": "p", "prompt": "Why?", "responses": ["So it is.", "Not so."]}\n')
    return path


def error_of(capsys, *command) -> str:
    capsys.readouterr()
    assert main([str(word) for word in command]) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    # Scoring draws its progress beside it.
    return said.splitlines()[-1]


# ------------------------------------------------------------------------------------- the cache


def test_generations_go_elsewhere_and_it_is_said_before_the_model_is_asked(
    tmp_path, monkeypatch, caplog, capsys, nowhere
):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("OVERTON_CACHE_DIR", nowhere)
    model, said = Small(), []
    generate = model.generate_until

    def asked(*given, **options):
        said.extend(caplog.messages)
        return generate(*given, **options)

    model.generate_until = asked
    results = evaluate(model, task(tmp_path))
    [line] = [line for line in said if line.startswith("what is paid for cannot be kept in ")]
    [path] = (tmp_path / "tmp").rglob("generations.jsonl")
    assert f"generations go to {path.parent.parent}; choose a folder with OVERTON_CACHE" in line
    assert part(results)["generations"] == str(path)
    assert len(list(path.parent.iterdir())) == 2
    # The commands that look before a run say the same.
    for command in (["check", "--tasks", "overton_diversity"], ["doctor"]):
        assert main(command) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert last.removeprefix("but: ") == line


def test_the_output_is_taken_before_the_folder_of_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", "/proc/overton")
    tracker = EvaluationTracker(output_path=str(tmp_path / "out" / "res.json"))
    results = evaluate(Small(), task(tmp_path), evaluation_tracker=tracker)
    [path] = (tmp_path / "out").rglob("generations.jsonl")
    assert part(results)["generations"] == str(path)


def test_a_run_that_can_be_kept_nowhere_ends_with_its_results(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("OVERTON_CACHE_DIR", "/proc/overton")
    monkeypatch.setattr(runs.tempfile, "gettempdir", lambda: "/proc")
    results = evaluate(Small(), task(tmp_path))
    assert results["results"]["overton_diversity"]["mean_words,none"] == 3
    assert part(results)["generations"] is None
    assert any("nor generations anywhere else; only" in line for line in caplog.messages)

    def none():
        raise FileNotFoundError

    monkeypatch.setattr(runs.tempfile, "gettempdir", none)
    assert evaluate(Small(), task(tmp_path), predict_only=True)
    assert "score what the log names" in caplog.text


@pytest.mark.parametrize("after", [0, 100, 600, 1000])
def test_a_disk_that_is_full_costs_no_result(tmp_path, caplog, capsys, cache, after):
    own = task(tmp_path)
    whole = evaluate(Small(), task(tmp_path))
    written = {path.parent for path in cache.rglob("*.jsonl")}
    with full_disk(after):
        results = evaluate(Small(), own)
    assert results["results"] == whole["results"]
    # What is there is there as a whole.
    for folder in (tmp_path / "cache" / "runs").iterdir():
        for path in folder.iterdir():
            assert [json.loads(line) for line in path.read_text().splitlines()]
    assert written <= set((cache / "runs").iterdir())
    assert not list(tmp_path.rglob("*.partial"))
    assert "cannot be kept in" in caplog.text


# ------------------------------------------------------------------------------------ the output


def test_score_says_before_it_scores_that_it_cannot_save(monkeypatch, capsys, nowhere, responses):
    monkeypatch.setattr(replay, "build", pytest.fail)
    line = error_of(capsys, "score", responses, "-o", nowhere)
    assert line.startswith(f"error: {nowhere}/responses: expected a folder that can be written to")


@pytest.mark.parametrize("after", [0, 1000, ROOM])
def test_a_disk_that_becomes_full_leaves_nothing_by_half(
    tmp_path, monkeypatch, capsys, responses, after
):
    # What was scored before stays.
    assert main(["score", str(responses), "-o", str(tmp_path / "out")]) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json*")}
    rows = [{"id": f"p{i}", "prompt": f"{i}?", "responses": ["So it is. " * 99] * 2}
            for i in range(20)]  # fmt: skip
    responses.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with full_disk(after):
        line = error_of(capsys, "score", responses, "-o", tmp_path / "out")
    assert line.startswith(f"error: {tmp_path / 'out'}")
    after = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert after == before
    assert not list(tmp_path.rglob("*.partial"))


def test_no_name_leads_out_of_the_output(tmp_path, responses):
    for i, name in enumerate(("..", ".", "../x", "/etc/x", "a/b", "..\\x", "a\nb", "...", "m")):
        out = tmp_path / "deep" / f"out{i}"
        assert main(["score", str(responses), "-o", str(out), "--name", name]) == 0
        [results] = (tmp_path / "deep").glob("**/results_*.json")
        assert results.parent.parent == out
        assert json.loads(results.read_text())["model_name"] == name
        results.unlink()


def test_reports_and_figures_say_first_that_they_cannot_be_written(
    tmp_path, capsys, nowhere, responses
):
    assert main(["score", str(responses), "-o", str(tmp_path / "out")]) == 0
    for option in ("-o", "--plots"):
        place = f"{nowhere}/report.html" if option == "-o" else nowhere
        line = error_of(capsys, "report", tmp_path / "out", option, place)
        assert line.startswith(f"error: {place}: expected a ")
        assert line.endswith("; name another")


def test_hints_say_before_a_model_is_loaded_that_they_cannot_be_written(
    monkeypatch, capsys, nowhere, responses
):
    monkeypatch.setattr(hints, "_model", pytest.fail)
    line = error_of(
        capsys, "hints", "--responses", responses, "--model", "hf", "-o", f"{nowhere}/h"
    )
    assert line.startswith(f"error: {nowhere}/h: expected a file that can be written, got ")


def test_a_judge_is_not_asked_for_what_cannot_be_written(tmp_path, capsys, responses):
    assert main(["score", str(responses), "-o", str(tmp_path / "out")]) == 0
    labels = tmp_path / "labels.jsonl"
    labels.write_text('{"id": "p", "sample": 0, "label": 3}\n')
    judge = json.dumps({"labels": {"quality": str(labels)}})
    with full_disk(1000):
        line = error_of(capsys, "judge", tmp_path / "out", "--judge", judge)
    assert ": expected a file that can be written, got File too large; name another" in line
    assert not list(tmp_path.rglob("judged_*"))

"""What users hand on says nothing of where files lie on their machine."""

import json
import re

import pytest

from lm_eval_overton.cli import main

CHECKPOINT = "/scratch/mallory/ckpts/{}/step-100"


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """The folder of two runs of checkpoints, far from where the commands run."""
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    top = tmp_path / "mallory" / "deep" / "runs"
    for model in "ab":
        rows = [{"id": f"p{i}", "prompt": f"Why{i}?", "responses": ["So it is.", f"Not {model}."]}
                for i in range(3)]  # fmt: skip
        path = tmp_path / f"{model}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        name = CHECKPOINT.format(model)
        assert main(["score", str(path), "-o", str(top / model), "--name", name]) == 0
        [results] = (top / model).rglob("results_*.json")
        whole = json.loads(results.read_text())
        own = whole["configs"]["overton_diversity"]["metadata"]["overton"]
        own["alarms"] = [f"verdicts are missing; run `overton judge {top}/x/y`"]
        own["generations"] = "/home/mallory/.cache/lm_eval_overton/runs/1/generations.jsonl"
        results.write_text(json.dumps(whole))
        if model == "b":
            # The samples are gone: the report says which file it looked for.
            next((top / model).rglob("samples_*.jsonl")).unlink()
    return top


def test_no_absolute_path_is_in_what_is_handed_on(runs, tmp_path, capsys):
    a, b = str(runs / "a"), str(runs / "b")
    capsys.readouterr()
    outputs = {}
    for form in ("--json", "--csv", "--markdown"):
        assert main(["compare", a, b, form]) == 0
        outputs[f"compare {form}"] = capsys.readouterr().out
        assert main(["leaderboard", str(runs), "--metric", "mean_words", form]) == 0
        outputs[f"leaderboard {form}"] = capsys.readouterr().out
    assert main(["report", a, b, "-o", "report.html"]) == 0
    outputs["report"] = (tmp_path / "work" / "report.html").read_text()
    for name, text in outputs.items():
        assert "mallory" not in text, name
        assert str(tmp_path) not in text, name
    assert json.loads(outputs["compare --json"])["runs"][0]["place"] == ".../runs/a"
    # The two are told apart by what their checkpoints are called.
    rows = json.loads(outputs["leaderboard --json"])["rows"]
    assert {row["run"] for row in rows} == {"step-100 (a/step-100)", "step-100 (b/step-100)"}


def test_paths_below_the_working_folder_can_be_typed_again(runs, monkeypatch, capsys):
    monkeypatch.chdir(runs)
    assert main(["compare", str(runs / "a"), str(runs / "b")]) == 0
    assert re.search(r"`overton judge a --judge \.\.\.`", capsys.readouterr().out)

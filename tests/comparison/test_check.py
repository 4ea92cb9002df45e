"""Whether a file can join a leaderboard: as it was written it can, changed by hand it cannot."""

import json
import re
import shutil
from pathlib import Path

import pytest

from lm_eval_overton.cli import main
from lm_eval_overton.comparison.leaderboard import check, find_runs
from lm_eval_overton.harness.replay import score
from lm_eval_overton.runs.responses import read_responses

TASK = "overton_diversity"
PROMPTS = 7


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """A folder with the results and the samples of a small run."""
    place = tmp_path_factory.mktemp("check")
    lines = [
        {
            "prompt": f"Question {i}?",
            "responses": [f"Answer {j} to {'many of' * (j % 2)} {i}." for j in range(3)],
        }
        for i in range(PROMPTS)
    ]
    path = place / "responses.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    chosen = ["lexical_diversity", "mean_words", "refusal_share"]
    found = read_responses(path, TASK)
    score(found, TASK, output=place / "out", name="model", chosen=chosen)
    [results] = (place / "out").rglob("results_*.json")
    return results.parent


@pytest.fixture
def file(written, tmp_path) -> Path:
    shutil.copytree(written, tmp_path / "run")
    [path] = (tmp_path / "run").glob("results_*.json")
    return path


def change(path: Path, edit) -> None:
    whole = json.loads(path.read_text(encoding="utf-8"))
    edit(whole, whole["configs"][TASK]["metadata"])
    path.write_text(json.dumps(whole), encoding="utf-8")


def with_value(part, metric: str, value: float) -> None:
    """Change the first value of a metric."""
    values = json.loads(part["values"][metric])
    part["values"][metric] = json.dumps([value, *values[1:]])


def test_a_file_as_it_was_written_can_join(file, capsys):
    assert main(["leaderboard", "--check", str(file)]) == 0
    said = capsys.readouterr().out
    assert f": can join: model, {TASK} (7 prompts, 3 metrics; with its samples)" in said
    assert said.count("\n") == 1


def test_without_its_samples_it_can_join_too(file):
    next(file.parent.glob("samples_*")).unlink()
    found = check(file)
    assert not found.faults
    assert "without its samples" in str(found)


def signed(old, new):
    def edit(_, metadata):
        part = metadata["overton"]
        assert old in part["signature"]
        part["signature"] = part["signature"].replace(old, new)

    return edit


def stated(key, value):
    return lambda whole, _: whole["results"][TASK].update({f"{key},none": value})


def unknown(_, metadata):
    metadata["overton"]["values"]["charm"] = json.dumps([1.0] * PROMPTS)


def one_less(_, metadata):
    part = metadata["overton"]
    part["values"] = {k: json.dumps(json.loads(v)[1:]) for k, v in part["values"].items()}
    part["details"] = json.dumps(json.loads(part["details"])[1:])


def packaged(_, metadata):
    from lm_eval_overton.data import load_prompts

    name = load_prompts("open_ended").signature
    metadata["overton"]["signature"] = f"{TASK}@1|data:{name}|n:3|v:0.1.0"


CHANGES = {
    "a value that no such metric has": (
        lambda _, m: with_value(m["overton"], "lexical_diversity", 1.5),
        "lexical_diversity from 0 to 1, got 1.5",
    ),
    "a value": (
        lambda _, m: with_value(m["overton"], "mean_words", 900.0),
        r"what the results say is not what their values give: mean_words is .*holds other values "
        "of mean_words",
    ),
    "a mean": (stated("mean_words", 900.0), "mean_words is 900, of its values"),
    "an error": (
        stated("mean_words_stderr", 1e-4),
        "mean_words_stderr is 0.0001, of its values",
    ),
    "a count": (stated("mean_words_n", 9), "mean_words_n is 9, of its values 7"),
    "no mean": (
        lambda whole, _: whole["results"][TASK].pop("mean_words,none"),
        "mean_words is missing",
    ),
    "prompts left out": (one_less, "n-samples says 7 prompts, there are values of 6"),
    "a limit": (
        lambda whole, _: whole["n-samples"][TASK].update(original=50),
        "expected all 50 prompts, got 7; run it without --limit",
    ),
    "another version of the task": (
        lambda _, m: m.update(version=7),
        "the signature's task is overton_diversity@1, the settings say overton_diversity@7",
    ),
    "another number of samples": (
        lambda _, m: m.update(n_samples=9),
        "the signature's n is 3, the settings say 9",
    ),
    "a newer release": (
        signed("v:0.", "v:9."),
        "expected version .* or older, got 9.*; update lm-eval-overton",
    ),
    "another definition": (
        signed("refusal_share-2", "refusal_share-1"),
        "metrics of other versions: refusal_share is of version 1, here 2; score it anew",
    ),
    "a metric of a newer definition": (
        signed("metrics:", "metrics:mean_words-5+"),
        "mean_words is of version 5, here 1",
    ),
    "a metric that nobody knows": (unknown, "metrics that version .* does not know: charm"),
    "prompts that are not those it names": (
        packaged,
        "expected prompts of open_ended, got others: line-0001, line-0002, line-0003 and 4 more",
    ),
    "no name": (lambda whole, _: whole.update(model_name=""), "expected the model's name"),
    "no values": (lambda _, m: m.pop("overton"), "the values of every prompt"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_file_that_was_changed_cannot_join_and_says_why(file, name):
    edit, why = CHANGES[name]
    change(file, edit)
    found = check(file)
    assert found.faults
    assert str(found).startswith(f"{file}: cannot join: ")
    assert re.search(why, str(found))


def rewritten(file: Path, edit) -> None:
    [samples] = file.parent.glob("samples_*")
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    edit(rows)
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def response(rows):
    rows[2]["resps"][0][0] = "What nobody said."


SAMPLES = {
    "a response": (response, "holds other responses to line-0003"),
    "a value": (lambda rows: rows[1].update(mean_words=2.0), "holds other values of mean_words"),
    "a line": (
        lambda rows: rows.pop(),
        "6 prompts in .*, 7 in the results; only one has line-0007",
    ),
    "rows of something else": (
        lambda rows: [row.pop("prompts") for row in rows],
        ":1: expected a sample of an overton task, got another",
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_that_are_not_those_of_the_results_show_it(file, name):
    edit, why = SAMPLES[name]
    rewritten(file, edit)
    assert re.search(why, str(check(file)))


def test_other_settings_than_the_leaderboard_s_have_no_place(written, file, capsys):
    runs = find_runs(written)
    assert not check(file, runs).faults
    change(file, signed("reasoning:strip", "reasoning:keep"))
    assert check(file, runs).faults == (
        f"{TASK}: other settings than the leaderboard's: reasoning keep, not strip",
    )
    assert main(["leaderboard", str(written), "--check", str(file)]) == 1
    assert "reasoning keep, not strip" in capsys.readouterr().out


def test_prompts_of_the_leaderboard_that_are_lacking_are_counted(written, file):
    def honest(whole, metadata):
        one_less(whole, metadata)
        whole["n-samples"][TASK] = {"original": 6, "effective": 6}

    change(file, honest)
    faults = check(file, find_runs(written)).faults
    assert f"{TASK}: expected the leaderboard's 7 prompts, 1 are lacking" in faults


def test_what_is_no_results_file_cannot_join(tmp_path, capsys):
    other = tmp_path / "results_x.json"
    for text in ("[]", "{", '{"configs": {"mmlu": {}}}'):
        other.write_text(text, encoding="utf-8")
        assert main(["leaderboard", "--check", str(other)]) == 1
    assert main(["leaderboard", "--check", str(tmp_path / "nowhere.json")]) == 1
    assert capsys.readouterr().out.count("cannot join: ") == 4


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "expected RUNS_DIR"),
        (["runs"], "expected --metric"),
        (["runs", "--html", "site", "--csv"], "--html: expected no --csv"),
        (["--check", "f", "--html", "site"], "--check: expected no other option"),
    ],
)
def test_arguments_that_say_too_little_or_too_much_are_one_line(
    arguments, why, capsys, monkeypatch
):
    monkeypatch.setattr("lm_eval_overton.comparison.leaderboard.find_runs", lambda _: [])
    assert main(["leaderboard", *arguments]) == 2
    assert why in capsys.readouterr().err

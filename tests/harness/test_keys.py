"""No key that a user gave, in whatever place, stands in what our code writes or prints."""

import logging

import pytest
from lm_eval.loggers import EvaluationTracker

from lm_eval_overton.cli import main
from lm_eval_overton.errors import SettingsError
from tests.harness.test_preflight import Small, evaluate, task

MARK = "s3cr3t"
ADDRESS = (
    f"https://me:{MARK}1@h/v1/x?code={MARK}2&subscription={MARK}3&key={MARK}4&sig={MARK}5"
    f"&api-version=2024"
)
ARGUMENTS = {
    "base_url": ADDRESS,
    "model": "m",
    "api_key": f"{MARK}6",
    "header": {"X-Own": f"{MARK}7"},
    "extra": f"Authorization: Bearer {MARK}89012",
    "more": ["x", {"hf_token": f"{MARK}A"}],
    "plain": f"sk-proj-{MARK}B0123456789012345",
}


@pytest.fixture
def run(tmp_path, monkeypatch, caplog):
    """A finished run's output folder."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", f"{MARK}C0123")
    tracker = EvaluationTracker(output_path=str(tmp_path / "out"))
    results = evaluate(
        Small(),
        task(tmp_path, **ARGUMENTS),
        evaluation_tracker=tracker,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for name, rows in samples.items():
        tracker.save_results_samples(task_name=name, samples=rows)
    return tmp_path / "out"


def test_no_key_is_written_or_printed(run, tmp_path, caplog, capsys):
    place = str(run)
    assert main(["compare", f"A={place}", f"B={place}", "--json"]) == 0
    assert main(["report", place, "-o", str(tmp_path / "report.html")]) == 0
    assert main(["leaderboard", place, "--metric", "mean_words", "--csv"]) == 0
    [generations] = (tmp_path / "cache").rglob("generations.jsonl")
    assert main(["score", str(generations), "-o", str(tmp_path / "scored")]) == 0
    shown = capsys.readouterr()
    said = [
        record.getMessage() for when in ("setup", "call") for record in caplog.get_records(when)
    ]
    assert len(said) > 6
    assert MARK not in f"{said} {shown.out} {shown.err}"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 6
    assert [path for path in files if MARK.encode() in path.read_bytes()] == []
    # What is no key is still there.
    heading = generations.read_text().partition("\n")[0]
    assert "https://h/v1/x?code=<redacted>" in heading
    assert "api-version=2024" in heading


def test_keys_in_model_args_are_told_by_their_names(run, caplog):
    said = [record.getMessage() for record in caplog.get_records("setup")]
    [line] = [line for line in said if "expected no credentials" in line]
    assert "got some in base_url, api_key, header, extra, more, plain; " in line


def test_a_key_among_the_generation_settings_is_not_signed(tmp_path):
    own = task(tmp_path)
    own.set_config("generation_kwargs", {"extra_headers": {"Api-Key": MARK}}, update=True)
    assert "|extra_headers:<redacted>|" in own.signature
    assert MARK not in str((own.heading(), own.dump_config()["generation_kwargs"]))


@pytest.mark.parametrize("name", sorted(ARGUMENTS.keys() - {"model"}))
def test_a_judge_with_a_key_in_its_arguments_is_refused_in_one_line(tmp_path, name):
    judge = {"model": "local-chat-completions", "model_args": {name: ARGUMENTS[name]}}
    with pytest.raises(SettingsError, match="without credentials, got") as raised:
        task(tmp_path, judge=judge)
    assert MARK not in str(raised.value)
    assert "\n" not in str(raised.value)

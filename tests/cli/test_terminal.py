"""Names and texts of other people's files move no terminal, whatever command shows them."""

import json
import logging
import re

import pytest

from lm_eval_overton.cli import main

ESC = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202eok"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def place(tmp_path):
    """A run in which everything that a file may name is named so."""
    rows = [{"id": f"p{i}{ESC}", "prompt": f"Why{i}? {ESC}", "responses": [ESC, f"{ESC} b", "c"]}
            for i in range(6)]  # fmt: skip
    path = tmp_path / f"responses{ESC}.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / f"out{ESC}"
    assert main(["score", str(path), "-o", str(out), "--name", f"model{ESC}"]) == 0
    [results] = out.rglob("results_*.json")
    whole = json.loads(results.read_text())
    own = whole["configs"]["overton_diversity"]["metadata"]["overton"]
    own["values"][f"metric{ESC}"] = "[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]"
    own["alarms"] = [f"alarm{ESC}"]
    results.write_text(json.dumps(whole))
    return out


def test_no_command_passes_control_characters_on(tmp_path, place, capsys, caplog):
    base, run = f"a{ESC}={place}", f"b{ESC}={place}"
    commands = [
        *(["compare", base, run, *form] for form in ([], ["--json"], ["--csv"], ["--markdown"])),
        ["compare", base, run, "--homogeneity", "--fail-on", "mean_words>-1"],
        *(["leaderboard", str(place), "--metric", "mean_words", *form] for form in ([], ["--csv"])),
        ["report", base, run, "-o", str(tmp_path / f"r{ESC}.html")],
        ["judge", str(place), "--judge", '{"model": "dummy"}', "--dry-run"],
    ]
    for command in commands:
        assert main(command) in (0, 1), command
        shown = capsys.readouterr()
        # Progress of a judge, and that alone, is drawn by moving the cursor.
        assert not CONTROL.search(shown.out), command
        assert "\x1b" not in shown.err, command
    assert "\\u001b" in shown.out or "owned" not in shown.out
    assert not CONTROL.search(caplog.text.replace("\x1b[0m", ""))


@pytest.mark.parametrize(
    "command",
    [
        ["compare", "{}", "{}"],
        ["score", "{}"],
        ["leaderboard", "{}", "--metric", "{}"],
        ["judge", "{}", "--judge", "{}"],
        ["check", "--tasks", "{}"],
        ["report", "{}", "-o", "{}"],
    ],
)
def test_errors_are_one_line_whatever_they_repeat(tmp_path, capsys, command):
    odd = str(tmp_path / f"x{ESC}\ny")
    assert main([odd if word == "{}" else word for word in command]) == 2
    shown = capsys.readouterr()
    [line] = shown.err.splitlines()
    assert line.startswith("error: ")
    assert not CONTROL.search(shown.out + line)


def test_a_file_that_is_passed_over_is_told_without_them(tmp_path, place, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / f"out{ESC}" / "results_2030.json").write_text(f'{{"configs": {{"{ESC}": }}')
    assert main(["compare", str(place), f"b={place}"]) == 0
    [line] = {line for line in caplog.messages if line.startswith("passed over: ")}
    assert "\\u001b" in line
    assert not CONTROL.search(line)

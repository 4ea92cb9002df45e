"""The `overton` command, called in this process."""

import importlib.metadata
import importlib.util
import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from lm_eval_overton import __version__
from lm_eval_overton.cli import main
from lm_eval_overton.cli.linking import MARKER
from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.harness.replay import group_names, task_names
from lm_eval_overton.runs.folder import write_generations
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, OFFLINE_PACKAGE
from tests.conftest import ROOT, run

# The second prompt: one of six pairs is alike in all words, the others in none, so 1 - 1/6.
ROWS = [
    {"prompt": "How do I rest?", "responses": ["Sleep early tonight.", "Walk in woods.", None]},
    {"prompt": "Why paint?", "responses": ["Colours calm.", "Colours calm.", "Seeing.", "Fun."]},
    {"prompt": "What now?", "responses": [None, None, None]},
    {"prompt": "Who?", "responses": ["Me."]},
]
LEXICAL = [1.0, 1 - 1 / 6, None, None]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("OVERTON_CACHE_DIR", str(tmp_path / "cache"))


def jsonl(path: Path, rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def strict_json(text: str):
    """Parse JSON; a bare NaN, which Python would accept, fails the test."""
    return json.loads(text, parse_constant=pytest.fail)


class Scored:
    """What one call of `overton score` wrote."""

    def __init__(self, folder: Path, task: str = "overton_diversity") -> None:
        [results] = folder.rglob("results_*.json")
        [self.samples_file] = folder.rglob(f"samples_{task}_*.jsonl")
        self.name = results.parent.name
        everything = strict_json(results.read_text())
        self.results = everything["results"][task]
        self.report = everything["configs"][task]["metadata"]["overton"]
        self.samples = [strict_json(line) for line in self.samples_file.read_text().splitlines()]

    def value(self, metric: str):
        return self.results[f"{metric},none"]

    def values(self, metric: str) -> list:
        return [sample[metric] for sample in self.samples]


def score(responses: Path, out: Path, *options: str) -> Scored:
    assert main(["score", str(responses), "-o", str(out), *options]) == 0
    return Scored(out)


def error_of(capsys, *arguments: str) -> str:
    """The one line that a command which fails leaves on stderr."""
    assert main([*arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line.removeprefix("error: ")


def usage_error_of(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main([*arguments])
    assert caught.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


# ------------------------------------------------------------------------------ small commands


def test_the_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"{__version__}\n"


def test_a_command_is_required(capsys):
    assert usage_error_of(capsys).endswith("the following arguments are required: COMMAND")


def test_tasks_path_prints_one_line(capsys):
    assert main(["tasks-path"]) == 0
    assert capsys.readouterr().out == f"{tasks_folder()}\n"


def test_demo_refuses_a_file(tmp_path, capsys):
    path = tmp_path / "file"
    path.touch()
    message = f"demo: expected a folder, got the file {path}"
    assert error_of(capsys, "demo", str(path)) == message


# -------------------------------------------------------------------------------------- doctor


def doctor(capsys) -> dict[str, str]:
    assert main(["doctor"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith(f"lm-eval-overton {__version__}, Python 3.")
    return dict(line.split(": ", 1) for line in lines)


def test_doctor_names_versions_places_and_the_encoder(tmp_path, capsys):
    said = doctor(capsys)
    assert said["lm-eval"] == importlib.metadata.version("lm-eval")
    assert said["tasks"] == str(tasks_folder())
    assert said["runs are kept in"] == str(tmp_path / "cache")
    assert said["device"].split()[0] in ("cpu", "mps", "cuda")
    if importlib.util.find_spec(OFFLINE_PACKAGE):
        assert said["encoder"] == f"{DEFAULT_ENCODER} from the offline package"


def test_doctor_says_what_is_linked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lm_eval_overton.cli.linking.harness_folder", lambda: tmp_path)
    assert doctor(capsys)["linked"].startswith("no; run `overton link`, or pass --include_path")
    main(["link"])
    names = ", ".join(sorted(["overton", *task_names()]))
    assert capsys.readouterr().out == f"linked {names} into {tmp_path / 'overton'}\n"
    assert doctor(capsys)["linked"] == names


def test_doctor_says_which_links_lead_elsewhere(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lm_eval_overton.cli.linking.harness_folder", lambda: tmp_path)
    main(["link"])
    capsys.readouterr()
    # Another checkout has linked its tasks since, and two of a checkout before are left over.
    other = tmp_path / "other" / "tasks" / "overton"
    other.mkdir(parents=True)
    for stub in (tmp_path / "overton").rglob("*.yaml"):
        (other / stub.name).touch()
        stub.write_text(f'{MARKER}\ninclude: "{other / stub.name}"\n')
    for name in ("overton_a", "overton_b"):
        (tmp_path / "overton" / f"{name}.yaml").write_text(f"{MARKER}\ninclude: /old/{name}.yaml\n")
    said = doctor(capsys)
    names = ", ".join(sorted(["overton", *task_names()]))
    assert said["linked"].startswith("no; run `overton link`")
    assert said["linked elsewhere"] == f"{names} in {other}; run `overton link`"
    gone = "linked to files that are gone"
    assert said[gone] == "overton_a, overton_b in /old; run `overton link`"
    # The remedy is one.
    main(["link"])
    capsys.readouterr()
    said = doctor(capsys)
    assert said["linked"] == names
    assert not {"linked elsewhere", gone} & set(said)


def test_doctor_survives_a_missing_encoder(capsys, monkeypatch):
    from lm_eval_overton.errors import EncoderError

    def missing():
        raise EncoderError("no weights")

    monkeypatch.setattr("lm_eval_overton.cli.doctor.find_encoder", missing)
    assert doctor(capsys)["encoder"] == "none (no weights)"


# --------------------------------------------------------------------------------------- check


@pytest.mark.parametrize(
    "patterns", [[], ["--tasks", "overton"], ["--tasks", "overton_[cdei][oicn]*"]]
)
def test_check_prints_a_signature_per_task(capsys, patterns):
    assert main(["check", *patterns]) == 0
    *lines, reasoning = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("task  "))
    lines, table = lines[:start], lines[start:]
    page = (ROOT / "tasks" / "overton" / "README.md").read_text(encoding="utf-8")
    assert "\n".join(table) in page
    assert table[1].split() == ["overton_coverage", "120", "600", "420,000", "-"]
    # 100 + 120 + 60 * 8 prompts of 5 samples of 700 tokens, and 64 of 20 of 32.
    assert table[-1].split()[2:] == ["764", "4,780", "2,490,960", "-"]
    [offline] = [line for line in lines if not line.startswith("ok ")]
    assert offline.startswith("   viewpoints are matched by hybrid, without a judge")
    # 5 samples of each of 120 questions.
    assert offline.endswith("600 requests")
    lines.remove(offline)
    assert [line.split("@")[0] for line in lines] == [f"ok {name}" for name in group_names()]
    assert all(line.endswith(" prompts)") for line in lines)
    assert "are cut off before answers are scored" in reasoning
    assert "enable_thinking" in reasoning
    assert "think_end_token" in reasoning


def test_check_says_how_many_requests_two_stages_take_at_most(capsys, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    spec = {"model": "openai-chat-completions", "model_args": {"model": "m"}, "judgements": []}
    given = {"matcher": "staged", "judge": spec, "n_samples": 3}
    assert main(["check", "--tasks", "overton_coverage", "--metadata", json.dumps(given)]) == 0
    signed, line, *_ = capsys.readouterr().out.splitlines()
    assert "|match:staged:" in signed
    assert signed.partition("; ")[2].startswith("viewpoints by ")
    assert line.startswith("   viewpoints are matched by staged: at most 360 requests, ")


def test_check_goes_on_after_a_task_that_cannot_be_run(capsys):
    given = json.dumps({"prompts": "no/where.jsonl"})
    assert main(["check", "--tasks", "overton_diversity,overton_survey", "--metadata", given]) == 2
    out, err = capsys.readouterr()
    assert "not ok overton_diversity: no/where.jsonl: expected " in out
    assert "\nok overton_survey@" in out
    assert "got 1 of 2 that cannot (overton_diversity)" in err


def test_check_takes_own_prompts_and_settings(tmp_path, capsys):
    own = jsonl(tmp_path / "own.jsonl", [{"prompt": "Why?"}, {"prompt": "How?"}])
    metadata = json.dumps({"prompts": str(own), "n_samples": 7, "reasoning": "keep"})
    assert main(["check", "--tasks", "overton_diversity", "--metadata", metadata]) == 0
    line, _, cost, reasoning = capsys.readouterr().out.splitlines()
    assert cost.split() == ["overton_diversity", "2", "14", "9,800", "-"]
    assert "|data:own:" in line
    assert "|n:7|" in line
    assert line.endswith("(2 prompts)")
    assert "|reasoning:keep|" in line
    assert reasoning.startswith("thoughts (<think> and the like) are scored with the answers")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"n_sample": 3}, "expected a known metadata key, got 'n_sample'; did you mean 'n_samples"),
        ({"colour": 3}, "expected a known metadata key, got 'colour'; known are n_samples, "),
        ({"n_samples": 1}, "expected at least 2 responses per prompt, got 1; pass `--metadata "),
        ({"distinct_m": 6}, "expected distinct_m of at most n_samples, got 6 of 5 samples; pass"),
        ({"api_seeds": "yes"}, "expected api_seeds auto, on or none, got 'yes'"),
        ({"encoder": "no/where"}, "expected 'no/where' in a folder, the hub cache or on the hub"),
    ],
)
def test_check_names_a_setting_that_cannot_be_used(capsys, metadata, message):
    arguments = ["check", "--tasks", "overton_diversity", "--metadata", json.dumps(metadata)]
    assert message in error_of(capsys, *arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"prompt": "a"}\nno json\n', ":2: expected a JSON object, got 'no json'"),
        ('{"id": 1, "prompt": "a"}\n{"id": 1, "prompt": "b"}\n', ": expected every id once"),
        ("\n", ": expected at least one line of JSON, got an empty file"),
        ('{"title": "a"}\n', ':1: expected "prompt" or "messages"'),
    ],
)
def test_check_names_file_and_line_of_a_prompt_that_cannot_be_used(tmp_path, capsys, text, message):
    own = tmp_path / "own.jsonl"
    own.write_text(text)
    metadata = json.dumps({"prompts": str(own)})
    error = error_of(capsys, "check", "--tasks", "overton_diversity", "--metadata", metadata)
    assert error.startswith(f"{own}{message}")


@pytest.mark.parametrize("pattern", ["overton_unknown", "overton_x*", ""])
def test_check_names_the_tasks_there_are(capsys, pattern):
    names = ", ".join(task_names())
    message = f"--tasks: expected names or patterns among {names}, got {pattern!r}"
    assert error_of(capsys, "check", "--tasks", pattern) == message


@pytest.mark.parametrize("text", ["{", "[1]", "n_samples=5", "null", ""])
def test_metadata_must_be_a_json_object(capsys, text):
    error = usage_error_of(capsys, "check", "--metadata", text)
    assert error.endswith(f"argument --metadata: expected a JSON object, got {text!r}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"n_samples": 5, "n_samples": 50}', "the key 'n_samples' more than once in one object"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "maximum recursion depth exceeded"),
    ],
)
def test_metadata_that_no_object_can_hold_says_why(capsys, text, reason):
    error = usage_error_of(capsys, "check", "--metadata", text)
    assert f"argument --metadata: expected a JSON object, got {text[:80]!r} ({reason}" in error


# ---------------------------------------------------------------------------------- exit codes


@pytest.fixture
def failing(monkeypatch):
    """Lets `overton doctor` raise what it is given."""

    def fail(error):
        def raised():
            raise error

        monkeypatch.setattr("lm_eval_overton.cli.doctor.diagnose", raised)

    return fail


def test_an_error_of_the_system_is_one_line(capsys, failing):
    failing(PermissionError(13, "Permission denied", "runs"))
    assert error_of(capsys, "doctor") == "[Errno 13] Permission denied: 'runs'"


def test_an_error_of_a_library_is_one_line(capsys, failing):
    failing(OSError("We couldn't connect.\nCheckout your internet connection\n  or see the docs."))
    message = "We couldn't connect. Checkout your internet connection or see the docs."
    assert error_of(capsys, "doctor") == message


def test_an_error_that_nobody_foresaw_is_no_failed_gate(capsys, failing):
    failing(ZeroDivisionError("by nought"))
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err.rstrip().endswith("ZeroDivisionError: by nought")


@pytest.mark.parametrize("output", ["", ".", "/"])
@pytest.mark.parametrize(
    ("command", "work"),
    [
        ("report", "lm_eval_overton.reporting.page.page"),
        ("replicate", "lm_eval_overton.replicate.replicate"),
    ],
)
def test_a_place_that_is_no_file_is_refused_before_the_work(
    command, work, output, tmp_path, capsys, monkeypatch
):
    score(jsonl(tmp_path / "mine.jsonl", ROWS), tmp_path / "out")
    monkeypatch.setattr(work, lambda *_: pytest.fail("it was worked"))
    capsys.readouterr()
    error = error_of(capsys, command, str(tmp_path / "out"), "-o", output)
    assert error.startswith(f"{Path(output)}: expected a file that can be written, got a folder")


def test_replicated_tables_are_there_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("lm_eval_overton.replicate.replicate", lambda *_: [])
    path = tmp_path / "new" / "tables.md"
    assert main(["replicate", str(tmp_path), "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith("# Replication")
    assert list(path.parent.iterdir()) == [path]


def into(place: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command with its output redirected by a shell."""
    command = (
        f"set -o pipefail; {shlex.join([sys.executable, '-m', 'lm_eval_overton', *arguments])}"
    )
    return run(["bash", "-c", f"{command} {place}"], env)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_device_is_one_line():
    result = into("> /dev/full", "tasks-path")
    assert result.returncode == 2
    assert result.stderr == "error: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(("place", "code"), [("| true", 141), (">&-", 0), ("2>&1 | true", 141)])
def test_a_closed_output_is_quiet(place, code):
    result = into(place, "doctor")
    assert (result.returncode, result.stderr) == (code, "")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_what_a_terminal_cannot_show_is_escaped(encoding, tmp_path, monkeypatch):
    responses = jsonl(tmp_path / "mine.jsonl", ROWS)
    score(responses, tmp_path / "a")
    [path] = (tmp_path / "a").rglob("results_*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_name": "m\ud800\u2192"}))
    run_of = f"\u2192\U0001f600={tmp_path / 'a'}"
    for form in ((), ("--json",), ("--csv",)):
        terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            assert main(["compare", run_of, run_of, *form]) == 0
        shown = terminal.buffer.getvalue().decode(encoding)
        assert r"\u2192" in shown
        if form == ("--json",):
            [first, _] = json.loads(shown)["runs"]
            assert first["name"] == "\u2192\U0001f600"
            assert first["tasks"]["overton_diversity"]["model"] == "m\ud800\u2192"


# --------------------------------------------------------------------------------------- score


def test_score_prints_the_table_and_writes_what_a_run_writes(tmp_path, capsys):
    scored = score(jsonl(tmp_path / "mine.jsonl", ROWS), tmp_path / "out")
    assert "|lexical_diversity " in capsys.readouterr().out
    assert scored.name == "mine"
    assert scored.values("lexical_diversity") == pytest.approx(LEXICAL)
    assert scored.value("prompts") == 4
    assert scored.value("lexical_diversity") == pytest.approx((1 + 5 / 6) / 2)
    assert scored.value("lexical_diversity_n") == 2
    # Of 1 and 5/6: standard deviation (1/6)/sqrt(2), over sqrt(2).
    assert scored.value("lexical_diversity_stderr") == pytest.approx(1 / 12)
    assert scored.values("failed_rate") == pytest.approx([1 / 3, 0, 1, 0])
    assert scored.value("failed_rate") == pytest.approx(1 / 3)
    assert "|frame:recorded|" in scored.report["signature"]
    assert json.loads(scored.report["values"]["lexical_diversity"]) == pytest.approx(LEXICAL)


def test_score_without_a_folder_only_prints(tmp_path, capsys):
    responses = jsonl(tmp_path / "mine.jsonl", ROWS)
    assert main(["score", str(responses)]) == 0
    assert "|lexical_diversity " in capsys.readouterr().out
    assert sorted(tmp_path.iterdir()) == [responses]


def test_undefined_values_are_null_in_files(tmp_path):
    rows = [{"prompt": "What now?", "responses": [None, None]}]
    # Reading with strict_json is the test: a bare NaN would fail it.
    scored = score(jsonl(tmp_path / "mine.jsonl", rows), tmp_path / "out")
    for metric in ("lexical_diversity", "semantic_diversity", "vendi", "mean_words"):
        assert scored.value(metric) is None
        assert scored.value(f"{metric}_n") == 0
        assert scored.value(f"{metric}_stderr") == "N/A"
        assert scored.values(metric) == [None]
    assert scored.value("failed_rate") == 1.0


def test_the_number_of_samples_that_metrics_compare_is_a_setting(tmp_path):
    responses = jsonl(tmp_path / "mine.jsonl", ROWS)
    # The first two prompts have two samples or more, none has five.
    assert score(responses, tmp_path / "5").value("vendi_n") == 0
    two = score(responses, tmp_path / "2", "--metadata", '{"n_samples": 2}')
    assert two.value("vendi_n") == 2
    assert "|n:2|" in two.report["signature"]


def test_the_model_in_the_results_has_the_given_name(tmp_path):
    responses = jsonl(tmp_path / "mine.jsonl", ROWS)
    assert score(responses, tmp_path / "out", "--name", "org/model").name == "org__model"


def test_responses_are_cut_at_the_given_stops(tmp_path):
    rows = [{"prompt": "Why?", "responses": ["One.\n```\nrest", "Two. ### rest", "Three."]}]
    responses = jsonl(tmp_path / "mine.jsonl", rows)
    cut = score(responses, tmp_path / "cut", "--stop", "```", "--stop", "###")
    assert cut.samples[0]["filtered_resps"] == [["One.", "Two.", "Three."]]
    assert cut.samples[0]["resps"] == [rows[0]["responses"]]
    assert "|stop:fence+###|" in cut.report["signature"]
    whole = score(responses, tmp_path / "whole", "--stop", "")
    assert whole.samples[0]["filtered_resps"] == whole.samples[0]["resps"]
    assert "|stop:none|" in whole.report["signature"]


# ------------------------------------------------------------------------- score: --prompts


@pytest.fixture
def prompts(tmp_path) -> Path:
    rows = [{"id": f"q{i}", "prompt": row["prompt"]} for i, row in enumerate(ROWS)]
    return jsonl(tmp_path / "prompts.jsonl", rows)


def test_bare_responses_are_aligned_with_the_prompts_by_line(tmp_path, prompts):
    bare = jsonl(tmp_path / "bare.jsonl", [{"responses": row["responses"]} for row in ROWS])
    scored = score(bare, tmp_path / "out", "--prompts", str(prompts))
    assert [sample["doc"]["id"] for sample in scored.samples] == ["q0", "q1", "q2", "q3"]
    assert scored.values("lexical_diversity") == pytest.approx(LEXICAL)
    assert "|data:prompts:" in scored.report["signature"]


def test_responses_with_prompts_are_matched_by_their_text(tmp_path, prompts):
    mine = jsonl(tmp_path / "mine.jsonl", ROWS[1::-1])
    scored = score(mine, tmp_path / "out", "--prompts", str(prompts))
    assert [sample["doc"]["id"] for sample in scored.samples] == ["q0", "q1"]
    assert scored.values("lexical_diversity") == pytest.approx(LEXICAL[:2])


def test_as_many_lines_of_responses_as_prompts_are_expected(tmp_path, prompts, capsys):
    bare = jsonl(tmp_path / "bare.jsonl", [{"responses": ["a", "b"]}] * 3)
    assert error_of(capsys, "score", str(bare), "--prompts", str(prompts)) == (
        f"{bare}: expected one line of responses for each of the 4 prompts of prompts, got 3"
    )


def test_responses_to_other_prompts_are_refused(tmp_path, prompts, capsys):
    mine = jsonl(tmp_path / "mine.jsonl", [{"prompt": "Else?", "responses": ["a", "b"]}])
    error = error_of(capsys, "score", str(mine), "--prompts", str(prompts))
    assert error.startswith(f"{mine}: expected responses to at least one prompt of prompts, got")


def test_bare_responses_need_prompts(tmp_path, capsys):
    bare = jsonl(tmp_path / "bare.jsonl", [{"responses": ["a", "b"]}])
    error = error_of(capsys, "score", str(bare))
    assert error.startswith(f'{bare}: expected "prompt" in every line, or --prompts FILE')


def test_a_prompts_file_that_is_not_there_is_named(tmp_path, capsys):
    bare = jsonl(tmp_path / "bare.jsonl", [{"responses": ["a", "b"]}])
    missing = tmp_path / "no.jsonl"
    error = error_of(capsys, "score", str(bare), "--prompts", str(missing))
    assert error.startswith(f"{missing}: expected a readable JSON-lines file, got No such file")


# --------------------------------------------------------------- score: files of earlier runs


def test_a_sample_log_of_the_harness_scores_as_it_did(tmp_path):
    first = score(jsonl(tmp_path / "mine.jsonl", ROWS), tmp_path / "first")
    again = score(first.samples_file, tmp_path / "again")
    assert again.values("lexical_diversity") == first.values("lexical_diversity")
    assert again.values("failed_rate") == first.values("failed_rate")
    assert again.value("lexical_diversity") == first.value("lexical_diversity")


def generations(*tasks: str) -> Path:
    about = {"frame": "query-answer", "stops": ["###"], "n_samples": 3}
    rows = [{"task": task, "id": f"q{i}", **row} for task in tasks for i, row in enumerate(ROWS)]
    return write_generations({"tasks": dict.fromkeys(tasks, about)}, rows)


def test_a_generations_file_brings_its_settings_along(tmp_path):
    scored = score(generations("overton_diversity"), tmp_path / "out")
    assert [own["id"] for own in scored.values("prompts")] == ["q0", "q1", "q2", "q3"]
    assert scored.values("lexical_diversity") == pytest.approx(LEXICAL)
    for part in ("|frame:query-answer|", "|n:3|", "|stop:###|"):
        assert part in scored.report["signature"]


def test_the_rows_of_the_asked_task_are_taken_from_a_generations_file(tmp_path):
    several = generations("overton_diversity", "overton_other")
    assert score(several, tmp_path / "out").value("prompts") == len(ROWS)


def test_a_generations_file_without_the_asked_task_names_those_it_has(capsys):
    path = generations("overton_other", "overton_third")
    assert error_of(capsys, "score", str(path)) == (
        f"{path}: expected generations of overton_diversity, got those of overton_other, "
        "overton_third; choose with --task"
    )


# --------------------------------------------------------------------------- score: errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"prompt": "a"}\n', ':1: expected "responses" to be a list of strings and nulls, got '),
        ('{"prompt": "a", "responses": ["b"]}\n{"', ":2: expected a JSON object, got "),
        ('{"prompt": "a", "responses": [1]}\n', ':1: expected "responses" to be a list of str'),
        ("", ": expected at least one line of JSON, got an empty file"),
    ],
)
def test_score_names_file_and_line_of_what_it_cannot_read(tmp_path, capsys, text, message):
    responses = tmp_path / "mine.jsonl"
    responses.write_text(text)
    assert error_of(capsys, "score", str(responses)).startswith(f"{responses}{message}")


def test_score_names_a_file_that_is_not_there(tmp_path, capsys):
    missing = tmp_path / "no.jsonl"
    error = error_of(capsys, "score", str(missing))
    assert error == f"{missing}: expected a readable JSON-lines file, got No such file or directory"


def test_score_names_the_tasks_there_are(tmp_path, capsys):
    responses = jsonl(tmp_path / "mine.jsonl", ROWS)
    message = f"--task: expected one of {', '.join(task_names())}, got 'overton_unknown'"
    assert error_of(capsys, "score", str(responses), "--task", "overton_unknown") == message


def test_score_refuses_a_setting_that_it_does_not_know(tmp_path, capsys):
    responses = jsonl(tmp_path / "mine.jsonl", ROWS)
    error = error_of(capsys, "score", str(responses), "--metadata", '{"encodr": "x"}')
    assert error.endswith("got 'encodr'; did you mean 'encoder'?")

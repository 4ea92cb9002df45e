import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lm_eval_overton.comparison import Compared
from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.errors import DataError
from lm_eval_overton.reporting import write
from lm_eval_overton.runs.answers import read_answers, shared_task
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import sign
from tests.conftest import PAPER
from tests.released import FENCE, samples

TASK = "overton_diversity"
RELEASED = {"llama-2-base": FENCE, "llama-2-chat": ()}


def run(task: str = TASK, covered: bool = False, **known) -> FinishedRun:
    """A run of one prompt, `p0`, that knows its files."""
    fields = {"data": "mine:abc", "frame": "recorded", "stop": ["```"]} | known.pop("fields", {})
    details = ({"covered": [[0]]} if covered else {},)
    signature = sign(task, 1, fields, {})
    result = TaskResult(
        task, "m", signature, ("p0",), {"vendi": np.ones(1)}, {}, details, Path("r.json"), **known
    )
    return FinishedRun("mine", Path("mine"), {task: result})


def lines(path: Path, *rows: dict) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def generations(path: Path, *responses: str | None, task: str = TASK, stops=()) -> Path:
    header = {"overton_generations": 1, "tasks": {task: {"stops": list(stops)}}}
    row = {"task": task, "id": "p0", "prompt": "Why?", "responses": list(responses)}
    return lines(path, header, row)


def harness_samples(path: Path, *responses: str, until=(), **doc) -> Path:
    row = {
        "doc_id": 0,
        "doc": {"id": "p0", "prompt": "Why?", **doc},
        "arguments": {"gen_args_0": {"arg_0": "Why?", "arg_1": {"until": list(until)}}},
        "resps": [list(responses)],
        "filter": "none",
    }
    return lines(path, row)


def test_generations_are_cut_at_the_stops_of_their_file(tmp_path):
    path = generations(tmp_path / "g.jsonl", "yes END no", None, stops=["END"])
    answers = read_answers(run(generations=path), TASK)
    assert answers.prompts == {"p0": "Why?"}
    assert [(s.status, s.text) for s in answers.samples("p0")] == [("valid", "yes"), ("failed", "")]
    assert answers.samples("another") == []
    assert answers.path == path


def test_the_harness_samples_are_read_rather_than_the_generations(tmp_path):
    samples = harness_samples(tmp_path / "s.jsonl", "sample")
    path = generations(tmp_path / "g.jsonl", "generation")
    answers = read_answers(run(samples=samples, generations=path), TASK)
    assert [s.text for s in answers.samples("p0")] == ["sample"]


def test_recorded_responses_are_cut_at_the_stops_that_the_signature_names(tmp_path):
    # `overton score --stop` leaves no stop sequence in the harness's file.
    path = harness_samples(tmp_path / "s.jsonl", "one ``` two STOP three")
    fence = run(samples=path)
    both = run(samples=path, fields={"stop": ["STOP", "```"]})
    none = run(samples=path, fields={"stop": []})
    texts = [read_answers(r, TASK).samples("p0")[0].text for r in (fence, both, none)]
    assert texts == ["one", "one", "one ``` two STOP three"]


def test_of_a_summary_and_an_answer_the_answer_alone_is_shown(tmp_path):
    raw = "In short.\n```\n\n# Answer:\n```\nThe answer.\n```\n\n# Query:\n```\nmore"
    path = harness_samples(tmp_path / "s.jsonl", raw, "no heading at all")
    by_frame = run(samples=path, fields={"frame": "query-summary-answer"})
    found = read_answers(by_frame, TASK).samples("p0")
    assert [(s.status, s.text) for s in found] == [("valid", "The answer."), ("unparsed", "")]
    recorded = run(task="overton_icl_summary_cot", samples=path)
    assert read_answers(recorded, "overton_icl_summary_cot").samples("p0")[0].text == "The answer."


def test_viewpoints_come_from_the_packaged_questions(tmp_path):
    packaged = load_viewpoints("contested")
    first = packaged.docs[0]
    row = {"task": "overton_coverage", "id": first["id"], "prompt": "?", "responses": ["x"]}
    header = {"overton_generations": 1, "tasks": {"overton_coverage": {}}}
    path = lines(tmp_path / "g.jsonl", header, row)
    fields = {"data": packaged.signature}
    finished = run("overton_coverage", covered=True, generations=path, fields=fields)
    answers = read_answers(finished, "overton_coverage")
    assert answers.viewpoints[first["id"]] == first["viewpoints"]


def test_viewpoints_of_ones_own_come_from_the_harness_samples(tmp_path):
    views = [{"id": "a", "side": "yes", "text": "T"}]
    path = harness_samples(tmp_path / "s.jsonl", "x", viewpoints=views)
    assert read_answers(run(samples=path, covered=True), TASK).viewpoints == {"p0": views}
    assert read_answers(run(samples=path), TASK).viewpoints == {}


def test_a_run_without_files_is_an_error_that_says_how_to_keep_them(tmp_path):
    with pytest.raises(DataError, match="expected the responses of overton_diversity, got no f"):
        read_answers(run(), TASK)
    with pytest.raises(DataError, match=r"got .*gone\.jsonl; run with --log_samples"):
        read_answers(run(generations=tmp_path / "gone.jsonl"), TASK)


def test_another_tasks_generations_are_not_taken_for_ones_own(tmp_path):
    path = generations(tmp_path / "g.jsonl", "x", task=TASK)
    finished = run("overton_icl_fixed", generations=path)
    with pytest.raises(DataError, match="expected generations of overton_icl_fixed, got those of"):
        read_answers(finished, "overton_icl_fixed")


def test_a_corrupt_file_is_an_error_of_one_line(tmp_path):
    path = tmp_path / "g.jsonl"
    path.write_text("{broken\n")
    with pytest.raises(DataError, match="expected a readable generations file"):
        read_answers(run(generations=path), TASK)


# --------------------------------------------------------------------------------- from the start


def prompts_of(path: Path) -> list[dict]:
    """What the first task of a page's browser shows."""
    data = path.read_text(encoding="utf-8").partition('id="prompt-data">')[2]
    return json.loads(data.partition("</script>")[0])["tasks"][0]["prompts"]


def test_a_report_of_runs_that_were_scored_holds_their_own_samples(tmp_path):
    from lm_eval_overton.comparison import compare
    from lm_eval_overton.comparison.loaded import load_run
    from lm_eval_overton.harness.replay import score
    from lm_eval_overton.runs.responses import read_responses

    runs = []
    for name, tail in (("base", "``` # Query"), ("chat", " And so on.")):
        rows = [
            {
                "prompt": f"Question {i}?",
                "responses": [f"{name} {i} {word}{tail}" for word in words],
            }
            for i, words in enumerate((("up", "down"), ("<b>left</b>", "right"), ("in", "out")))
        ]
        responses = lines(tmp_path / f"{name}.jsonl", *rows)
        stops = ["```"] if name == "base" else None
        score(read_responses(responses), TASK, stops=stops, output=tmp_path / name)
        runs.append(load_run(tmp_path / name))
    write(compare(runs[0], runs[1:]), tmp_path / "report.html")
    prompts = prompts_of(tmp_path / "report.html")
    texts = {p["q"]: [[s["t"] for s in r["s"]] for r in p["r"]] for p in prompts}
    assert texts["Question 1?"] == [
        ["base 1 <b>left</b>", "base 1 right"],
        ["chat 1 <b>left</b> And so on.", "chat 1 right And so on."],
    ]
    # The responses are those that were scored: their hashes agree.
    assert not any("other" in r for p in prompts for r in p["r"])


@pytest.mark.paper_data
def test_the_released_responses_make_a_page_whose_samples_are_the_cleaned_ones(tmp_path):
    outputs = PAPER / "LIMA-OE" / "outputs"
    runs = []
    for model, stops in RELEASED.items():
        rows = [json.loads(line) for line in (outputs / f"{model}.jsonl").open(encoding="utf-8")]
        path = lines(
            tmp_path / f"{model}.jsonl",
            {"overton_generations": 1, "tasks": {TASK: {"stops": stops}}},
            *(
                {"task": TASK, "id": f"p{i}", "prompt": f"Prompt {i}", "responses": r["responses"]}
                for i, r in enumerate(rows)
            ),
        )
        bare = run(generations=path).tasks[TASK]
        n = len(rows)
        result = replace(
            bare, ids=tuple(f"p{i}" for i in range(n)), values={"vendi": np.arange(n) * 1.0},
            details=({},) * n,
        )  # fmt: skip
        runs.append(FinishedRun(model, tmp_path, {TASK: result}))
    write(Compared(tuple(runs), ()), tmp_path / "report.html")
    shown = {p["n"]: p["r"] for p in prompts_of(tmp_path / "report.html")}
    assert len(shown) == 50
    for position, (model, stops) in enumerate(RELEASED.items()):
        for i, own in enumerate(samples(model, stops)):
            texts = [s["t"] for s in shown[i][position]["s"] if "x" not in s]
            assert texts == [s.text for s in own if s.status == "valid"]


def asked(name, **signed):
    """A run of tasks with these fields in their signatures."""
    tasks = {
        task: TaskResult(task, "m", f"{task}@1|{own}", (), {}, {}, (), Path("results.json"))
        for task, own in signed.items()
    }
    return FinishedRun(name, Path(name), tasks)


def test_runs_are_compared_by_a_task_that_has_samples():
    of_letters = {"choice": "answers:loglikelihood", "likelihood": "whose:chat"}
    both = [asked(name, **of_letters, closed="answers:sampled") for name in "ab"]
    assert shared_task(both) == "closed"
    assert shared_task([asked("a", choice="answers:replies")]) == "choice"
    with pytest.raises(DataError, match=r"b has choice \(log-probabilities alone\), likelihood"):
        shared_task([both[0], asked("b", **of_letters)])

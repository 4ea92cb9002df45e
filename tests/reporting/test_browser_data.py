import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.errors import DataError
from lm_eval_overton.reporting import browser
from lm_eval_overton.runs.answers import Answers
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import short_hash

PLENTY = 10**6


def run(name: str, values: list[float], details: list[dict] | None = None) -> FinishedRun:
    n = len(values)
    result = TaskResult(
        "task", name, "task@1", tuple(f"p{i}" for i in range(n)),
        {"semantic_diversity": np.array(values)}, {}, tuple(details or [{}] * n), Path("r.json"),
    )  # fmt: skip
    return FinishedRun(name, Path(name), {"task": result})


def reader(responses: list[str | None], n: int = 4, viewpoints: bool = False):
    def read(finished: FinishedRun, task: str) -> Answers:
        keys = [f"p{i}" for i in range(n)]
        texts = dict(zip(keys, (f"Question {i}?" for i in range(n)), strict=True))
        views = [{"side": "yes", "text": "A reason."}, {"text": "Another."}]
        given = dict.fromkeys(keys, views) if viewpoints else {}
        return Answers(Path(finished.name), texts, dict.fromkeys(keys, responses), viewpoints=given)

    return read


def built(runs: list[FinishedRun], read, room: int = PLENTY) -> tuple[dict, browser.TaskPart]:
    found = browser.build(runs, read, room)
    return json.loads(found.data)["tasks"][0], found.parts[0]


def samples_of(details: dict, responses: list[str | None]) -> dict:
    task, _ = built([run("a", [0.5], [details])], reader(responses))
    return task["prompts"][0]["r"][0]


def test_prompts_come_with_the_largest_difference_first_and_keep_their_place_in_the_file():
    # Differences: .1, undefined, .3, .2.
    runs = [run("a", [0.1, math.nan, 0.1, 0.1]), run("b", [0.2, 0.9, 0.4, 0.3])]
    task, part = built(runs, reader(["x"]))
    assert [p["id"] for p in task["prompts"]] == ["p2", "p3", "p0", "p1"]
    assert [p["n"] for p in task["prompts"]] == [2, 3, 0, 1]
    assert (part.shown, part.total, part.metric) == (4, 4, "semantic_diversity")


def test_values_are_those_of_the_prompt_and_null_where_undefined():
    runs = [run("a", [0.123456, math.nan]), run("b", [0.5, 1.0])]
    task, _ = built(runs, reader(["x"], n=2))
    assert task["metrics"] == ["semantic_diversity"]
    assert [own["v"] for own in task["prompts"][0]["r"]] == [[0.1235], [0.5]]
    assert task["prompts"][1]["r"][0]["v"] == [None]


def test_a_run_without_a_prompt_has_no_record_of_it():
    task, _ = built([run("a", [0.5]), run("b", [0.5, 0.6])], reader(["x"]))
    assert {p["id"]: p["r"][0] is None for p in task["prompts"]} == {"p0": False, "p1": True}


def test_a_sample_that_is_not_valid_has_its_status_and_what_came():
    assert samples_of({}, ["text", None, "  "])["s"] == [
        {"t": "text"}, {"x": "failed", "t": ""}, {"x": "empty", "t": "  "},
    ]  # fmt: skip


def test_what_a_model_thought_is_apart_from_what_it_says():
    assert samples_of({}, ["<think>Hm.</think>Yes.", "<think>Hm."])["s"] == [
        {"t": "Yes.", "th": "Hm."}, {"x": "unparsed", "t": "", "th": "Hm."},
    ]  # fmt: skip


def test_what_is_covered_belongs_to_the_valid_samples_in_their_order():
    found = samples_of({"covered": [[0, 1], None]}, ["first", None, "second"])["s"]
    assert found == [{"t": "first", "c": [0, 1]}, {"x": "failed", "t": ""}, {"t": "second"}]


def test_details_of_another_number_of_samples_are_left_out():
    details = {"covered": [[0]], "verdicts": {"stance": ["yes"]}}
    assert samples_of(details, ["a", "b"])["s"] == [{"t": "a"}, {"t": "b"}]


def test_verdicts_are_words_and_a_missing_one_says_so():
    verdicts = {
        "quality": [{"helpfulness": 4, "clarity": None}, None],
        "stance": ["both", None],
        "viewpoints": [[5, None, 1], []],
        "topics": [{"shares": {"both": 0.5}, "disagreement": 0}, None],
    }
    first, second = samples_of({"verdicts": verdicts}, ["a", "b"])["s"]
    assert first["j"] == [
        "helpfulness 4", "clarity –", "stance: both", "viewpoints: 5, –, 1", "shares both 0.5",
        "disagreement 0",
    ]  # fmt: skip
    assert second["j"] == [
        "quality: no verdict", "stance: no verdict", "viewpoints: none", "topics: no verdict",
    ]  # fmt: skip


def test_details_of_other_responses_than_the_files_are_left_out_and_it_is_said():
    verdicts = {"stance": ["yes"]}
    same = samples_of({"sha": short_hash(["a"]), "verdicts": verdicts}, ["a"])
    other = samples_of({"sha": short_hash(["b"]), "verdicts": verdicts}, ["a"])
    assert same["s"] == [{"t": "a", "j": ["stance: yes"]}]
    assert "other" not in same
    assert (other["s"], other["other"]) == ([{"t": "a"}], 1)


def test_a_very_long_sample_is_cut_and_says_by_how_much():
    found = samples_of({}, ["x" * (browser.SAMPLE_LENGTH + 7)])["s"][0]
    assert (len(found["t"]), found["cut"]) == (browser.SAMPLE_LENGTH, 7)
    found = samples_of({}, [" " * (browser.SAMPLE_LENGTH + 7)])["s"][0]
    assert (found["x"], len(found["t"]), found["cut"]) == ("empty", browser.SAMPLE_LENGTH, 7)


def test_a_sample_says_where_half_of_the_others_say_the_same():
    raws = ["A cat, I think so, sat.", None, "I THINK so sat well. A cat, I think so!", "No."]
    found = samples_of({}, raws)["s"]
    # "a cat i think so" is in both; in the first with "sat" no run of five is.
    assert found[0]["a"] == [[0, 17]]
    assert found[2]["t"][21:38] == "A cat, I think so"
    assert found[2]["a"] == [[21, 38]]
    assert [record.get("a") for record in (found[1], found[3])] == [None, None]


def test_anchors_end_where_a_long_sample_is_cut():
    long = "one more word here now " * 400
    found = samples_of({}, [long, long])["s"]
    assert [record["a"] for record in found] == [[[0, browser.SAMPLE_LENGTH]]] * 2


def test_viewpoints_stand_with_their_prompt():
    task, _ = built([run("a", [0.5])], reader(["x"], viewpoints=True))
    assert task["prompts"][0]["w"] == [["yes", "A reason."], ["", "Another."]]


def test_samples_that_cannot_be_read_are_noted_and_values_stay():
    def read(finished: FinishedRun, task: str) -> Answers:
        if finished.name == "a":
            raise DataError("a: expected a file, got none")
        return reader(["x"])(finished, task)

    task, part = built([run("a", [0.5]), run("b", [0.6])], read)
    assert part.notes == ("a: expected a file, got none",)
    assert part.places == ("b",)
    assert task["prompts"][0]["r"][0] == {"v": [0.5], "s": []}


def with_values(name: str, **values: list[float]) -> FinishedRun:
    columns = {metric: np.array(column) for metric, column in values.items()}
    result = replace(run(name, [0.5, 0.6]).tasks["task"], values=columns)
    return FinishedRun(name, Path(name), {"task": result})


def test_the_metric_of_the_order_is_one_that_most_runs_have():
    runs = [
        with_values("a", semantic_diversity=[0.5, 0.6], coverage_at_1=[1.0, 1.0]),
        with_values("b", semantic_diversity=[0.5, 0.7], vendi=[1.0, 2.0]),
    ]
    assert built(runs, reader(["x"]))[1].metric == "semantic_diversity"


@given(st.integers(0, 3_000), st.integers(1, 4))
def test_prompts_never_take_more_than_their_budget(room, n):
    runs = [run("a", [0.1] * n), run("b", [0.2] * n)]
    found = browser.build(runs, reader(["<é\u2028\ud800>" * 20] * 3), room)
    records = json.loads(found.data)["tasks"][0]["prompts"]
    shown = json.dumps(records, ensure_ascii=False, separators=(",", ":"))
    # Escapes make the page's text longer than this one, never shorter.
    assert len(shown) - 2 - max(0, len(records) - 1) <= room
    assert len(records) == found.parts[0].shown <= n


def test_tasks_share_the_budget_and_what_one_leaves_over_is_the_nexts():
    both = run("a", [0.1] * 4)
    long = replace(both.tasks["task"], task="zzz")
    both = replace(both, tasks={"task": both.tasks["task"], "zzz": long})

    def read(finished: FinishedRun, task: str) -> Answers:
        return reader(["x" * (1_000 if task == "zzz" else 1)])(finished, task)

    # A short prompt takes about 90 bytes, a long one 1,090. Half of 4,000 is not enough for two
    # long ones and what is left of the short ones' half besides makes room for three.
    first, second = browser.build([both], read, 4_000).parts
    assert (first.shown, second.shown) == (4, 3)


def test_a_task_without_any_value_is_shown_in_the_order_of_the_file():
    bare = replace(run("a", [0.1, 0.2]).tasks["task"], values={})
    task, part = built([FinishedRun("a", Path("a"), {"task": bare})], reader(["x"]))
    assert [p["id"] for p in task["prompts"]] == ["p0", "p1"]
    assert part.metric == task["by"] == ""


@pytest.mark.parametrize("text", ["</script>", "<!--", "a\u2028b", "&lt;"])
def test_text_cannot_end_the_script_that_holds_it(text):
    found = browser.build([run("a", [0.1])], reader([text]), PLENTY)
    assert text not in found.data
    assert json.loads(found.data)["tasks"][0]["prompts"][0]["r"][0]["s"] == [{"t": text}]

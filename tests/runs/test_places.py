"""Where the files of a run lie."""

import re

import pytest

from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.runs.places import find_responses, parse_run
from tests.runs.made import results, write

TASK = "overton_coverage"


def test_name_and_place_are_told_apart(tmp_path):
    (tmp_path / "temp=0.5").mkdir()
    assert parse_run("runs/chat")[1] is None
    place, name = parse_run("chat=runs/temp=0.5")
    assert (str(place), name) == ("runs/temp=0.5", "chat")
    assert parse_run(str(tmp_path / "temp=0.5")) == (tmp_path / "temp=0.5", None)
    for wrong in ("=runs", "chat="):
        with pytest.raises(SettingsError, match="expected a run as NAME=PLACE"):
            parse_run(wrong)


def test_a_file_is_taken_as_it_is(tmp_path):
    path = write(tmp_path / "mine.jsonl")
    assert find_responses(path, TASK) == path


def test_the_newest_samples_of_the_task_are_taken_from_a_harness_folder(tmp_path):
    folder = tmp_path / "out" / "demo__base"
    # The time in the name decides: that of the file is the time of the last copy.
    newest = write(folder / f"samples_{TASK}_2026-01-03.jsonl", age=20)
    write(folder / f"samples_{TASK}_2026-01-02.jsonl", age=10)
    write(folder / f"samples_{TASK}_2026-01-01.jsonl", age=30)
    write(folder / "samples_overton_diversity_2026-01-04.jsonl")
    generations = write(tmp_path / "cache" / "generations.jsonl")
    write(folder / "results_2026-01-04.json", results(generations, TASK))
    assert find_responses(tmp_path / "out", TASK) == newest


def test_without_samples_the_newest_results_file_of_the_task_names_its_generations(tmp_path):
    out, cache = tmp_path / "out", tmp_path / "cache"
    old = write(cache / "1" / "generations.jsonl")
    new = write(cache / "2" / "generations.jsonl")
    write(out / "results_1.json", results(old, TASK), age=50)
    write(out / "results_2.json", results(new, TASK), age=40)
    # Newer, but of no use: its file is gone, another task's, no JSON, no object, not ours.
    write(out / "results_3.json", results(cache / "3" / "generations.jsonl", TASK), age=30)
    write(out / "results_4.json", results(old, task="overton_diversity"), age=20)
    write(out / "results_5.json", age=10)
    write(out / "results_6.json", [], age=5)
    write(out / "results_7.json", {"configs": {TASK: {"metadata": None}}})
    assert find_responses(out, TASK) == new


def test_the_newest_generations_are_taken_from_a_folder_of_runs(tmp_path):
    write(tmp_path / "runs" / "b" / "generations.jsonl", age=10)
    newest = write(tmp_path / "runs" / "a" / "generations.jsonl")
    assert find_responses(tmp_path, TASK) == newest


def test_of_the_runs_of_our_own_folder_the_one_that_began_last_is_taken(tmp_path):
    newest = write(tmp_path / "runs" / "20260102-120000-0a1b2c" / "generations.jsonl", age=10)
    write(tmp_path / "runs" / "20260101-120000-d3e4f5" / "generations.jsonl")
    assert find_responses(tmp_path, TASK) == newest


def test_after_a_copy_the_comparison_and_the_reference_read_the_same_run(tmp_path):
    report = {"signature": f"{TASK}@1", "values": {"prompts": '["p"]'}}
    for stamp, age in (("2026-01-01T00-00-00.0", 0), ("2026-01-02T00-00-00.0", 50)):
        whole = {"configs": {TASK: {"metadata": {"overton": report}}}, "model_name": "m"}
        write(tmp_path / "m" / f"results_{stamp}.json", whole, age=age)
        write(tmp_path / "m" / f"samples_{TASK}_{stamp}.jsonl", age=age)
    compared = load_run(tmp_path).tasks[TASK].samples
    assert compared.name == f"samples_{TASK}_2026-01-02T00-00-00.0.jsonl"
    assert find_responses(tmp_path, TASK) == compared


def test_an_empty_folder_is_refused_with_what_was_looked_for(tmp_path):
    message = (
        f"{tmp_path}: expected samples_{TASK}_*.jsonl, a results file that names its generations, "
        "or generations.jsonl, got none; run the task with --log_samples"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        find_responses(tmp_path, TASK)


def test_a_place_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: expected a responses file .* nothing there$"):
        find_responses(tmp_path / "nowhere", TASK)

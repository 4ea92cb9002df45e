"""Which files of a finished run are judged together."""

import json
import os
import re

import pytest

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.judging.judgeable import Judgeable, find_judgeable

TASK = "overton_diversity"


def write(path, *rows, age=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    os.utime(path, (1e9 - age, 1e9 - age))
    return path


def results(folder, stamp, generations=None, model="m", task=TASK, age=0):
    metadata = {"n_samples": 2, "overton": {"generations": generations and str(generations)}}
    whole = {"model_name": model, "configs": {task: {"metadata": metadata}}}
    return write(folder / f"results_{stamp}.json", whole, age=age)


def samples(folder, stamp, age=0):
    return write(folder / f"samples_{TASK}_{stamp}.jsonl", age=age)


def the(place):
    [found] = find_judgeable(place, None)
    return found


def test_the_samples_of_the_newest_results_are_judged(tmp_path):
    for stamp in ("2026-01-01T00", "2026-01-02T00"):
        results(tmp_path / "m", stamp)
        samples(tmp_path / "m", stamp)
    # Copied: the times of the files say nothing.
    os.utime(tmp_path / "m" / "results_2026-01-01T00.json", (2e9, 2e9))
    found = the(tmp_path)
    assert found.task == TASK
    assert found.results.name == "results_2026-01-02T00.json"
    assert found.responses.name == f"samples_{TASK}_2026-01-02T00.jsonl"
    assert found.model == "m"
    assert found.metadata["n_samples"] == 2


def test_without_samples_of_their_own_the_results_name_their_generations(tmp_path):
    out = tmp_path / "out"
    results(out, "2026-01-01T00")
    # Of the run before, and newer than all else by the file's own time.
    samples(out, "2026-01-01T00", age=-9)
    generations = write(tmp_path / "cache" / "generations.jsonl")
    newest = results(out, "2026-01-02T00", generations)
    assert (the(out).responses, the(out).results) == (generations, newest)


def test_results_whose_responses_are_gone_are_refused(tmp_path):
    out = tmp_path / "out"
    results(out, "2026-01-01T00")
    samples(out, "2026-01-01T00")
    newest = results(out, "2026-01-02T00", tmp_path / "gone.jsonl")
    message = (
        f"{newest}: expected samples_{TASK}_2026-01-02T00.jsonl beside it or the generations that "
        f"it names, got neither ({tmp_path / 'gone.jsonl'}); name the file of the responses instead"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        the(out)


def test_results_of_several_models_are_refused_by_name(tmp_path):
    results(tmp_path / "a", "2026-01-01T00", model="org/a")
    samples(tmp_path / "a", "2026-01-01T00")
    results(tmp_path / "b", "2026-01-02T00", model="org/b")
    # Results of another task are of no concern.
    results(tmp_path / "c", "2026-01-03T00", model="org/c", task="overton_icl_fixed")
    with pytest.raises(DataError) as error:
        the(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: expected results of one model for {TASK}, got those of org/a, org/b; give "
        f"one model's folder, such as {tmp_path / 'b'}"
    )
    assert the(tmp_path / "a").model == "org/a"


def test_without_results_the_responses_are_looked_for(tmp_path):
    header = {"overton_generations": 1, "tasks": {TASK: {}}}
    generations = write(tmp_path / "run" / "generations.jsonl", header)
    assert the(tmp_path) == Judgeable(TASK, generations)
    assert the(generations) == Judgeable(TASK, generations)


def test_a_task_without_judged_metrics_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="--task: expected one of overton_coverage, "):
        find_judgeable(tmp_path, "overton_icl_fixed")

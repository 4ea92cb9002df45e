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


def samples(folder, stamp, age=0, task=TASK):
    row = {"doc": {"id": "p", "prompt": "Q?"}, "resps": [["a", "b"]]}
    return write(folder / f"samples_{task}_{stamp}.jsonl", row, age=age)


def generations(path):
    header = {"overton_generations": 1, "tasks": {TASK: {}}}
    row = {"task": TASK, "id": "p", "prompt": "Q?", "responses": ["a", "b"]}
    return write(path, header, row)


def the(place):
    [(found, responses)] = find_judgeable(place, None)
    assert [entry.responses for entry in responses.entries] == [["a", "b"]]
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
    own = generations(tmp_path / "cache" / "generations.jsonl")
    newest = results(out, "2026-01-02T00", own)
    assert (the(out).responses, the(out).results) == (own, newest)


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
    own = generations(tmp_path / "run" / "generations.jsonl")
    assert the(tmp_path) == Judgeable(TASK, own)
    assert the(own) == Judgeable(TASK, own)


def test_a_task_without_judged_metrics_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="--task: expected one of overton_coverage, "):
        list(find_judgeable(tmp_path, "overton_icl_fixed"))


COVERAGE = "overton_coverage"


def test_a_task_is_judged_where_a_broken_file_has_its_results(tmp_path, caplog):
    older = results(tmp_path, "2026-01-01T00-00-00")
    samples(tmp_path, "2026-01-01T00-00-00")
    broken = tmp_path / "results_2026-01-02T00-00-00.json"
    broken.write_text('{"configs": {"overton_coverage": {')
    other = samples(tmp_path, "2026-01-02T00-00-00", task=COVERAGE)
    found = [judgeable for judgeable, _ in find_judgeable(tmp_path, None)]
    assert found[0] == Judgeable(COVERAGE, other)
    assert (found[1].task, found[1].results) == (TASK, older)
    [line] = caplog.messages
    assert line.startswith(f"passed over: {broken}: expected a results file in JSON, got ")


def test_responses_that_cannot_be_read_cost_no_other_task(tmp_path):
    for task in (TASK, COVERAGE):
        results(tmp_path / task, "2026-01-01T00-00-00", task=task)
        samples(tmp_path / task, "2026-01-01T00-00-00", task=task)
    [broken] = tmp_path.rglob("samples_overton_coverage_*")
    broken.write_text('{"doc": {')
    found = []
    # All others come first.
    with pytest.raises(DataError, match=f"^{re.escape(str(broken))}:1: expected a JSON object"):
        found += (judgeable.task for judgeable, _ in find_judgeable(tmp_path, None))
    assert found == [TASK]


def test_newer_results_that_are_broken_do_not_hide_older_ones(tmp_path):
    older = results(tmp_path, "2026-01-01T00-00-00")
    samples(tmp_path, "2026-01-01T00-00-00")
    (tmp_path / "results_2026-01-02T00-00-00.json").write_text("[")
    # Nor do hidden copies.
    results(tmp_path / ".ipynb_checkpoints", "2026-01-03T00-00-00", model="copy")
    assert the(tmp_path).results == older


def test_results_under_a_name_of_their_own_are_judged(tmp_path):
    stamp = "2026-01-01T00-00-00.000000"
    path = results(tmp_path, stamp).rename(tmp_path / f"res_{stamp}.json")
    samples(tmp_path, stamp)
    assert the(tmp_path).results == path


def test_generations_stand_in_for_broken_samples(tmp_path, caplog):
    own = generations(tmp_path / "cache" / "generations.jsonl")
    results(tmp_path / "out", "2026-01-01T00", own)
    broken = samples(tmp_path / "out", "2026-01-01T00")
    broken.write_text("")
    assert the(tmp_path / "out").copy == own
    assert caplog.messages[0].startswith(f"passed over: {broken}: ")
    own.unlink()
    with pytest.raises(DataError, match="at least one line"):
        the(tmp_path / "out")

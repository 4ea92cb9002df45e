"""Whose samples they are: read from whatever holds them, with how they were drawn."""

import json
from pathlib import Path

import pytest

from lm_eval_overton.data import load_prompts
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.sources import read_source
from tests.runs.made import write

SIGNED = "data:d:1|frame:chat|n:2|stop:none|emb:e|lm_eval:1|v:1|do_sample:true|max:9|temp:0.7"
HEADER = {
    "overton_generations": 1,
    "tasks": {
        "overton_diversity": {
            "frame": "query-answer",
            "stops": ["```"],
            "n_samples": 2,
            "generation": {"temperature": 1.0, "max_gen_toks": 64},
            "data": {"name": "own", "version": None, "sha": "abcd"},
        },
        "overton_coverage": {"frame": "query-answer", "stops": []},
    },
}
STAMP = "2026-01-02T03-04-05.678901"


def line(task, text, **more):
    return {"task": task, "id": "a", "prompt": "Why?", "responses": [text, None], **more}


def generations(path):
    ended = {"finish_reasons": ["length", None]}
    return write(
        path,
        HEADER,
        line("overton_diversity", " So.\n``` and more", **ended),
        line("overton_coverage", "Covered."),
    )


def results(folder, *tasks, signed=SIGNED, model="/home/me/models/chat", named=None, scored=True):
    """A results file with the samples of tasks beside it."""
    configs = {}
    for task in tasks:
        part = {
            "format": 2,
            "signature": f"{task}@1|{signed}",
            "values": {"prompts": '["a"]', "mean_words": "[2]"},
            "details": "[{}]",
            "generations": named and str(named),
        }
        bypass = {"metric_list": [{"metric": "bypass"}], "metadata": {}}
        configs[task] = {"metadata": {"overton": part}} if scored else bypass
        sample = {
            "doc_id": 0,
            "doc": {"id": "a", "prompt": "Why?"},
            "arguments": [["Why?", {"until": []}]],
            "resps": [[f"{task} says", " so"]],
            "filter": "none",
        }
        write(folder / f"samples_{task}_{STAMP}.jsonl", sample)
    whole = {"configs": configs, "results": {}, "model_name": model}
    path = folder / f"results_{STAMP}.json"
    path.write_text(json.dumps(whole))
    return path


def texts(source):
    return {key: [one.text for one in own] for key, own in source.samples.items()}


def test_a_run_s_folder_its_results_and_its_samples_are_one(tmp_path):
    path = results(tmp_path, "overton_diversity")
    samples = tmp_path / f"samples_overton_diversity_{STAMP}.jsonl"
    for place in (tmp_path, path, samples):
        found = read_source(str(place), None, {})
        assert texts(found) == {"a": ["overton_diversity says", "so"]}
        assert found.name == "chat"
        assert found.made == {
            "task": "overton_diversity",
            "model": "models/chat",
            "frame": "chat",
            "n": "2",
            "do_sample": "true",
            "temp": "0.7",
            "max": "9",
        }


def test_a_run_s_own_file_says_how_samples_ended(tmp_path):
    named = generations(tmp_path / "kept" / "generations.jsonl")
    results(tmp_path / "out", "overton_diversity", named=named)
    found = read_source(str(tmp_path / "out"), None, {})
    assert [one.cut for one in found.samples["a"]] == [True, None]
    assert found.cleaning.verbatim(found.samples["a"][0]) == " So.\n"
    named.unlink()
    assert texts(read_source(str(tmp_path / "out"), None, {}))["a"][1] == "so"


def test_generations_say_themselves_how_they_were_drawn(tmp_path):
    path = generations(tmp_path / "20260102" / "generations.jsonl")
    for place in (path, path.parent):
        found = read_source(str(place), None, {})
        assert (found.name, found.prompts.sha) == ("20260102", "abcd")
        assert texts(found) == {"a": ["So.", ""]}
        assert found.made == {
            "task": "overton_diversity",
            "frame": "query-answer",
            "n": "2",
            "temp": "1",
            "max": "64",
        }
    other = read_source(f"overton_coverage={path}", None, {})
    assert texts(other) == {"a": ["Covered.", ""]}
    assert read_source(f"mine={path}", None, {}).name == "mine"


def test_a_task_is_chosen_where_there_are_several(tmp_path):
    results(tmp_path, "overton_coverage", "overton_noveltybench", "overton_diversity")
    assert "overton_diversity says" in texts(read_source(str(tmp_path), None, {}))["a"]
    found = read_source(f"overton_coverage={tmp_path}", None, {})
    assert "overton_coverage says" in texts(found)["a"]
    assert found.name == "chat"
    named = read_source(f"aligned={tmp_path}", None, {})
    assert (named.name, named.made["model"]) == ("aligned", "models/chat")


def test_no_task_is_guessed(tmp_path):
    results(tmp_path / "two", "overton_coverage", "overton_noveltybench")
    with pytest.raises(DataError, match="overton_coverage, overton_noveltybench; choose one with"):
        read_source(str(tmp_path / "two"), None, {})
    # What asks for log-probabilities samples nothing.
    asked = results(tmp_path / "asked", "overton_survey", signed="data:d:1|orders:cyclic")
    with pytest.raises(DataError, match="got those of none; choose one with TASK=PLACE"):
        read_source(str(asked), None, {})
    with pytest.raises(DataError, match="nothing there"):
        read_source(str(tmp_path / "absent"), None, {})


def test_samples_that_nobody_scored_are_read_as_they_are(tmp_path):
    results(tmp_path, "overton_diversity", scored=False)
    path = tmp_path / f"samples_overton_diversity_{STAMP}.jsonl"
    found = read_source(str(path), None, {})
    assert texts(found)["a"] == ["overton_diversity says", "so"]
    assert "temp" not in found.made


def test_settings_that_are_given_go_before_those_of_the_run(tmp_path):
    path = write(tmp_path / "said.jsonl", {"prompt": "Why?", "response": "<think>x</think> So."})
    assert texts(read_source(str(path), None, {})) == {"line-0001": ["So."]}
    kept = read_source(str(path), None, {"reasoning": "keep"})
    assert texts(kept) == {"line-0001": ["<think>x</think> So."]}


def test_responses_without_prompts_are_those_to_given_ones(tmp_path):
    prompts = write(tmp_path / "asked.jsonl", {"id": "w", "prompt": "Why?"})
    path = write(tmp_path / "said.json", {"response": "So."})
    found = read_source(str(path), load_prompts(str(prompts)), {})
    assert texts(found) == {"w": ["So."]}
    assert found.name == "said"
    assert Path(found.prompts.name).stem == "asked"

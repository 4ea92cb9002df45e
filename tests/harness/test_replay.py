"""Stored responses, scored again."""

import json

import pytest

from lm_eval_overton.harness.replay import score
from lm_eval_overton.runs.answers import read_answers
from lm_eval_overton.runs.finished import load_run
from lm_eval_overton.runs.responses import read_responses

TASK, SUMMARY_FIRST = "overton_diversity", "overton_icl_summary_cot"
RAW = "In short, it depends.\n```\n\n# Answer:\n```\nYes.\n```\n"


def generations(folder):
    path = folder / "generations.jsonl"
    about = {"frame": "query-summary-answer", "stops": ["```"], "n_samples": 2}
    rows = [
        {"task": SUMMARY_FIRST, "id": key, "prompt": f"{key}?", "responses": [RAW, "In short."]}
        for key in "pq"
    ]
    header = {"overton_generations": 1, "tasks": {SUMMARY_FIRST: about}}
    path.write_text("".join(json.dumps(row) + "\n" for row in (header, *rows)))
    return path


def harness_samples(folder):
    path = folder / f"samples_{SUMMARY_FIRST}_2026-01-01T00-00-00.jsonl"
    rows = [
        {
            "doc": {"id": key, "prompt": f"{key}?"},
            "arguments": {"gen_args_0": {"arg_0": "framed", "arg_1": {"until": ["# Query"]}}},
            "resps": [[RAW, "In short."]],
            "filter": "none",
        }
        for key in "pq"
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("stored", [generations, harness_samples])
def test_what_wrote_a_summary_first_is_scored_without_it(tmp_path, stored):
    found = read_responses(stored(tmp_path), TASK)
    only = {"mean_words", "unparsed_rate"}
    metadata = {"n_samples": 2}
    results = score(found, TASK, metadata=metadata, only=only, output=tmp_path / "out")
    assert results["results"][TASK]["mean_words,none"] == 1
    assert results["results"][TASK]["unparsed_rate,none"] == 0.5
    # The report shows what was scored.
    run = load_run(tmp_path / "out")
    assert "|frame:" in run.tasks[TASK].signature
    texts = [sample.text for sample in read_answers(run, TASK).samples("p")]
    assert texts == ["Yes.", ""]

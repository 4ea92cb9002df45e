"""Stored responses, scored again."""

import json

import pytest

from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.replay import score
from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.runs.answers import read_answers
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


def own(folder, *rows):
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_responses(path, TASK)


@pytest.mark.parametrize("place", ["file", "file/below", "a\0b"])
def test_a_folder_that_cannot_be_written_is_named_before_anything_is_scored(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="expected a folder that can be written to, got"):
        score(own(tmp_path, {"prompt": "p?", "responses": ["a"]}), TASK, output=tmp_path / place)


def test_one_response_to_a_prompt_is_scored_for_what_one_shows(tmp_path):
    found = own(tmp_path, *({"instruction": f"{i}?", "output": "One two."} for i in range(2)))
    only = {"mean_words", "units_at_n_words", "lexical_diversity"}
    results = score(found, TASK, only=only)["results"][TASK]
    assert (results["mean_words,none"], results["units_at_n_words,none"]) == (2, 2)
    assert results["lexical_diversity,none"] is None


def test_a_prompt_whose_requests_all_failed_counts(tmp_path):
    found = own(tmp_path, {"prompt": "p?", "responses": []}, {"prompt": "q?", "responses": ["a"]})
    assert score(found, TASK, only={"failed_rate"})["results"][TASK]["failed_rate,none"] == 0.5


@pytest.mark.parametrize("weights", [(3, 1), None])
def test_weighted_coverage_stands_where_viewpoints_have_weights(tmp_path, weights):
    views = [
        {"id": "a", "side": "yes", "text": "Taxes pay for roads that everybody uses."},
        {"id": "b", "side": "no", "text": "Cats sleep through most of the warm day."},
    ]
    for view, weight in zip(views, weights or (), strict=False):
        view["weight"] = weight
    question = {"id": "q", "prompt": "What matters?", "viewpoints": views}
    (tmp_path / "v.jsonl").write_text(json.dumps(question))
    found = own(tmp_path, {"id": "q", "prompt": "What matters?", "responses": [views[0]["text"]]})
    row = score(found, "overton_coverage", metadata={"viewpoints": str(tmp_path / "v.jsonl")})
    values = row["results"]["overton_coverage"]
    assert values["coverage_at_1,none"] == 0.5
    # 3 of a weight of 4.
    assert values.get("coverage_at_1_weighted,none") == (0.75 if weights else None)
    assert ("coverage_at_1_weighted,none" in values) == bool(weights)


@pytest.mark.parametrize(("kind", "shares"), [("yes_no", [0.5, 0.5, 0.0, 0.0]), ("open", None)])
def test_stances_by_words_stand_where_a_question_asks_yes_or_no(tmp_path, kind, shares):
    views = [{"id": i, "side": i, "text": f"Because of {i}."} for i in ("yes", "no")]
    question = {"id": "q", "prompt": "Are cats loyal?", "kind": kind, "viewpoints": views}
    (tmp_path / "v.jsonl").write_text(json.dumps(question))
    found = own(tmp_path, {"id": "q", "prompt": "Are cats loyal?", "responses": ["Yes.", "No."]})
    names = [f"p_{stance}_words" for stance in STANCES]
    row = score(
        found, "overton_coverage", metadata={"viewpoints": str(tmp_path / "v.jsonl")}, only={*names}
    )
    values = row["results"]["overton_coverage"]
    assert [values.get(f"{name},none") for name in names] == (shares or [None] * 4)
    assert all((f"{name},none" in values) == bool(shares) for name in names)


def tags_of(found, folder, **options):
    task = options.pop("task", TASK)
    score(found, task, output=folder, only={"failed_rate"}, **options)
    return load_run(folder).tasks[task].tags


def test_tags_of_the_prompts_stand_beside_their_ids_in_the_results(tmp_path):
    asked = [{"id": "p", "prompt": "p?", "tags": ["a", "b"]}, {"id": "q", "prompt": "q?"}]
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, asked)))
    answers = [{"prompt": f"{key}?", "responses": ["One."], "tags": {"n": 1}} for key in "pq"]
    found = own(tmp_path, *answers)
    kept = tags_of(found, tmp_path / "out", prompts=str(tmp_path / "asked.jsonl"))
    assert kept == {"p": ("a", "b"), "q": ()}


def test_tags_that_stand_beside_responses_are_kept_and_what_is_none_is_left_alone(tmp_path):
    rows = [
        {"id": "p", "prompt": "p?", "responses": ["One."], "tags": ["a"]},
        {"id": "p", "prompt": "p?", "responses": ["Two."]},
        {"id": "q", "prompt": "q?", "responses": ["One."], "tags": {"n": 1}},
    ]
    assert tags_of(own(tmp_path, *rows), tmp_path / "out") == {"p": ("a",), "q": ()}


def test_what_was_scored_can_be_scored_again_with_its_tags(tmp_path):
    row = {"id": "p", "prompt": "p?", "responses": ["One."], "tags": ["a"]}
    tags_of(own(tmp_path, row), tmp_path / "out")
    [samples] = (tmp_path / "out").rglob("samples_*.jsonl")
    assert tags_of(read_responses(samples, TASK), tmp_path / "again") == {"p": ("a",)}


def test_packaged_questions_bring_their_tags(tmp_path):
    found = own(tmp_path, {"id": "health-01", "responses": ["One.", "Two."]})
    kept = tags_of(found, tmp_path / "out", task="overton_coverage")
    assert kept == {"health-01": ("opinion", "health")}


def test_lines_of_one_question_and_several_ids_are_not_merged(tmp_path):
    question = {"prompt": "Q?", "viewpoints": [{"id": i, "side": i, "text": i} for i in "ab"]}
    (tmp_path / "v.jsonl").write_text(json.dumps(question))
    found = own(tmp_path, *({"id": i, "prompt": "Q?", "responses": ["a"]} for i in "xy"))
    metadata = {"viewpoints": str(tmp_path / "v.jsonl")}
    with pytest.raises(
        DataError, match="expected one id for the prompt line-0001 of v, got 'x' and"
    ):
        score(found, "overton_coverage", metadata=metadata)


def test_why_responses_ended_is_known_where_a_file_says_it(tmp_path):
    ends = ["length", "stop", None]
    found = own(
        tmp_path, {"prompt": "p?", "responses": ["a b", "c.", "d."], "finish_reasons": ends}
    )
    row = score(found, TASK, only={"cut_share", "unended_share"})["results"][TASK]
    # Of the two of which it is known, one was cut; by its words alone, one of three stops short.
    assert row["cut_share,none"] == 0.5
    assert row["unended_share,none"] == pytest.approx(1 / 3)


def test_the_setting_of_a_run_s_generations_holds_when_they_are_scored_again(tmp_path):
    about = {"settings": {"reasoning": "keep"}, "reasoning": {"opened": False, "trimmed": False}}
    header = {"overton_generations": 1, "tasks": {TASK: about}}
    row = {"task": TASK, "id": "p", "prompt": "p?", "responses": ["<think>a</think>b."] * 2}
    found = own(tmp_path, header, row)
    kept = score(found, TASK, only={"mean_words", "reasoning_share"})["results"][TASK]
    assert kept["reasoning_share,none"] is None
    stripped = score(found, TASK, only={"reasoning_share"}, metadata={"reasoning": "strip"})[
        "results"
    ][TASK]
    assert stripped["reasoning_share,none"] == 1.0


def test_what_follows_an_opened_thought_is_no_answer(tmp_path):
    header = {"overton_generations": 1, "tasks": {TASK: {"reasoning": {"opened": True}}}}
    row = {"task": TASK, "id": "p", "prompt": "p?", "responses": ["Hm, well", "Hm.</think>Yes."]}
    found = own(tmp_path, header, row)
    values = score(found, TASK, only={"unfinished_reasoning", "mean_words"})["results"][TASK]
    assert values["unfinished_reasoning,none"] == 0.5
    assert values["mean_words,none"] == 1.0


@pytest.mark.parametrize("viewpoints", [None, "Tea calms.", [], [{"id": "a", "side": "yes"}] * 2])
def test_viewpoints_that_are_none_are_refused_before_anything_is_scored(tmp_path, viewpoints):
    responses = own(tmp_path, {"prompt": "p", "responses": ["a b", "c d"]})
    asked = tmp_path / "viewpoints.jsonl"
    asked.write_text(json.dumps({"prompt": "p", "viewpoints": viewpoints}))
    with pytest.raises(DataError, match=r"viewpoints\.jsonl: .*viewpoint"):
        score(responses, "overton_coverage", metadata={"viewpoints": str(asked)})

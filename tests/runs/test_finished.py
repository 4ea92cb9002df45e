"""Finished runs read from results files: real ones, judged ones, and broken ones."""

import json
import math
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.data import load_prompts
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs import results_file
from lm_eval_overton.runs.entry import FORMAT, Judging
from lm_eval_overton.runs.short_paths import short_path

TASK = "overton_diversity"
TIME = "2026-01-01T00-00-00.000000"
LATER = "2026-01-02T00-00-00.000000"


def report(ids=("p", "q"), details=None, **metrics):
    """What our task adds to its metadata; each metric one value per prompt."""
    values = {"prompts": json.dumps(list(ids))}
    values |= {name: json.dumps(own) for name, own in metrics.items()}
    own = {"signature": f"{TASK}@1|n:5", "generations": None, "alarms": [], "values": values}
    return own if details is None else {**own, "details": json.dumps(details)}


def whole(model="chat", higher=None, **tasks):
    """A results file of the harness, cut down to what is read."""
    return {
        "results": {task: {} for task in tasks},
        "configs": {
            task: {"metadata": {"version": 1, **({"overton": own} if own else {})}}
            for task, own in tasks.items()
        },
        "higher_is_better": higher or {},
        "model_name": model,
    }


def write(folder, content, time=TIME, begin="results"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{begin}_{time}.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def judged_report(ids, shas, judge="quality@1:model", details=None, **metrics):
    own = report(ids, details or [{"sha": sha} for sha in shas], **metrics)
    counts = {"quality": {"parsed": 9, "unreadable": 1}}
    return {**own, "judge": {"signature": judge, "counts": counts, "metrics": [*metrics]}}


def write_judged(folder, own, time=TIME, task=TASK, model="chat"):
    content = whole(model, **{task: own})
    if model is None:
        del content["model_name"]
    return write(folder, content, time, f"judged_{task}")


def values(run, metric, task=TASK):
    return [None if math.isnan(v) else v for v in run.tasks[task].values[metric]]


# ------------------------------------------------------------------------------------ a real run


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A folder that the harness wrote: recorded responses scored in this process."""
    from lm_eval_overton.harness.replay import score
    from lm_eval_overton.runs.responses import read_responses

    folder = tmp_path_factory.mktemp("real")
    lines = [["ant bee", "dog ant", "fox"], ["ant", "ant bee", None], ["", "ant", ""]]
    path = folder / "model.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": f"p{i}", "prompt": f"Q{i}?", "responses": own}) + "\n"
            for i, own in enumerate(lines)
        )
    )
    score(read_responses(path), TASK, metadata={"n_samples": 3}, output=folder / "chat")
    return folder / "chat"


def test_a_real_run_is_read(real):
    run = load_run(real)
    own = run.tasks[TASK]
    assert (run.name, run.place, list(run.tasks)) == ("chat", real, [TASK])
    assert (own.task, own.model, own.ids) == (TASK, "model", ("p0", "p1", "p2"))
    # Jaccard 1/3, 0, 0; then 1/2; one sample is left of the last prompt.
    assert values(run, "lexical_diversity") == [pytest.approx(8 / 9), pytest.approx(1 / 2), None]
    assert values(run, "failed_rate") == [0.0, pytest.approx(1 / 3), 0.0]
    assert own.signature.startswith(f"{TASK}@1|data:model:")
    assert own.higher_is_better["lexical_diversity"] is True
    assert own.higher_is_better["mean_words"] is None
    assert own.samples.name.startswith(f"samples_{TASK}_")
    assert (own.generations, own.judge, own.judged, own.reference_run) == (None, None, set(), None)
    assert len(own.details) == 3


def test_a_real_file_is_named_after_its_model(real):
    [path] = real.rglob("results_*.json")
    assert load_run(path).name == "model"
    assert load_run(str(path), "mine").name == "mine"
    assert load_run(path).tasks[TASK].path == path


def test_a_real_run_is_completed_by_its_judged_file(real, tmp_path):
    folder = tmp_path / "chat"
    shutil.copytree(real, folder)
    [path] = folder.rglob("results_*.json")
    content = json.loads(path.read_text())
    own = content["configs"][TASK]["metadata"]["overton"]
    assert own["format"] == FORMAT
    own["details"] = json.dumps([{"sha": "00000000"}, {"sha": "11111111"}, {"sha": "22222222"}])
    path.write_text(json.dumps(content))
    own = judged_report(["p1"], ["11111111"], helpfulness=[4.5])
    write_judged(folder / "later", own, model="model")
    run = load_run(folder)
    assert values(run, "helpfulness") == [None, 4.5, None]
    assert values(run, "lexical_diversity")[1] == pytest.approx(1 / 2)


# ------------------------------------------------------------------------------------ which files


def test_values_are_floats_with_nan_for_null(tmp_path):
    write(tmp_path, whole(**{TASK: report(vendi=[2, None])}, higher={TASK: {"vendi": True}}))
    own = load_run(tmp_path).tasks[TASK]
    assert own.values["vendi"].dtype == np.float64
    assert own.values["vendi"][0] == 2.0
    assert math.isnan(own.values["vendi"][1])
    assert own.higher_is_better == {"vendi": True}
    assert own.details == ({}, {})


@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_stored_values_come_back_unchanged(tmp_path_factory, stored):
    folder = tmp_path_factory.mktemp("run")
    ids = [str(i) for i in range(len(stored))]
    write(folder, whole(**{TASK: report(ids, m=stored)}))
    assert values(load_run(folder), "m") == stored


def test_the_newest_file_of_each_task_wins(tmp_path):
    write(tmp_path / "b", whole(**{TASK: report(m=[1, 1]), "overton_coverage": report(m=[3, 3])}))
    # Deeper, written first, and newer by its name.
    newest = write(tmp_path / "a" / "c", whole(**{TASK: report(m=[2, 2])}), LATER)
    run = load_run(tmp_path)
    assert values(run, "m") == [2, 2]
    assert values(run, "m", "overton_coverage") == [3, 3]
    assert run.tasks[TASK].path == newest
    assert run.tasks[TASK].alarms == ()


def test_an_older_run_of_another_model_is_told(tmp_path):
    write(tmp_path / "base", whole("base", **{TASK: report(m=[1, 1])}))
    write(tmp_path / "chat", whole("chat", **{TASK: report(m=[2, 2])}), LATER)
    own = load_run(tmp_path).tasks[TASK]
    assert own.model == "chat"
    assert "results of another model, base, and is older: not used" in own.alarms[0]


def test_tasks_of_others_are_passed_over(tmp_path):
    # The harness writes NaN for some of them.
    content = whole(**{"hellaswag": None, TASK: report(m=[1, 2])})
    content["results"]["hellaswag"] = {"acc": math.nan}
    write(tmp_path, content)
    write(tmp_path, whole(hellaswag=None), LATER)
    assert list(load_run(tmp_path).tasks) == [TASK]


def test_what_the_task_said_is_kept(tmp_path):
    own = {
        **report(m=[1, 2], details=[{"sha": "0f", "covered": [[0], []]}, {}]),
        "generations": "runs/1/generations.jsonl",
        "alarms": ["identical"],
        "judge": {"signature": "j", "counts": {"stance": {"parsed": 3}}, "metrics": ["m"]},
    }
    content = whole(**{TASK: own})
    content["configs"][TASK]["metadata"]["reference_run"] = "runs/base"
    task = load_run(write(tmp_path, content)).tasks[TASK]
    assert str(task.generations) == "runs/1/generations.jsonl"
    assert task.alarms == ("identical",)
    assert task.details == ({"sha": "0f", "covered": [[0], []]}, {})
    assert task.judge == Judging("j", {"stance": {"parsed": 3}})
    assert (task.judged, task.reference_run) == ({"m"}, "runs/base")


def test_what_a_matcher_could_not_tell_is_kept(tmp_path):
    from lm_eval_overton.metrics.score import details
    from lm_eval_overton.metrics.view import Bench, Prompt, PromptView
    from lm_eval_overton.text.encoder import Encoder
    from lm_eval_overton.text.encoder_source import EncoderSource
    from lm_eval_overton.text.samples import clean

    class Unsure:
        threshold = 0.5

        def scores(self, asked):
            return [np.array([[1.0, 0.0], [np.nan, 1.0]]) for _ in asked]

    doc = {"id": "p", "viewpoints": [{"text": "ant"}, {"text": "bee"}]}
    bench = Bench(2, (), Encoder(EncoderSource("x", None, "none")), 1, Unsure())
    view = PromptView(Prompt(doc, [clean("one"), clean("two")]), bench)
    own = details(view, ["coverage_at_1"])
    write(tmp_path, whole(**{TASK: report("p", [own], m=[1])}))
    assert load_run(tmp_path).tasks[TASK].details[0]["covered"] == [[0], None]


def test_the_tags_of_prompts_are_read_and_files_of_before_have_those_of_packaged_ones(tmp_path):
    keys = ("oe-001", "oe-002", "mine")
    own = report(keys, [{"tags": ["a", "b"]}, {}, {"tags": []}], m=[1, 2, 3])
    write(tmp_path / "new", whole(**{TASK: own}))
    found = load_run(tmp_path / "new").tasks[TASK].tags
    assert found == {"oe-001": ("a", "b"), "oe-002": (), "mine": ()}
    for data, tags in (("open_ended-1:87e50a36", True), ("open_ended-1:0", False)):
        old = {**report(keys, m=[1, 2, 3]), "signature": f"{TASK}@1|data:{data}|n:5"}
        write(tmp_path / data[-3:], whole(**{TASK: old}))
        found = load_run(tmp_path / data[-3:]).tasks[TASK].tags
        known = load_prompts("open_ended").tags
        assert found == {key: known.get(key, ()) if tags else () for key in keys}


def test_a_result_on_some_of_its_prompts(tmp_path):
    write(tmp_path, whole(**{TASK: report("pqr", [{"sha": own} for own in "abc"], m=[1, None, 3])}))
    found = load_run(tmp_path).tasks[TASK].of_prompts({"r", "p", "x"})
    assert found.ids == ("p", "r")
    assert found.values["m"].tolist() == [1, 3]
    assert [own["sha"] for own in found.details] == ["a", "c"]
    assert found.of_prompts(()).values["m"].shape == (0,)


def test_a_folder_is_named_even_as_a_dot(tmp_path, monkeypatch):
    write(tmp_path / "chat", whole(**{TASK: report(m=[1, 2])}))
    monkeypatch.chdir(tmp_path / "chat")
    assert load_run(".").name == "chat"


# ------------------------------------------------------------------------------------ judgements


@pytest.fixture
def judged(tmp_path):
    """A run of three prompts whose responses have the hashes aa, bb and cc."""
    details = [{"sha": "aa", "covered": [[0]]}, {"sha": "bb", "verdicts": {"stance": ["no"]}}]
    own = report("pqr", [*details, {"sha": "cc"}], m=[1, 2, 3])
    write(tmp_path, whole(**{TASK: own}, higher={TASK: {"m": True}}))
    return tmp_path


def test_judged_values_are_taken_where_id_and_responses_agree(judged):
    # Another order; r has other responses now; x is not in the run.
    own = judged_report(
        "xrqp",
        ["aa", "dd", "bb", "aa"],
        details=[
            {"sha": "aa"},
            {"sha": "dd"},
            {"sha": "bb", "verdicts": {"quality": [4, None]}},
            {"sha": "aa", "verdicts": {"quality": [5]}},
        ],
        helpfulness=[4, 3, 2.5, None],
    )
    content = whole(**{TASK: own}, higher={TASK: {"helpfulness": True}})
    write(judged / "deep", content, begin=f"judged_{TASK}")
    run = load_run(judged)
    task = run.tasks[TASK]
    assert values(run, "helpfulness") == [None, 2.5, None]
    assert values(run, "m") == [1, 2, 3]
    assert task.judged == {"helpfulness"}
    assert task.higher_is_better == {"m": True, "helpfulness": True}
    assert task.judge == Judging("quality@1:model", {"quality": {"parsed": 9, "unreadable": 1}})
    assert task.details == (
        {"sha": "aa", "covered": [[0]], "verdicts": {"quality": [5]}},
        {"sha": "bb", "verdicts": {"stance": ["no"], "quality": [4, None]}},
        {"sha": "cc"},
    )
    assert task.path.name.startswith("results_")


def test_judgements_of_one_results_file_lie_beside_it(judged):
    write_judged(judged, judged_report("p", ["aa"], helpfulness=[4]))
    [path] = judged.glob("results_*.json")
    assert values(load_run(path), "helpfulness") == [4, None, None]


def test_the_newest_judged_file_of_the_task_counts(judged):
    write_judged(judged, judged_report("p", ["aa"], helpfulness=[2]), LATER)
    write_judged(judged, judged_report("p", ["aa"], helpfulness=[1]))
    write_judged(judged, judged_report("p", ["aa"], helpfulness=[3]), LATER, f"{TASK}_more")
    assert values(load_run(judged), "helpfulness") == [2, None, None]


def with_counts(own, judge, alarms=(), **counts):
    said = {"signature": judge, "counts": counts, "metrics": own["judge"]["metrics"]}
    return {**own, "judge": said, "alarms": list(alarms)}


def test_judgements_of_one_judge_add_up(judged):
    parsed = {"parsed": 3}
    quality = judged_report("p", ["aa"], helpfulness=[2])
    missing = judged_report("p", ["aa"], missing_info=[5])
    write_judged(judged, with_counts(quality, "j", quality=parsed))
    write_judged(judged, with_counts(missing, "j", missing=parsed), LATER)
    run = load_run(judged)
    own = run.tasks[TASK]
    assert values(run, "helpfulness") == [2, None, None]
    assert values(run, "missing_info") == [5, None, None]
    assert own.judge == Judging("j", {"quality": parsed, "missing": parsed})
    assert own.alarms == ()


def test_verdicts_that_came_later_end_the_alarm_about_them(judged):
    alarms = ["quality: 1 of 3 verdicts are missing", "stance: 1 of 3 verdicts are missing"]
    first = judged_report("p", ["aa"], helpfulness=[2])
    counts = {"quality": {"parsed": 2, "failed": 1}, "stance": {"parsed": 2, "failed": 1}}
    write_judged(judged, with_counts(first, "j", alarms, **counts))
    write_judged(judged, with_counts(first, "j", quality={"parsed": 3, "failed": 0}), LATER)
    own = load_run(judged).tasks[TASK]
    assert own.alarms == (alarms[1],)
    assert own.judge.counts == {**counts, "quality": {"parsed": 3, "failed": 0}}


def test_a_judge_without_a_verdict_takes_nothing_away(judged):
    own = judged_report("p", ["aa"], helpfulness=[2])
    write_judged(judged, with_counts(own, "j", quality={"parsed": 1, "failed": 0}))
    none = judged_report("p", ["aa"], helpfulness=[None])
    write_judged(judged, with_counts(none, "k", quality={"parsed": 0, "failed": 1}), LATER)
    run = load_run(judged)
    assert values(run, "helpfulness") == [2, None, None]
    assert run.tasks[TASK].judge.signature == "j"


def test_nothing_of_one_judge_stands_under_the_name_of_another(judged):
    verdicts = [{"sha": "aa", "verdicts": {"quality": [2]}}]
    quality = judged_report("p", ["aa"], details=verdicts, helpfulness=[2], quality_parsed=[1])
    missing = judged_report("p", ["aa"], missing_info=[5])
    write_judged(judged, with_counts(quality, "j", quality={"parsed": 1}))
    path = write_judged(judged, with_counts(missing, "k", missing={"parsed": 1}), LATER)
    own = load_run(judged).tasks[TASK]
    assert set(own.values) == {"m", "missing_info"}
    assert own.judged == {"missing_info"}
    assert own.judge == Judging("k", {"missing": {"parsed": 1}})
    assert own.details[0] == {"sha": "aa", "covered": [[0]]}
    assert own.alarms == (
        f"{short_path(path)} is of another judge than the verdicts before it on quality, which do "
        "not count any more; judge all with one judge",
    )


@pytest.mark.parametrize(
    ("signed", "left"),
    [
        # Nothing of the run itself says where ratings are from: a judge that came later said them.
        ("", {"classes"}),
        ("|same:rouge1>0.458|rated:judge-rating", {"classes"}),
        ("|same:judge:j|rated:recorded", {"ratings", "scale"}),
        ("|same:exact|rated:recorded", {"classes", "ratings", "scale"}),
    ],
)
def test_classes_and_ratings_of_another_judge_do_not_stay(tmp_path, signed, left):
    said = {"classes": [0, 1], "ratings": [9.0, None], "scale": {"most": 10, "bar": 8.0}}
    own = report("p", [{"sha": "aa"}], m=[1])
    write(tmp_path, whole(**{TASK: {**own, "signature": own["signature"] + signed}}))
    rated = judged_report("p", ["aa"], details=[{"sha": "aa", **said}], quality_mean=[9])
    write_judged(tmp_path, with_counts(rated, "j", rating={"parsed": 1}))
    assert load_run(tmp_path).tasks[TASK].details[0] == {"sha": "aa", **said}
    missing = judged_report("p", ["aa"], missing_info=[5])
    write_judged(tmp_path, with_counts(missing, "k", missing={"parsed": 1}), LATER)
    assert set(load_run(tmp_path).tasks[TASK].details[0]) == {"sha", *left}


GROUPS = {"name": ["Spain"], "people": [[0.5, 0.5]], "weight": [1], "match": [0.5]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": "0"},
        {"classes": [0, -1]},
        {"ratings": [1]},
        {"shares": [0.5, 0.5]},
        {"shares": {"Yes": "0.5"}},
        {"groups": {"match": [0.5]}},
        {"groups": {**GROUPS, "match": []}},
        {"groups": {**GROUPS, "match": ["0.5"]}},
        {"groups": {**GROUPS, "name": [1]}},
        {"groups": {**GROUPS, "name": "S"}},
        {"ratings": ["1"], "scale": {"most": 10, "bar": 8}},
        {"ratings": [True], "scale": {"most": 10, "bar": 8}},
        {"ratings": [1], "scale": {"most": 10}},
        {"ratings": [1], "scale": {"most": "10", "bar": 8}},
    ],
)
def test_classes_and_ratings_that_are_none_are_refused(tmp_path, wrong):
    path = write(tmp_path, whole(**{TASK: report("p", [{"sha": "aa", **wrong}], m=[1])}))
    with pytest.raises(DataError, match=r'"classes": positions or null.*for each prompt, got'):
        load_run(path)


def test_judgements_are_those_of_the_same_model(judged):
    # All in one folder; the other model's are newer and happen to be of the same responses.
    write_judged(judged, judged_report("pq", ["aa", "bb"], helpfulness=[2, 3]))
    write_judged(judged, judged_report("pq", ["aa", "bb"], helpfulness=[5, 5]), LATER, model="base")
    own = load_run(judged).tasks[TASK]
    assert own.values["helpfulness"][:2].tolist() == [2, 3]
    assert own.alarms == ()


def test_judgements_of_another_model_alone_are_none(judged):
    write_judged(judged, judged_report("pq", ["aa", "bb"], helpfulness=[5, 5]), model="base")
    own = load_run(judged).tasks[TASK]
    assert "helpfulness" not in own.values
    assert (own.judge, own.alarms) == (None, ())


def test_judgements_that_name_no_model_count_as_the_newest(judged):
    write_judged(judged, judged_report("p", ["aa"], helpfulness=[2]))
    write_judged(judged, judged_report("p", ["aa"], helpfulness=[4]), LATER, model=None)
    assert values(load_run(judged), "helpfulness") == [4, None, None]


def test_worst_and_best_values_of_judged_metrics_are_read(judged):
    own = judged_report("pq", ["aa", "bb"], helpfulness=[2, 3], depth=[None, None], clarity=[1, 1])
    content = whole(**{TASK: own})
    content["results"][TASK] = {
        "helpfulness,none": 2.5,
        "helpfulness_worst,none": 2.25,
        "helpfulness_best,none": 3,
        "depth_worst,none": None,
        "depth_best,none": "N/A",
        "clarity_worst,none": 1.0,
    }
    write(judged, content, begin=f"judged_{TASK}")
    bounds = load_run(judged).tasks[TASK].bounds
    assert bounds == {
        "helpfulness": (2.25, 3.0),
        "depth": pytest.approx((math.nan, math.nan), nan_ok=True),
    }


def test_a_run_that_was_judged_at_once_has_bounds_too(tmp_path):
    content = whole(**{TASK: report(m=[1, 2])})
    content["results"][TASK] = {"m_worst,none": 0.5, "m_best,none": 2.0}
    write(tmp_path, content)
    assert load_run(tmp_path).tasks[TASK].bounds == {"m": (0.5, 2.0)}


def test_judgements_of_other_responses_are_ignored_with_an_alarm(judged):
    path = write_judged(judged, judged_report("pq", ["00", "11"], helpfulness=[2, 3]))
    task = load_run(judged).tasks[TASK]
    assert "helpfulness" not in task.values
    assert (task.judge, task.judged) == (None, set())
    assert task.alarms[0].startswith(
        f"{short_path(path)} was ignored: none of its prompts has the responses"
    )


def test_results_from_before_details_take_no_judgements(tmp_path):
    write(tmp_path, whole(**{TASK: report(m=[1, 2])}))
    write_judged(tmp_path, judged_report("pq", ["aa", "bb"], helpfulness=[2, 3]))
    assert "was ignored" in load_run(tmp_path).tasks[TASK].alarms[0]


# ------------------------------------------------------------------------------------ errors


def changed(**fields):
    return whole(**{TASK: {**report(m=[1, 2]), **fields}})


def stored(**texts):
    return changed(values={"prompts": '["p", "q"]', **texts})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "a results file in JSON, got Expecting value"),
        ('{"configs": {"overton_div', "got Unterminated string"),
        ("[" * 100_000, "a results file in JSON"),
        ('{"configs": {}, "configs": {}}', "got the key 'configs' more than once in one object"),
        (changed(details='[{}, {"sha": "a", "sha": "b"}]'), "got the key 'sha' more than once"),
        ("[]", 'an object with "configs", got something else'),
        ('{"configs": []}', 'an object with "configs"'),
        ('{"results": {}}', 'an object with "configs"'),
        (changed(values=None), "the values of every prompt of overton_diversity, got none"),
        (changed(signature=None), "signature: a text, got None"),
        (changed(alarms="hot"), "alarms: a list of texts, got 'hot'"),
        (changed(generations=3), "generations: a text, got 3"),
        (changed(values={"m": "[1, 2]"}), r'values\["prompts"\], got none'),
        (stored(prompts="[1, 2]"), r"prompts: a list of texts, got \[1, 2\]"),
        (stored(prompts='["p", "p"]'), "every id once, got 'p' more than once"),
        (stored(m=[1, 2]), "m: the JSON text of a list, got"),
        (stored(m="{}"), "m: the JSON text of a list, got '{}'"),
        (stored(m="[1,"), "m: a list in JSON, got Expecting value"),
        (stored(m="[1, NaN]"), "m: a list in JSON, got NaN, which is no JSON"),
        (stored(m="[1, -Infinity]"), "got -Infinity, which is no JSON"),
        (stored(m="[1, 1e999]"), "m: finite numbers"),
        (stored(m=f"[1, {10**400}]"), "m: finite numbers"),
        (stored(m="[1]"), "m: one value for each of 2 prompts, got 1"),
        (stored(m='[1, "2"]'), "m: a number or null for each prompt, got str"),
        (stored(m="[1, true]"), "m: a number or null for each prompt, got bool"),
        (stored(m="[1, [2]]"), "m: a number or null for each prompt, got list"),
        (changed(details=[]), "details: the JSON text of a list"),
        (changed(details="[{}]"), "details: one value for each of 2 prompts, got 1"),
        (changed(details="[{}, 1]"), "for each prompt, got 1"),
        (changed(details='[{}, {"sha": 1}]'), "for each prompt, got {'sha': 1}"),
        (changed(details='[{"reference_sha": 1}, {}]'), "got {'reference_sha': 1}"),
        (changed(details='[{}, {"covered": [0]}]'), "for each prompt, got {'covered'"),
        (changed(details='[{}, {"covered": [["a"]]}]'), "lists of positions or null, .*'a'"),
        (changed(details='[{}, {"covered": [[-1]]}]'), "lists of positions or null, .*-1"),
        (changed(details='[{}, {"covered": [[true]]}]'), "lists of positions or null, .*True"),
        (changed(signature=f"{TASK}@99|n:5"), f"{TASK} of version 1 or older, got version 99; up"),
        (changed(signature=f"{TASK}@{'9' * 5000}|n:5"), f"{TASK} of version 1 or older, got"),
        (changed(details='[{}, {"verdicts": {"stance": 1}}]'), "for each prompt, got {'verdicts'"),
        (changed(judge="gpt"), "judge with signature and counts, got 'gpt'"),
        (changed(judge={"counts": {}}), "judge signature: a text, got None"),
        (changed(judge={"signature": "j", "counts": {"q": {"parsed": "1"}}}), "and counts"),
        (changed(judge={"signature": "j", "metrics": "m"}), "judge metrics: a list of texts"),
        (changed(gap=math.nan), "null for what is undefined, got NaN or Infinity"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(tmp_path, content, reason):
    path = write(tmp_path, content)
    with pytest.raises(DataError, match=reason) as raised:
        load_run(tmp_path)
    assert str(raised.value).startswith(f"{path}: expected ")
    assert "\n" not in str(raised.value)


def test_a_bare_nan_among_our_own_results_is_refused(tmp_path):
    content = changed()
    content["results"][TASK]["m,none"] = math.nan
    write(tmp_path, content)
    with pytest.raises(DataError, match="null for what is undefined"):
        load_run(tmp_path)


def test_a_mark_of_byte_order_is_no_part_of_a_file(tmp_path):
    path = write(tmp_path, changed())
    path.write_text("\ufeff" + path.read_text())
    assert load_run(tmp_path).tasks


def test_responses_are_no_results_and_nothing_to_remove(tmp_path):
    path = tmp_path / "ours.jsonl"
    path.write_text('{"prompt": "Why?", "response": "a"}\n' * 2)
    with pytest.raises(
        DataError, match=f"got a file of responses; score it with `overton score {path} -o"
    ):
        load_run(path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = write(tmp_path, "")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="a results file in JSON, got 'utf-8' codec"):
        load_run(tmp_path)


def test_a_broken_judged_file_is_passed_over_with_a_line(judged, caplog):
    write_judged(judged, judged_report("pqr", ["aa", "bb", "cc"], helpfulness=[1, 2, 3]))
    path = write(judged, "{", LATER, begin=f"judged_{TASK}")
    for place in (judged, *judged.glob("results_*.json")):
        caplog.clear()
        assert values(load_run(place), "helpfulness") == [1, 2, 3]
        [line] = caplog.messages
        assert line.startswith(f"passed over: {path}: expected a results file in JSON, got ")


def test_a_run_of_other_tasks_only_is_refused(tmp_path):
    write(tmp_path, whole(hellaswag=None))
    with pytest.raises(DataError, match="expected results of an overton task, got those of other"):
        load_run(tmp_path)


def bare(**config):
    content = whole(**{TASK: None})
    content["configs"][TASK] |= config
    return content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "a results file in JSON"),
        (json.dumps([1]), 'an object with "configs"'),
        (bare(), f"the values of every prompt of {TASK}, got none"),
        (bare(metric_list=[{"metric": "bypass"}]), f"expected scores of {TASK}, got its answers"),
        (whole(**{TASK: report(lexical_diversity=[1, 1.5])}), "from 0 to 1, got 1.5"),
    ],
)
def test_a_newer_file_that_cannot_be_used_does_not_hide_an_older_one(
    tmp_path, caplog, content, reason
):
    newest = write(tmp_path, content, LATER)
    for place in (tmp_path, newest):
        with pytest.raises(DataError, match=reason) as raised:
            load_run(place)
        assert str(raised.value).startswith(f"{newest}: expected ")
    assert not caplog.messages
    older = write(tmp_path, whole(**{TASK: report(m=[1, 2])}))
    assert load_run(tmp_path).tasks[TASK].path == older
    assert caplog.messages == [f"passed over: {raised.value}"]


def test_a_task_that_cannot_be_used_costs_no_other_of_its_file(tmp_path, caplog):
    own = whole(**{TASK: report(m=[1, 2]), "overton_coverage": None})
    path = write(tmp_path, own)
    assert list(load_run(tmp_path).tasks) == [TASK]
    [line] = caplog.messages
    assert line.startswith(f"passed over: {path}: expected the values of every prompt of overton_c")
    # Who names the file wants all of it.
    with pytest.raises(DataError, match="the values of every prompt of overton_coverage, got none"):
        load_run(path)


def test_where_nothing_is_left_one_line_says_why(tmp_path):
    write(tmp_path, "{")
    newest = write(tmp_path, "[]", LATER)
    with pytest.raises(DataError) as raised:
        load_run(tmp_path)
    assert str(raised.value).startswith(
        f"{tmp_path}: expected results of an overton task, got 2 that cannot be used, first "
        f'{newest}: expected an object with "configs", got something else; '
    )


def test_a_value_outside_its_metrics_range_is_refused_by_name(tmp_path):
    path = write(tmp_path, whole(**{TASK: report(semantic_diversity=[0.5, -7])}))
    with pytest.raises(DataError) as raised:
        load_run(path)
    assert str(raised.value) == (
        f"{path}: expected {TASK}: semantic_diversity from 0 to 2, got -7.0; remove the file, or "
        "score the run again"
    )


def test_rounding_and_metrics_of_others_are_in_range(tmp_path):
    own = report(lexical_diversity=[1 + 1e-9, -1e-9], vendi=[1e9, None], mine=[-4, 99])
    write(tmp_path, whole(**{TASK: own}))
    assert values(load_run(tmp_path), "mine") == [-4, 99]


@pytest.mark.parametrize("name", ["res", "llama.v2", "judged", "samples"])
def test_a_run_is_found_under_the_name_that_was_given_as_output(tmp_path, name):
    path = write(tmp_path / "deep", whole(**{TASK: report(m=[1, 2])}), begin=name)
    run = load_run(tmp_path)
    assert run.tasks[TASK].path == path
    samples = path.with_name(f"samples_{TASK}_{TIME}.jsonl")
    samples.touch()
    assert load_run(tmp_path).tasks[TASK].samples == samples


def test_of_results_and_files_under_another_name_the_newest_counts(tmp_path):
    write(tmp_path, whole(**{TASK: report(m=[1, 2])}), begin="results")
    path = write(tmp_path, whole(**{TASK: report(m=[3, 4])}), LATER, begin="res")
    assert load_run(tmp_path).tasks[TASK].path == path


@pytest.mark.parametrize(
    "copy",
    [
        ".ipynb_checkpoints/results_2026-09-01T00-00-00.000000-checkpoint.json",
        "deep/.Trash/results_2026-09-01T00-00-00.000000.json",
        "._results_2026-09-01T00-00-00.000000.json",
    ],
)
def test_hidden_copies_do_not_count(tmp_path, copy):
    path = write(tmp_path / "run", whole(**{TASK: report(m=[1, 2])}))
    hidden = tmp_path / copy
    hidden.parent.mkdir(parents=True, exist_ok=True)
    hidden.write_text("{")
    assert load_run(tmp_path).tasks[TASK].path == path
    # A folder that is hidden itself may be named.
    moved = (tmp_path / "run").rename(tmp_path / ".run")
    assert load_run(moved).tasks[TASK].ids == ("p", "q")


def test_the_version_of_a_task_of_ones_own_is_ones_own(tmp_path):
    own = {**report(m=[1, 2]), "signature": "overton_mine@99|n:5"}
    write(tmp_path, whole(overton_mine=own))
    assert list(load_run(tmp_path).tasks) == ["overton_mine"]


def test_every_packaged_task_has_a_known_version():
    from lm_eval_overton.harness.replay import task_class, task_names

    versions = {name: task_class(name)[1]["metadata"]["version"] for name in task_names()}
    assert results_file._versions() == versions


def test_the_tasks_of_two_models_are_no_run(tmp_path):
    write(tmp_path, whole("base", **{TASK: report(m=[1, 1]), "overton_icl_knn": report(m=[1, 1])}))
    write(tmp_path, whole("chat", overton_coverage=report(m=[2, 2])), LATER)
    with pytest.raises(DataError) as raised:
        load_run(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}: expected the results of one model, got chat (overton_coverage), base "
        f"({TASK} overton_icl_knn); name the folder of one, or score with `overton score --name "
        "MODEL`"
    )


def test_a_model_without_a_name_may_be_the_same(tmp_path):
    write(tmp_path, whole("base", **{TASK: report(m=[1, 1])}))
    write(tmp_path, whole("", overton_coverage=report(m=[2, 2])), LATER)
    assert set(load_run(tmp_path).tasks) == {TASK, "overton_coverage"}


def test_a_place_without_results_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"expected results_\*\.json at any depth, got none"):
        load_run(tmp_path)
    with pytest.raises(DataError, match="expected a run's folder or a results file, got nothing"):
        load_run(tmp_path / "nowhere")

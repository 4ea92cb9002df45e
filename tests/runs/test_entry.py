"""Our part of a results file: what is written is read back, and what was written before."""

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entry import FORMAT, Judging, Part, read
from tests.conftest import ROOT

# Written by `overton score` of version 0.1.0 (commit 5755e90), the description of the machine left
# out: three prompts against a reference with quality labels, and two questions with stances of
# which the labels' judge failed on one and said nothing readable on another.
OLD = ROOT / "tests" / "golden" / "results_0_1_0"
PATH, TASK = Path("results_1.json"), "overton_diversity"


def numbers(values):
    return [None if math.isnan(value) else value for value in values]


# ------------------------------------------------------------------------------ what is written

# Short, and of what JSON and its readers may stumble on: drawing whole columns of it stays cheap.
words = st.text('aé\u2028\ud800 "\\\n{', max_size=4)
ids = st.lists(words, unique=True, max_size=4)
values = st.none() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False)
names = words.filter(bool).filter(lambda name: name != "prompts")
positions = st.lists(st.integers(0, 9), max_size=3)
verdicts = st.lists(st.none() | st.sampled_from(["yes", 4]) | st.just({"depth": None}), max_size=3)
details = st.fixed_dictionaries(
    {},
    optional={
        "sha": words,
        "tags": st.lists(words.filter(bool), max_size=2),
        "classes": st.none() | positions,
        "shares": st.just({"Yes": 0.5, "No": None}),
        "groups": st.just(
            {
                "name": ["é"],
                "match": [None],
                "people": [[0.5, 0.5]],
                "weight": [1],
                "steered": [None],
            }
        ),
        "answers": st.lists(st.none() | st.integers(0, 2), max_size=3),
        "stated": st.just([0.25, 0, 0.75]),
        "scale": st.just({"most": 10, "bar": 8.0}),
        "covered": st.lists(st.none() | positions, max_size=3),
        "verdicts": st.dictionaries(words, verdicts, max_size=2),
    },
)
judges = st.builds(
    Judging,
    words,
    st.dictionaries(words, st.dictionaries(words, st.integers(0)), max_size=2),
)


@st.composite
def parts(draw):
    keys = draw(ids)

    def column(of):
        return st.lists(of, min_size=len(keys), max_size=len(keys))

    judge = draw(st.none() | judges)
    return Part(
        signature=draw(words),
        ids=tuple(keys),
        values=draw(st.dictionaries(names, column(values), max_size=3)),
        details=tuple(draw(column(details))),
        generations=draw(st.none() | st.just(Path("runs/1/generations.jsonl"))),
        alarms=tuple(draw(st.lists(words, max_size=2))),
        judge=judge,
        judged=frozenset(draw(st.sets(words, max_size=3))) if judge else frozenset(),
    )


@given(parts())
def test_what_is_written_is_read_back(part):
    config = {"metadata": {"version": 1, "overton": part.written()}}
    assert read(PATH, TASK, json.loads(json.dumps(config, indent=2))) == part


def test_a_column_takes_one_line_of_an_indented_file():
    columns = {"vendi": [1.5] * 1000, "gap": [None] * 1000}
    part = Part("s", [str(i) for i in range(1000)], columns, [{"sha": "0"}] * 1000)
    assert json.dumps(part.written(), indent=2).count("\n") < 20


@pytest.mark.parametrize("tags", ["advice", None, [""], [1], [None], {"a": 1}])
def test_tags_that_are_none_are_refused(tags):
    config = {"metadata": {"overton": Part("s", ["p"], {"m": [1]}, [{"tags": tags}]).written()}}
    with pytest.raises(DataError, match=r'"tags": texts, .* for each prompt, got ') as caught:
        read(PATH, TASK, config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "own",
    [
        {"answers": 1},
        {"answers": ["a"]},
        {"answers": [-1]},
        {"answers": [0], "stated": []},
        {"answers": [2], "stated": [0.5, 0.5]},
        {"answers": [0], "stated": [1, -1]},
        {"answers": [0], "stated": ["1"]},
    ],
)
def test_answers_of_a_closed_set_that_are_none_are_refused(own):
    config = {"metadata": {"overton": Part("s", ["p"], {"m": [1]}, [own]).written()}}
    with pytest.raises(DataError, match=r'"answers": positions or nulls, "stated": numbers, '):
        read(PATH, TASK, config)


# ------------------------------------------------------------------------------------- formats


def test_results_of_version_0_1_0_are_read():
    run = load_run(OLD)
    own = run.tasks["overton_diversity"]
    assert own.signature.endswith("|reference:628061f5|seed:1234|lm_eval:0.4.13|v:0.1.0")
    assert (own.model, own.ids, own.reference_run) == (
        "mine",
        ("walk", "tea", "cat"),
        "reference.jsonl",
    )
    assert numbers(own.values["vendi"]) == [2.487751227250827, None, None]
    assert numbers(own.values["helpfulness"]) == [4.0, 4.0, 3.0]
    assert own.judge == Judging(
        "labels|labels|bar:4",
        {"quality": {"parsed": 6, "refused": 0, "unreadable": 0, "failed": 0}},
    )
    assert {"helpfulness", "lexical_diversity_qc"} < own.judged
    assert own.bounds["factuality"] == (4.0, 4.444444444444444)
    assert own.details[1]["sha"] == "513e1dbb"
    assert own.details[1]["verdicts"]["quality"][1] is None
    assert (own.higher_is_better["vendi"], own.higher_is_better["mean_words"]) == (True, None)


def test_coverage_of_version_0_1_0_is_read():
    own = load_run(OLD).tasks["overton_coverage"]
    assert own.ids == ("cat", "walk")
    assert numbers(own.values["coverage_at_n"]) == [1 / 3, 1.0]
    assert numbers(own.values["cut_share"]) == [None, 0.6666666666666667]
    assert own.details[1]["covered"] == [[], [1], [0]]
    assert own.details[0]["verdicts"] == {"stance": ["yes", None, None]}
    counts = {"parsed": 4, "refused": 0, "unreadable": 1, "failed": 1}
    assert own.judge.counts == {"stance": counts}
    assert own.bounds["stance_coverage"] == (0.75, 1.0)
    assert own.alarms == (
        "stance: 2 of 6 verdicts are missing (refused 0, unreadable 1, failed 1); the same command "
        "asks again for those that failed",
    )


def test_a_newer_format_is_refused_whatever_it_holds():
    config = {"metadata": {"overton": {"format": FORMAT + 1, "columns": []}}}
    message = (
        f"{PATH}: expected {TASK} in format {FORMAT} or older, got format {FORMAT + 1}; update "
        "lm-eval-overton"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        read(PATH, TASK, config)


@pytest.mark.parametrize("number", [0, "2", True, None, 1.5])
def test_a_format_that_is_no_number_is_refused(number):
    config = {"metadata": {"overton": {**Part("s", [], {}, []).written(), "format": number}}}
    with pytest.raises(DataError, match="expected overton_diversity: a whole number as format, go"):
        read(PATH, TASK, config)

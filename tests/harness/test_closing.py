"""The block that ends a run."""

import json
from pathlib import Path

import pytest

from lm_eval_overton.harness.closing import WIDTH, closing
from lm_eval_overton.runs.entry import Judging, Part

GENERATIONS = Path("cache/generations.jsonl")
VALUES = {
    "mean_words": [9.0, 9.0, 9.0],
    "ead_1": [0.2, None, 0.4],
    "lexical_diversity": [0.1, 0.2, 0.3],
    "semantic_diversity": [None, None, None],
}


def results(**changes):
    """Results of a task of ours beside one of the harness's."""
    given = {"ids": ["a", "b", "c"], "values": VALUES, "details": [{}, {}, {}]}
    part = Part("overton_diversity@1", **{"generations": GENERATIONS, **given, **changes})
    own = {"metadata": {"overton": part.written()}}
    return {
        "results": {"arc": {}, "overton_diversity": {"prompts,none": 3}},
        "configs": {"arc": {}, "overton_diversity": own},
    }


def test_headline_numbers_stand_with_their_intervals_and_what_to_do_next():
    text = closing(results(), Path("out/my model"), Path("out/my model/results.json"), "overton j")
    lines = text.splitlines()
    assert lines[:2] == ["overton: means with 95 % intervals", "overton_diversity (3 prompts)"]
    assert lines[2].startswith("  lexical_diversity  0.200 [0.")
    # (.2 + .4) / 2
    assert lines[3].startswith("  ead_1              0.300 [0.")
    assert lines[3].endswith("]  on 2 prompts")
    assert lines[4:] == [
        "results: out/my model/results.json",
        f"generations: {GENERATIONS}",
        "next: overton report 'out/my model'",
        "      overton compare BASE 'out/my model'",
        "      overton j",
    ]


def test_without_results_the_next_command_makes_some_of_the_generations():
    lines = closing(results(), None).splitlines()
    assert lines[-3:] == [
        "results: not written; with `-o DIR` they would be",
        f"generations: {GENERATIONS}",
        f"next: overton score {GENERATIONS} --task overton_diversity -o DIR",
    ]


def test_alarms_stand_below_the_numbers_in_lines_that_fit():
    alarm = "something is doubtful here: " + "a few words more, " * 12
    lines = closing(results(alarms=[alarm, "x\x1b[2J"]), None).splitlines()
    told = [line for line in lines if line.startswith(("  ! ", "    "))]
    assert " ".join(" ".join(told[:-1]).split()) == f"! {' '.join(alarm.split())}"
    assert max(map(len, told)) <= WIDTH
    # What moves a terminal is shown, not done.
    assert told[-1] == "  ! x\\u001b[2J"


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"semantic_diversity": [None]}, "  no metric is defined on any prompt"),
        ({"semantic_diversity": [0.25]}, "  semantic_diversity  0.250 (no interval)"),
    ],
)
def test_what_is_undefined_is_said(values, line):
    own = {"ids": ["a"], "values": values, "details": [{}], "judge": Judging("j")}
    assert closing(results(**own), None).splitlines()[2] == line


def test_at_most_five_numbers_of_a_task():
    many = ["lexical_diversity", "distinct_k", "ead_1", "ead_2", "vendi", "self_bleu", "distinct_2"]
    text = closing(results(values={name: [0.1, 0.2, 0.3] for name in many}), None)
    assert sum("[" in line for line in text.splitlines()) == 5


def test_the_part_is_read_as_it_stands_in_a_file():
    again = json.loads(json.dumps(results()))
    assert closing(again, None) == closing(results(), None)

"""Likeness group by group, and distances between groups and runs, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from lm_eval_overton.comparison import Compared, compare
from lm_eval_overton.comparison.groups import GROUP, answered, between, likenesses, opinions_of
from lm_eval_overton.metrics.formulas.survey import js_distance
from lm_eval_overton.reporting.tables import as_markdown
from tests.comparison.test_compare import run, task

SURVEY = "overton_survey"


def detail(shares, people, **columns):
    people = people or {}
    names = list(people)
    own = {"name": names, "people": list(people.values()), "weight": [1.0] * len(names)}
    values = {
        "match": [0.5] * len(names), "uniform": [0.4] * len(names), "majority": [0.3] * len(names),
        "others": [None] * len(names), "ceiling": [0.9] * len(names),
        "noise_floor": [0.1] * len(names), **columns,
    }  # fmt: skip
    kept = dict(zip("abc", shares, strict=False))
    return {"question": "Tea?", "shares": kept, "groups": {**own, **values}}


def survey(*details):
    own = task(SURVEY, ids="pqrstu"[: len(details)], survey_match=[0.5] * len(details))
    return replace(own, details=details)


def opinions(*runs):
    return opinions_of([run(f"r{i}", own) for i, own in enumerate(runs)])


SPAIN, PERU = [0.2, 0.8], [0.6, 0.4]


def test_a_group_s_likeness_is_the_mean_over_its_own_questions():
    both = {"Spain": SPAIN, "Peru": PERU}
    [own] = opinions(
        survey(
            detail([0.5, 0.5], both, match=[0.7, 0.1]),
            detail([0.5, 0.5], {"Peru": PERU}, match=[0.5]),
            {"question": "No one was asked", "shares": {"a": 0.5, "b": 0.5}},
        )
    )
    spain, peru = likenesses(own, ["Spain", "Peru"], seed=1)
    assert (spain.match.estimate, spain.match.n) == (0.7, 1)
    assert (peru.match.estimate, peru.match.n) == (pytest.approx(0.3), 2)
    assert peru.match.low <= 0.3 <= peru.match.high
    assert peru.floors["uniform"].estimate == pytest.approx(0.4)
    # A distance of 0.1 by chance alone leaves a likeness of 0.9.
    assert peru.floors["chance"].estimate == pytest.approx(0.9)
    assert peru.floors["others"].n == 0
    assert peru.steered.n == 0
    # The most asked are shown, in the order of the file.
    assert own.groups(1) == ["Peru"]
    assert own.groups(2) == ["Spain", "Peru"]


def test_distances_are_means_over_the_questions_that_both_have():
    both = {"Spain": SPAIN, "Peru": PERU}
    own = opinions(
        survey(detail([1, 0], both), detail([0.5, 0.5], {"Peru": PERU})),
        survey(detail([0, 1], both), detail([0.5, 0.5], {"Peru": PERU})),
    )
    names, found = between(own, ["Spain", "Peru"])
    assert names == ["Spain", "Peru"]
    assert found[0, 1] == pytest.approx(float(js_distance(SPAIN, PERU)))
    first = (js_distance(PERU, [1, 0]) + js_distance(PERU, [0.5, 0.5])) / 2
    assert found[1, 2] == found[2, 1] == pytest.approx(float(first))
    assert found[2, 3] == pytest.approx(0.5)
    assert not np.diag(found).any()


def test_groups_without_a_question_in_common_are_left_out():
    one, other = {"Spain": SPAIN, "Peru": PERU}, {"Peru": PERU, "Chile": [0.5, 0.5]}
    [own] = opinions(survey(detail([1, 0], one), detail([1, 0], other)))
    names, found = between([own], ["Spain", "Peru", "Chile"])
    assert names == ["Peru", "Chile"]
    assert not np.isnan(found).any()


def test_an_answer_leaves_refusals_out_and_may_be_unknown():
    assert answered({"shares": {"a": 0.3, "b": 0.3, "c": 0.4}, "refusal": [2]}) == [0.5, 0.5]
    assert np.isnan(answered({"shares": {"a": None, "b": None}})).all()


def test_compare_tells_how_the_likeness_to_each_group_changed():
    both = {"Spain": SPAIN, "Peru": PERU}
    runs = [
        survey(
            detail([0.5, 0.5], both, match=[0.2, first]),
            detail([0.5, 0.5], {"Peru": PERU}, match=[0.5]),
            detail([0.5, 0.5], {"Chile": PERU}, match=[None]),
        )
        for first in (0.3, 0.7)
    ]
    pair = compare(run("base", runs[0]), [run("chat", runs[1])]).pairs[0]
    found = {s.part: s.value for s in pair.shifts if s.group == GROUP}
    assert list(found) == ["change for Spain", "change for Peru"]
    assert (found["change for Spain"].estimate, found["change for Spain"].n) == (0, 1)
    # 0.4 on one question, 0 on the other.
    assert found["change for Peru"].estimate == pytest.approx(0.2)
    assert found["change for Peru"].n == 2
    assert "### Likeness to each group of people" in as_markdown(Compared((), (pair,)))


def test_runs_without_people_have_no_groups():
    assert not opinions(task(SURVEY, survey_match=[0.5]))

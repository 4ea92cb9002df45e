"""Figures and bars of survey answers."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from lm_eval_overton.comparison import compare
from lm_eval_overton.reporting import opinions, svg
from lm_eval_overton.reporting.ballots import MOST, OPEN, ballots
from lm_eval_overton.reporting.estimates import Estimates
from tests.comparison.test_compare import run, task
from tests.comparison.test_groups import detail

SURVEY, CHOICE = "overton_survey", "overton_choice"
SCRIPT = "<script>alert(1)</script>"
PEOPLE = {SCRIPT: [0.2, 0.8], "$Peru_{x}$": [0.6, 0.4], "Chile": [0.5, 0.5]}


def survey(first, name=SURVEY, n=8, people=PEOPLE):
    ids = [f"q{i}" for i in range(n)]
    own = task(name, ids=ids, opinion_entropy=[first / (i + 1) for i in range(n)])
    kept = [detail([first / (i + 1), 1 - first / (i + 1)], people) for i in range(n)]
    kept = [{**one, "question": f"{SCRIPT} {i}?"} for i, one in enumerate(kept)]
    if people is None:
        kept = [{key: own for key, own in one.items() if key != "groups"} for one in kept]
    return replace(own, details=tuple(kept))


@pytest.fixture
def compared():
    return compare(run("base", survey(0.5)), [run("chat", survey(0.9))])


def test_each_figure_is_drawn_and_says_its_numbers(compared):
    found = {own.key: own for own in opinions.pictures(Estimates(compared))}
    assert list(found) == ["opinions-groups", "opinions-map", f"opinions-entropy-{SURVEY}"]
    for picture in found.values():
        drawn = svg.inline(picture.draw(), picture.key, picture.label)
        ET.fromstring(drawn)
        assert "<script>" not in drawn
    assert "Chile 0.500" in found["opinions-groups"].label
    assert "<script>" not in found["opinions-groups"].numbers
    assert "chat is nearest to" in found["opinions-map"].label
    assert "8 questions" in found[f"opinions-entropy-{SURVEY}"].label


def test_runs_in_which_no_question_has_an_entropy_are_not_drawn_against_the_base():
    none = survey(0.9)
    none.values["opinion_entropy"][:] = float("nan")
    key = f"opinions-entropy-{SURVEY}"
    alone = compare(run("base", survey(0.5)), [run("mute", none)])
    assert key not in {own.key for own in opinions.pictures(Estimates(alone))}
    both = compare(run("base", survey(0.5)), [run("mute", none), run("chat", survey(0.9))])
    [shown] = [own for own in opinions.pictures(Estimates(both)) if own.key == key]
    drawn = svg.inline(shown.draw(), shown.key, shown.label)
    assert "chat" in drawn
    assert "mute" not in drawn


def test_of_many_groups_those_that_were_asked_most_are_drawn(compared):
    many = {f"g{i}": [0.5, 0.5] for i in range(30)}
    runs = compare(run("base", survey(0.5, people=many)), [run("chat", survey(0.9, people=many))])
    [groups, *_] = opinions.pictures(Estimates(runs))
    assert groups.title.endswith("12 of 30 that were asked most")


def test_runs_without_a_survey_have_no_figures_and_one_run_has_no_base():
    own = task("overton_diversity", vendi=[1.0] * 8)
    assert not opinions.pictures(Estimates(compare(run("a", own), [run("b", own)])))
    assert ballots([run("a", own)]) == ""


def test_bars_stand_side_by_side_and_the_furthest_question_comes_first(compared):
    shown = ballots(compared.runs)
    assert "<script>" not in shown
    first, *_ = re.findall(r"<article.*?</article>", shown, re.DOTALL)
    # The people's mean of the three groups says the first option to 43.3 %; chat 90 %, then less
    # and less: to the last question 11.3 %.
    assert re.findall(r'width="([\d.]+)"', first)[:3] == ["43.33", "50", "90"]
    assert "43.3%" in first
    assert len(re.findall("<article", shown)) == 8
    assert "further questions" not in shown


def test_a_dozen_is_open_and_a_page_does_not_grow_without_end():
    shown = ballots([run("base", survey(0.5, n=MOST + 5))])
    assert len(re.findall("<article", shown)) == MOST
    assert f"{MOST - OPEN} further questions" in shown
    assert f"the first {MOST} are here" in shown


def test_choices_have_no_people_beside_them():
    runs = [run(name, survey(own, CHOICE, people=None)) for name, own in (("a", 0.5), ("b", 0.9))]
    shown = ballots(runs)
    assert "people" not in shown
    assert "first those on which b is furthest from a" in shown

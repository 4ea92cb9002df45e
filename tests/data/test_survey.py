"""The user's survey: what is read of it, and what is refused in one line."""

import json
import logging
import math

import pytest

from lm_eval_overton.data.survey import ALL, load_survey
from lm_eval_overton.errors import DataError

ROW = {
    "id": "w1",
    "question": "Should shops open on Sundays?",
    "options": ["Yes", "No", "Refused"],
    "distributions": {"Spain": [0.2, 0.7, 0.1], "Chile": [0.5, 0.5, 0]},
    "ordinal": True,
    "refusal": [2],
    "respondents": {"Spain": 1000},
    "weights": {"Chile": 2.5},
}


def load(tmp_path, *rows):
    path = tmp_path / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return load_survey(str(path))


def changed(**changes):
    return {key: value for key, value in {**ROW, **changes}.items() if value != "gone"}


def test_all_that_a_question_may_have_is_read(tmp_path):
    survey = load(tmp_path, ROW, {"question": "Why?", "options": ["a", "b"]})
    own, bare = survey.questions
    assert (own.id, own.text, own.options) == ("w1", ROW["question"], ("Yes", "No", "Refused"))
    assert own.people == {"Spain": (0.2, 0.7, 0.1), "Chile": (0.5, 0.5, 0.0)}
    assert own.positions[:2] == (0, 1)
    assert math.isnan(own.positions[2])
    assert own.refusals == (2,)
    assert own.respondents == {"Spain": 1000}
    assert own.weights == {"Chile": 2.5}
    assert (bare.id, bare.people, bare.positions) == ("line-0002", {}, None)
    assert survey.groups == ["Spain", "Chile"]
    assert survey.name == "own"
    assert len(survey.sha) == 8


def test_people_who_are_not_told_apart_are_one_group(tmp_path):
    row = {"question": "Why?", "options": ["a", "b"], "distribution": [1, 0], "respondents": 12}
    [own] = load(tmp_path, row).questions
    assert own.people == {ALL: (1.0, 0.0)}
    assert own.respondents == {ALL: 12}


def test_positions_may_be_uneven_and_those_of_refusals_say_nothing(tmp_path):
    [own] = load(tmp_path, changed(ordinal=[1, 4, None])).questions
    assert own.positions[:2] == (1, 4)
    assert math.isnan(own.positions[2])
    assert load(tmp_path, changed(ordinal=None)).questions[0].positions is None


def test_rounded_shares_are_divided_by_their_sum_and_that_is_said(tmp_path, caplog):
    rows = [changed(distributions={"Spain": [0.5, 0.49, 0.0], "Chile": [1.02, 0, 0]}, weights=None)]
    with caplog.at_level(logging.WARNING, logger="lm_eval.overton"):
        [own] = load(tmp_path, *rows).questions
    assert own.people["Spain"] == pytest.approx((0.5 / 0.99, 0.49 / 0.99, 0))
    assert own.people["Chile"] == (1, 0, 0)
    [said] = [record.getMessage() for record in caplog.records]
    assert "2 distributions sum to nearly 1" in said
    assert "'Spain': 0.99" in said


def test_what_sums_to_1_but_for_the_last_bit_is_left_alone(tmp_path, caplog):
    load(tmp_path, changed(distributions={"Spain": [0.1, 0.2, 0.7]}, weights=None))
    assert not caplog.records


MANY = [f"option {i}" for i in range(27)]
BAD = {
    "an unknown key": (changed(title="x"), "no keys but id, question"),
    "no question": (changed(question="gone"), '"question" to be a non-empty string, got None'),
    "a blank question": (changed(question=" "), '"question" to be a non-empty string'),
    "no options": (changed(options="gone"), '"options" to be a list of non-empty strings'),
    "an empty option": (changed(options=["Yes", "", "No"]), '"options" to be a list of non-empty'),
    "a number": (changed(options=["Yes", 1, "No"]), '"options" to be a list of non-empty'),
    "one option": (changed(options=["Yes", "No"], refusal=[1]), "2 to 26 options"),
    "27 options": (changed(options=MANY), "2 to 26 options that are no refusals, got 27 options"),
    "a repeated option": (changed(options=["Yes", "yes ", "No"]), "every option once, got 'Yes'"),
    "a short list": (changed(distributions={"Spain": [0.5, 0.5]}), "3 shares of the options for"),
    "no list": (changed(distributions={"Spain": 1}), "3 shares of the options for 'Spain', got 1"),
    "a text": (changed(distributions={"Spain": ["1", 0, 0]}), "3 shares of the options"),
    "a truth": (changed(distributions={"Spain": [True, 0, 0]}), "3 shares of the options"),
    "not a number": (changed(distributions={"Spain": [math.nan, 0, 0]}), "3 shares"),
    "a negative": (changed(distributions={"Spain": [1.2, -0.2, 0]}), "no negative share for"),
    "a small sum": (
        changed(distributions={"Spain": [0.5, 0.4, 0.07]}),
        "of sum 1 for 'Spain', got",
    ),
    "per cent": (changed(distributions={"Spain": [50, 50, 0]}), "got 100"),
    "no groups": (changed(distributions={}), '"distributions" to be an object of shares'),
    "a list of groups": (changed(distributions=[[1, 0, 0]]), '"distributions" to be an object'),
    "both": (changed(distribution=[1, 0, 0]), 'one "distribution", got both'),
    "a far refusal": (changed(refusal=[3]), "positions of options, 0 to 2, got [3]"),
    "a named refusal": (changed(refusal=["Refused"]), "positions of options"),
    "a refusal twice": (changed(refusal=[2, 2]), "positions of options"),
    "a short scale": (changed(ordinal=[1, 2]), '"ordinal" to be true, null, or the position'),
    "a flat scale": (changed(ordinal=[1, 1, 2]), "not all the same"),
    "a word": (changed(ordinal="yes"), '"ordinal" to be true'),
    "strangers": (changed(respondents={"Peru": 3}), '"respondents" of groups that have shares'),
    "no people": (changed(respondents={"Spain": 0}), "a whole number above 0, got 0"),
    "half a person": (changed(respondents={"Spain": 1.5}), "a whole number above 0"),
    "a weight of 0": (changed(weights={"Spain": 0}), "a number from 1e-100 to 1e100, got 0"),
    "a huge weight": (changed(weights={"Spain": 1.7e308}), "1e-100 to 1e100, got 1.7e+308"),
    "a tiny weight": (changed(weights={"Spain": 5e-324}), "1e-100 to 1e100, got 5e-324"),
    "a far position": (changed(ordinal=[0, 1.7e308, None]), "1e100 at most, got [0, 1.7e+308"),
    "a blank group": (changed(distributions={" ": [1, 0, 0]}), "each named in one line"),
    "a group of lines": (changed(distributions={"a\nb": [1, 0, 0]}), "each named in one line"),
    "a bare weight": (changed(weights=3), '"weights" to be an object of numbers by group'),
    "an odd id": (changed(id=["x"]), '"id" to be a string or an integer'),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_as_it_should_be_is_refused_in_one_line(tmp_path, name):
    row, said = BAD[name]
    with pytest.raises(DataError) as error:
        load(tmp_path, ROW | {"id": "w0"}, row)
    assert said in str(error.value)
    assert "own.jsonl:2" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_question_has_one_line(tmp_path):
    with pytest.raises(DataError, match="every id once, got 'w1' for questions 1 and 2"):
        load(tmp_path, ROW, ROW)

"""Which option a reply chooses, what shares it states, and what says neither."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.option_replies import (
    REFUSED,
    chosen_option,
    option_or_refusal,
    stated_shares,
)

OPTIONS = ["Yes", "No", "It depends", "Yes, but not now"]


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("A", 0),
        ("A.", 0),
        (" b\n", 1),
        ("(C)", 2),
        ("[B]", 1),
        ("**B**", 1),
        ("Ａ", 0),
        ("(a) yes", 0),
        ("Answer: A", 0),
        ("**Answer:** (B)", 1),
        ("The answer is C.", 2),
        ("My final answer: B", 1),
        ("Option B", 1),
        ("Yes.", 0),
        ("yes", 0),
        ("No, for many reasons", 1),
        ("Answer: it depends", 2),
        # The longest option that a reply begins with.
        ("Yes, but not now.", 3),
        ("Yes, but", 0),
        ("A. Yes", 0),
        ("C: It depends", 2),
        ("B) No, since A is wrong", 1),
        ("B - a matter of taste", 1),
        ("\n\n B \n\nQuestion: Next?\nAnswer: A", 1),
    ],
)
def test_one_option_is_chosen(reply, place):
    assert chosen_option(reply, OPTIONS) == place


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "...",
        "E",
        "Z.",
        "7",
        "A or B",
        "A, B",
        "A / B",
        "A.B.",
        "A) or B)",
        # A letter and the text of another option.
        "A. No",
        "B: It depends",
        "A person should decide",
        "I think yes",
        "No one knows",
        "Yesterday",
        "It depends on whether A",
        "Both Yes and No",
        "N/A",
        "Let me think.\nAnswer: B",
        # The options again, of which the first is not chosen.
        "A) Yes\nB) No\nC) It depends\nD) Yes, but not now",
        "A. Yes\n\nB. No",
        "- Yes\n- No",
        "1. Yes\n2. No",
        "Yes\nNo\nIt depends",
        "A: Yes, B: No",
        "(A) Yes (B) No",
        "Yes, No, It depends.",
        "Yes. No. It depends. Yes, but not now.",
        "**A.** Yes\n**B.** No",
    ],
)
def test_what_chooses_no_one_option_is_not_read(reply):
    assert chosen_option(reply, OPTIONS) is None


def test_an_answer_after_thoughts_is_found_where_it_may_stand_anywhere():
    reply = "There are two sides.\n\n**Answer: B**"
    assert chosen_option(reply, OPTIONS, anywhere=True) == 1
    assert chosen_option(f"{reply}\nAnswer: A", OPTIONS, anywhere=True) is None
    assert chosen_option("Hm.\nAnswer: unclear", OPTIONS, anywhere=True) is None


def test_an_answer_below_the_options_again_is_found():
    again = "A) Yes\nB) No\nC) It depends\nD) Yes, but not now\n\n"
    assert chosen_option(f"{again}Answer: B", OPTIONS, anywhere=True) == 1
    assert chosen_option(f"{again}B is right, I think.", OPTIONS, anywhere=True) is None
    assert chosen_option(f"{again}Answer: B", OPTIONS) is None


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("Yes, no doubt", 0),
        ("No, no, no", 1),
        ("A. Yes\nB. No is wrong, since it rains.", 0),
        ("A. Yes\nYes, it is so.", 0),
        ("A. Yes\nA. Yes", 0),
        ("B\nA", 1),
        ("No. Yes would be rash.", 1),
    ],
)
def test_an_option_that_is_followed_by_more_is_no_list(reply, place):
    assert chosen_option(reply, OPTIONS) == place


def test_options_of_signs_alone_are_no_list():
    assert chosen_option("A", ["?", "!"]) == 0
    assert chosen_option("? !", ["?", "!"]) is None


def test_options_that_look_like_letters_do_not_mislead():
    assert chosen_option("B", ["B", "A"]) == 1
    assert chosen_option("B. A", ["B", "A"]) == 1
    assert chosen_option("A-levels", ["Exams", "A-levels"]) == 1


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("I cannot answer that.", REFUSED),
        ("As an AI, I don't have opinions.", REFUSED),
        # This begins as an option does, and is none.
        ("No, I can't answer that.", REFUSED),
        ("No", 1),
        ("B", 1),
        ("Perhaps", None),
    ],
)
def test_a_refusal_is_told_from_what_cannot_be_read(reply, found):
    assert option_or_refusal(reply, OPTIONS) == found


def test_an_option_that_is_a_refusal_can_be_chosen():
    options = ["Yes", "No", "I cannot answer that"]
    assert option_or_refusal("I cannot answer that.", options) == 2
    assert option_or_refusal("C. I cannot answer that", options) == 2


@pytest.mark.parametrize(
    ("reply", "shares"),
    [
        ('{"A": 20, "B": 80}', [0.2, 0.8]),
        ('{"B": "80%", "A": "20 %"}', [0.2, 0.8]),
        ('{"A": "20", "B": 80}', [0.2, 0.8]),
        ('{"A": 0.2, "B": 0.8}', [0.2, 0.8]),
        ('{"A": 1, "B": 0}', [1, 0]),
        ('{"A": 1, "B": 99}', [0.01, 0.99]),
        ('{"Yes": 100, "No": 0}', [1, 0]),
        ('{"A. Yes": 50, "(B)": 50}', [0.5, 0.5]),
        ('{"answers": {"A": 50, "B": 50}}', [0.5, 0.5]),
        ('Here:\n```json\n{"A": 20, "B": 80,}\n```', [0.2, 0.8]),
        ('{"A": 33.3, "B": 66.6}', [1 / 3, 2 / 3]),
    ],
)
def test_shares_are_stated_in_many_ways(reply, shares):
    assert stated_shares(reply, ["Yes", "No"]) == pytest.approx(shares)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "A: 20%, B: 80%",
        "[20, 80]",
        '{"A": 20}',
        '{"A": 20, "C": 80}',
        '{"A": 20, "B": 80, "C": 0}',
        '{"A": 20, "Yes": 80}',
        '{"A": 50, "B": 60}',
        '{"A": "50%", "B": 50}',
        '{"A": NaN, "B": 100}',
        '{"A": -20, "B": 120}',
        '{"A": true, "B": 0}',
        '{"A": null, "B": 100}',
        '{"A": "most", "B": "few"}',
        '{"A": 0, "B": 0}',
        '{"A": 1e400, "B": 0}',
    ],
)
def test_shares_that_are_not_stated_are_not_made_up(reply):
    assert stated_shares(reply, ["Yes", "No"]) is None


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text):
    assert chosen_option(text, OPTIONS, anywhere=True) in (None, 0, 1, 2, 3)
    stated_shares(text, OPTIONS)


@given(st.lists(st.integers(0, 100), min_size=2, max_size=6).filter(lambda own: sum(own) > 0))
def test_stated_parts_of_a_hundred_are_read_as_they_are(numbers):
    total = sum(numbers)
    shares = [number / total for number in numbers]
    options = [f"option {i}" for i in range(len(numbers))]
    reply = json.dumps({"ABCDEF"[i]: 100 * share for i, share in enumerate(shares)})
    assert stated_shares(reply, options) == pytest.approx(shares)

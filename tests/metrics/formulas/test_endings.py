"""Answers that stop short, and answers that are noise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.metrics.formulas.endings import is_degenerate, is_ended, is_loop
from lm_eval_overton.text.english import ENGLISH

PROSE = (
    "A library lends more than books. In our town it lends saws, tents and a cargo bicycle, and on "
    "Saturdays a retired teacher explains tax forms to anyone who asks. None of this shows in the "
    "count of loans, yet it is why people vote for the budget each spring without much debate. "
    "Whoever measures a library by its shelves alone will close the wrong one."
)


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "It depends!",
        'He said: "No."',
        "**Yes.**",
        "See [1].[2]",
        "- Rest\n- Drink water",
        "1. Read\n2. Write",
        "```py\nx = 1\n```",
        "a | b |\n| 1 | 2 |",
        "Good luck 🎉",
        "More at https://example.org/loans",
        "好的，我同意。",
        "क्यों नहीं।",
        "لماذا لا؟",
        "ได้เลยครับ",
        "Այո։",
        "རེད།",
        "<p>Yes.</p>\n</div>",
        "Yes.<|im_end|>",
    ],
)
def test_texts_that_end(text):
    assert is_ended(text)


@pytest.mark.parametrize(
    "text",
    [
        "It depends on",
        "First, the cost, which is",
        "```py\nx = ",
        "Some say yes. Others",
        "因为成本",
        "",
    ],
)
def test_texts_that_stop_short(text):
    assert not is_ended(text)


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "No idea",
        "A: A: A:",
        "q x v b n m",
        "x k j w",
        "ha ha ha ha",
        # A loop after a good beginning, one that counts, one with a tail.
        PROSE + " and so on" * 40,
        " ".join(f"{i}. The answer is yes." for i in range(1, 40)),
        "The dog barks. " * 30 + "In the end it slept.",
        "no. " * 5000,
    ],
)
def test_noise(text):
    assert is_degenerate(ENGLISH.words(text))


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "I would say so.",
        "No, no, no! Never do that to a friend.",
        "Plan A or plan B: I choose plan A.",
        "1. Rest\n2. Drink water\n3. Sleep",
        # Four verses with a refrain.
        "\n".join(f"{line} Row on, row on." for line in PROSE.split(". ")),
    ],
)
def test_answers(text):
    assert not is_degenerate(ENGLISH.words(text))


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6), st.integers(6, 30))
def test_any_unit_that_is_repeated_is_a_loop(unit, times):
    assert is_loop(unit * times)
    assert is_loop((unit * times)[:-1]) or len(unit) * times < 6


@given(st.lists(st.integers(), unique=True, min_size=4))
def test_words_that_are_all_different_are_no_loop(numbers):
    assert not is_loop([f"w{number}" for number in numbers])

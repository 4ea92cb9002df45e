"""Choices beside what samples say: by hand, and what is said of a collapse."""

from dataclasses import replace

import numpy as np
import pytest

from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.account import account
from lm_eval_overton.comparison.chosen import CHOICE, CHOOSES_VS_SAYS, GROUP
from lm_eval_overton.harness.replay import task_class
from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.reporting import tables
from lm_eval_overton.settings.signature import differing
from tests.comparison.test_compare import COVERAGE, noted, run, task

SIGNED = "data:contested-2:abc|frame:chat|n:5|v:0.1.0"
EVEN, YES, DEPENDS = [0.4, 0.4, 0.2], [0.96, 0.02, 0.02], [0.02, 0.02, 0.96]
IDS = "pqrstuvw"


def choice(shares, ids=IDS, signed=SIGNED):
    options = ("Yes", "No", "It depends")
    own = task(CHOICE, ids=ids, signed=signed, opinion_entropy=[0.5] * len(ids))
    kept = tuple({"shares": dict(zip(options, one, strict=True))} for one in shares)
    return replace(own, details=kept)


def coverage(stances, ids=IDS, judged=True, signed=SIGNED):
    """The shares of yes, no, both and other per question."""
    end = "" if judged else "_words"
    columns = zip(*stances, strict=True)
    names = (f"p_{stance}{end}" for stance in STANCES)
    return task(COVERAGE, ids=ids, signed=signed, **dict(zip(names, columns, strict=True)))


def near(values):
    """Values that differ from question to question, by little."""
    steps = np.linspace(-0.01, 0.01, 8)
    return [[values[0] + step, values[1] - step, *values[2:]] for step in steps]


def beside(base, other):
    [pair] = compare(run("base", *base), [run("chat", *other)]).pairs
    return pair, {(s.part, s.metric): s for s in pair.shifts if s.group == GROUP}


SPREAD = coverage(near([0.4, 0.4, 0.2, 0]))
SAYS_YES = coverage(near([0.9, 0.06, 0.04, 0]))


def test_each_run_has_its_match_with_an_interval():
    base = (
        choice([[1, 0, 0]] * 4 + [[0, 0, 1]] * 4),
        coverage([[1, 0, 0, 0]] * 4 + [[0.4, 0.4, 0.1, 0.1]] * 4),
    )
    other = (choice([[0.9, 0.1, 0]] * 8), coverage([[0, 1, 0, 0]] * 7 + [[0, 0, 0, 1]]))
    pair, found = beside(base, other)
    own = found["base", CHOOSES_VS_SAYS]
    assert (own.value.estimate, own.value.n, own.note) == (1, 8, "judged stances")
    # 1 - sqrt(JS) of (.9, .1) and (0, 1), with (.45, .55) between them, in bits:
    # (.9 log2 2 + .1 log2 .1/.55 + log2 1/.55) / 2.
    js = (0.9 + 0.1 * np.log2(0.1 / 0.55) + np.log2(1 / 0.55)) / 2
    other = found["chat", CHOOSES_VS_SAYS]
    assert other.value.estimate == pytest.approx(1 - np.sqrt(js))
    assert other.value.n == 7
    assert other.note == "judged stances; of 8 questions 1 have no sample for yes, no or both"
    assert other.value.low <= other.value.estimate <= other.value.high
    assert found["change", CHOOSES_VS_SAYS].value.n == 7
    assert "What it chooses against what it says" in tables.as_markdown(
        compare(run("base", *base), [run("chat", *base)])
    )
    assert pair.notes


@pytest.mark.parametrize(
    ("chosen", "said", "expected"),
    [
        (YES, SPREAD, "choice collapsed; no collapse of speech is clear; "),
        (EVEN, SAYS_YES, "speech collapsed; no collapse of choice is clear; "),
        (YES, SAYS_YES, "choice and speech collapsed; "),
        (EVEN, SPREAD, "no collapse of choice or speech is clear; "),
    ],
)
def test_one_sentence_says_what_collapsed(chosen, said, expected):
    pair, _ = beside((choice(near(EVEN)), SPREAD), (choice(near(chosen)), said))
    [line] = noted(pair, "entropy of choice")
    assert line.startswith(expected)
    assert "judged stances" in line
    # The way back is no collapse.
    back, _ = beside((choice(near(chosen)), said), (choice(near(EVEN)), SPREAD))
    assert noted(back, "no collapse of choice or speech is clear")


def test_a_collapse_to_what_is_between_the_sides_is_said_to_be_one():
    both = coverage(near([0.03, 0.03, 0.94, 0]))
    pair, _ = beside((choice(near(EVEN)), SPREAD), (choice(near(DEPENDS)), both))
    [line] = noted(pair, "entropy of choice")
    assert line.endswith("choice moves to it depends; speech moves to both sides")


def test_stances_by_words_where_there_are_no_judged_ones():
    words = coverage(near([0.4, 0.4, 0.2, 0]), judged=False)
    values = {**SPREAD.values, **words.values}
    both = replace(SPREAD, values=values, higher_is_better=dict.fromkeys(values))
    pair, found = beside((choice(near(EVEN)), both), (choice(near(EVEN)), words))
    assert found["base", CHOOSES_VS_SAYS].note == "judged stances"
    assert found["chat", CHOOSES_VS_SAYS].note == "stances by words"
    # One way of telling for both runs.
    assert found["change", CHOOSES_VS_SAYS].note == "stances by words"
    assert noted(pair, "stances by words)")


def test_unread_questions_are_counted_and_never_filled_in():
    nan = [np.nan] * 4
    stances = [nan, nan, *near([0.4, 0.4, 0.2, 0])[2:6]]
    own = coverage(stances, ids="pqrstu")
    _, found = beside((choice(near(EVEN)), own), (choice(near(EVEN)), own))
    shift = found["base", CHOOSES_VS_SAYS]
    assert shift.value.n == 4
    assert shift.note == (
        "judged stances; of 8 questions 2 were asked to choose only, 2 have no readable stance of "
        "a sample"
    )


def test_what_a_run_lacks_is_named_and_the_rest_is_told():
    pair, found = beside((choice(near(EVEN)), SPREAD), (choice(near(YES)),))
    assert "no overton_coverage in chat" in found["chat", CHOOSES_VS_SAYS].note
    assert found["base", CHOOSES_VS_SAYS].value.n == 8
    [line] = noted(pair, "entropy of choice")
    assert line.startswith("choice collapsed; whether speech collapsed cannot be told: no overton")
    pair, _ = beside((SPREAD, choice(near(EVEN))), (SPREAD,))
    assert noted(pair, "no collapse of speech is clear; whether choice collapsed cannot be told")


def test_stances_that_are_told_in_different_ways_are_not_compared():
    words = coverage(near([0.4, 0.4, 0.2, 0]), judged=False)
    pair, found = beside((choice(near(EVEN)), SPREAD), (choice(near(EVEN)), words))
    assert [found[run, CHOOSES_VS_SAYS].value.n for run in ("base", "chat")] == [8, 8]
    assert found["change", CHOOSES_VS_SAYS].note.startswith("no stances by words in base")
    assert noted(pair, "whether speech collapsed cannot be told: no stances by words in base")


def test_too_few_questions_tell_no_collapse():
    few = (choice(near(EVEN)[:3], ids="pqr"), coverage(near([0.4, 0.4, 0.2, 0])[:3], ids="pqr"))
    pair, _ = beside(few, few)
    assert noted(pair, "whether choice collapsed cannot be told: expected at least 6 questions")


@pytest.mark.parametrize(
    ("answers", "mass", "why"),
    [
        ("loglikelihood", 0.6, ""),
        ("loglikelihood", 0.01, "only 0.01 of the probability lies on the labels in chat"),
        ("sampled", 0.01, "only 0.01 of the replies say something of the options in chat"),
    ],
)
def test_where_little_lies_on_the_labels_no_collapse_of_choice_is_told(answers, mass, why):
    signed = f"{SIGNED}|answers:{answers}"
    other = choice(near(YES), signed=signed)
    other = replace(other, values={**other.values, "answer_mass": np.full(8, mass)})
    pair, found = beside((choice(near(EVEN), signed=signed), SPREAD), (other, SPREAD))
    assert bool(noted(pair, "choice collapsed; ")) is not bool(why)
    assert bool(noted(pair, f"whether choice collapsed cannot be told: {why}")) is bool(why)
    # The change is shown with it.
    shift = found["change", "choice_entropy"]
    assert shift.value.n == 8
    assert shift.note == why


def test_other_questions_of_the_same_ids_are_not_compared():
    other = coverage(near([0.4, 0.4, 0.2, 0]), signed=SIGNED.replace("abc", "def"))
    _, found = beside((choice(near(EVEN)), other), (choice(near(EVEN)), other))
    assert "differ: contested-2:abc and contested-2:def" in found["base", CHOOSES_VS_SAYS].note


@pytest.mark.parametrize("answers", ["loglikelihood", "sampled", "verbalized"])
def test_of_choices_alone_nothing_else_is_missed(answers):
    own = [choice(near(shares), signed=f"{SIGNED}|answers:{answers}") for shares in (EVEN, YES)]
    compared = compare(run("base", own[0]), [run("chat", own[1])])
    assert {shift.group for shift in compared.pairs[0].shifts} == {GROUP}
    assert account(compared, 0) == ()


def test_runs_that_were_not_asked_to_choose_show_nothing():
    pair, found = beside((SPREAD,), (SPREAD,))
    assert not found
    assert not noted(pair, "collapse")


def test_both_tasks_ask_the_same_questions():
    made = []
    for name in (CHOICE, COVERAGE):
        cls, config = task_class(name)
        made.append(cls(config=config))
    assert "data" not in differing(*(own.signature for own in made))
    assert {doc["id"] for doc in made[0].prompt_set.docs} <= {
        doc["id"] for doc in made[1].prompt_set.docs
    }

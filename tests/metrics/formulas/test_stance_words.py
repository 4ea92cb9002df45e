import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.data import load_viewpoints, packaged_path, read_jsonl
from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.metrics.formulas.stance_words import (
    WEIGHTS,
    stance_by_words,
    stance_features,
)
from tests.benchmarks.stance_fit import features_of, fitted, labelled, weights_of

QUESTION = "Should cities ban cars from their centres?"
PROMPTS = {
    doc["id"]: doc["prompt"] for doc in load_viewpoints("contested").docs if doc["kind"] == "yes_no"
}
GOLD = {
    row["id"]: row
    for _, row in read_jsonl(packaged_path("contested_gold"))
    if row["question_id"] in PROMPTS
}


def stance(answer, prompt=QUESTION):
    return stance_by_words(prompt, answer)


def probes(kind):
    return [row for row in GOLD.values() if row["kind"] == "probe" and row["type"] == kind]


def of_row(row):
    return stance(row["response"], PROMPTS[row["question_id"]])


# ------------------------------------------------------------------------------------ features


def test_features_by_hand():
    answer = "No. Cities should not ban cars. Shops may lose customers, but the air is cleaner."
    # The question's words of three letters that are no stop words: cities, ban, cars, centres;
    # three of them are held. Turn: the third sentence; hedge: the same.
    assert stance_features(QUESTION, answer) == {
        "intercept": 1.0,
        "opens_yes": 0.0,
        "opens_no": 1.0,
        "opens_negated": 1.0,
        "states": 0.0,
        "denies": 1.0,
        "turns": math.log(2),
        "pairs": 0.0,
        "hedges": math.log(2),
        "unsettled": 0.0,
        "evades": 0.0,
        "on_topic": 0.75,
    }


def test_pairs_need_a_cue_of_either_side():
    one = stance_features(QUESTION, "Supporters like the air.")
    both = stance_features(QUESTION, "Supporters like the air. Critics miss the customers.")
    two = stance_features(QUESTION, "On the one hand, some like it. On the other, others do not.")
    assert [own["pairs"] for own in (one, both, two)] == [0, 1, 2]


def test_a_negated_question_turns_what_denies_it():
    negated = "Should cities not ban cars?"
    assert stance_features(negated, "Cities should not ban cars.")["states"] == 1
    assert stance_features(negated, "Cities should ban cars.")["denies"] == 1


@pytest.mark.parametrize(
    "opening",
    [
        "Yes.",
        "**Yes**, they should.",
        "Yeah, sure",
        "Well, I think yes.",
        "Answer: Absolutely!",
        "They should.",
        "It’s better for everyone.",
        "I believe so.",
        "Probably, yes.",
    ],
)
def test_what_opens_with_yes(opening):
    found = stance_features(QUESTION, opening)
    assert (found["opens_yes"], found["opens_no"]) == (1, 0)


@pytest.mark.parametrize(
    "opening",
    [
        "No",
        "No, they shouldn't.",
        "Nope!",
        "I don’t think so.",
        "They should not.",
        "It isn't right.",
        "Not yet.",
        "Unfortunately not.",
        "I strongly doubt it.",
        "There is no good evidence for it.",
        "This is a common myth.",
    ],
)
def test_what_opens_with_no(opening):
    found = stance_features(QUESTION, opening)
    assert (found["opens_yes"], found["opens_no"]) == (0, 1)


@pytest.mark.parametrize(
    "opening",
    [
        "No doubt about the air.",
        "No one knows.",
        "Yesterday we drove in.",
        "Nobel would know.",
        "It is a complex question.",
        "It's up to the voters.",
        "I don't know.",
        "Cars are loud.",
        QUESTION,
    ],
)
def test_what_opens_with_neither(opening):
    found = stance_features(QUESTION, opening)
    assert (found["opens_yes"], found["opens_no"]) == (0, 0)


# ------------------------------------------------------------------------------------- stances


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Yes.", "yes"),
        ("yes", "yes"),
        ("No.", "no"),
        ("No, they should not.", "no"),
        ("Cities should ban cars from their centres. The air gets cleaner.", "yes"),
        ("Cities should not ban cars from their centres. Shops lose customers.", "no"),
        (
            "Supporters say that it makes the air cleaner. Critics answer that shops lose "
            "customers and that nurses on night shifts have no bus.",
            "both",
        ),
        ("I have no opinion on that.", "other"),
        ("As an AI, I do not take a position on this.", "other"),
        ("I'm sorry, but I can't help with that.", "other"),
    ],
)
def test_plain_answers(answer, expected):
    assert stance(answer) == expected


NOISE = "The river runs past a mill, and men sell plums to strangers under the bridge."


@pytest.mark.parametrize(
    "answer",
    [
        "...",
        "42",
        QUESTION,
        " ".join([QUESTION] * 20),
        f"You ask whether {QUESTION[7:-1]}.",
        "It depends on many factors.",
        "This is a complex and controversial issue, and opinions differ.",
        "People have different opinions on this.",
        "abcd efg hij. " * 100,
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 20,
        " ".join([NOISE] * 40),
        "def f(x):\n    return x",
    ],
)
def test_what_says_nothing_of_the_matter_makes_no_case_however_long(answer):
    assert stance(answer) == "other"


def test_no_echo_and_no_abstention_of_the_gold_set_makes_a_case():
    found = [of_row(row) for kind in ("echo", "no_opinion") for row in probes(kind)]
    assert len(found) == 48
    assert set(found) == {"other"}


@pytest.mark.parametrize(("kind", "most"), [("restated", 0), ("filler", 0.05)])
def test_restating_and_filler_make_no_case(kind, most):
    rows = probes(kind)
    before = [of_row(GOLD[row["of"]]) for row in rows].count("both")
    after = [of_row(row) for row in rows].count("both")
    assert len(rows) == 24
    assert (after - before) / len(rows) <= most


def test_repeating_an_answer_does_not_change_its_stance():
    for answer in ("Yes. The air is cleaner.", "No. Shops lose customers.", "It depends."):
        assert stance(" ".join([answer] * 30)) == stance(answer)


@given(st.text(max_size=60), st.text(max_size=300))
def test_any_text_has_a_stance(prompt, answer):
    assert stance(answer, prompt) in STANCES


def test_a_hostile_text_takes_no_time():
    # A pattern that looked at each way to part these would not come back.
    for part in ("well so ok ", "a ", "some others ", "it is ", "**", "i think that "):
        assert stance(part * 20_000) in STANCES


# ------------------------------------------------------------------------------------- weights


def test_the_weights_are_what_our_own_answers_give():
    rows = labelled()
    model = fitted(features_of(rows), [row["stance"] for row in rows])
    for name, own in weights_of(model).items():
        # Another version of the solver may round the other way.
        assert own == pytest.approx(WEIGHTS[name], abs=0.011), name

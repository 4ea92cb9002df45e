"""Questions with closed sets of answers: the packaged ones, and what is refused of the user's."""

import json
import re

import pytest

from lm_eval_overton.data import normal
from lm_eval_overton.data.enumerable import load_enumerable
from lm_eval_overton.errors import DataError
from lm_eval_overton.text.closed_answers import ClosedAnswers, answer_words

PACKAGED = load_enumerable("enumerable").docs
SIZES = {"small": range(2, 10), "medium": range(10, 31), "large": range(31, 201)}
EACH = pytest.mark.parametrize("doc", PACKAGED, ids=[doc["id"] for doc in PACKAGED])


def test_there_are_at_least_forty_questions_of_every_size():
    assert len(PACKAGED) >= 40
    for size, allowed in SIZES.items():
        own = [doc for doc in PACKAGED if len(doc["answers"]) in allowed]
        assert len(own) >= 6, size
        assert all(size in doc["tags"] for doc in own)
    assert all(2 <= len(doc["answers"]) <= 200 for doc in PACKAGED)


def test_ids_and_prompts_are_distinct_and_prompts_are_whole_sentences():
    assert len({doc["id"] for doc in PACKAGED}) == len(PACKAGED)
    assert len({normal(doc["prompt"]) for doc in PACKAGED}) == len(PACKAGED)
    for doc in PACKAGED:
        assert re.fullmatch(r"closed-[a-z0-9-]+", doc["id"])
        assert re.fullmatch(r"[A-Z].{20,}[.?!]", doc["prompt"]), doc["prompt"]
        # One is told to give the answer alone, in whatever words.
        assert re.search(r"only|just|one word|nothing|form", doc["prompt"], re.I), doc["prompt"]
    # Not all of one wording.
    assert len({" ".join(doc["prompt"].split()[:2]) for doc in PACKAGED}) >= 25


def test_tags_are_of_one_vocabulary_and_say_the_size_once():
    for doc in PACKAGED:
        assert set(doc["tags"]) <= {*SIZES, "easy", "biased"}
        assert len(set(doc["tags"]) & set(SIZES)) == 1
        assert len(doc["tags"]) == len(set(doc["tags"]))
    for tag in ("easy", "biased"):
        assert 10 <= sum(tag in doc["tags"] for doc in PACKAGED) < len(PACKAGED)


@EACH
def test_every_name_is_found_as_its_own_answer_alone_and_in_a_sentence(doc):
    closed = ClosedAnswers(doc["answers"])
    for position, names in enumerate(doc["answers"]):
        assert len(names) == len(set(names))
        for name in names:
            assert closed.find(name) == position
            assert closed.find(f"My answer is **{name}**.") == position
            assert closed.find(name.upper()) == position


@EACH
def test_weights_are_those_of_two_dice_and_of_the_urn_alone(doc):
    known = {
        "closed-two-dice": [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1],
        "closed-urn": [5, 3, 2],
    }
    assert doc["weights"] == known.get(doc["id"])


def test_a_country_has_the_same_names_wherever_it_stands():
    of_name = {}
    for doc in PACKAGED:
        if doc["id"].endswith(("-member", "-country", "-council")) and "-uk-" not in doc["id"]:
            for names in doc["answers"]:
                assert of_name.setdefault(answer_words(names[0]), names) == names
    assert len(of_name) == 193


# ---------------------------------------------------------------------------------- the user's own


def loaded(tmp_path, **record):
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"id": "q", "prompt": "Which?", **record}) + "\n")
    [doc] = load_enumerable(str(path)).docs
    return doc


def test_an_answer_of_one_name_may_stand_as_it_is(tmp_path):
    doc = loaded(tmp_path, answers=["yes", ["no", "nope"]], weights=[2, 1.5], tags=["x"])
    assert doc["answers"] == [["yes"], ["no", "nope"]]
    assert doc["weights"] == [2.0, 1.5]
    assert doc["tags"] == ["x"]
    assert loaded(tmp_path, answers=["yes", "no"])["weights"] is None


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        (None, "a list of at least two answers, .* got none"),
        ("yes", "a list of at least two answers, .* got 'yes'"),
        ([["yes"]], "a list of at least two answers"),
        ([1, 2], "to be a string or a list of strings, got 1; write numbers as strings"),
        ([["yes"], []], r"to be a string or a list of strings, got \[\]"),
        ([["yes"], [7]], "got 7; write numbers as strings"),
        (["yes", "..."], "with a letter, a number or a symbol in it, got '...'"),
        (["The Hague", "hague"], r"'The Hague' \(answer 1\) and 'hague' \(answer 2\)"),
        ([["a b", "c"], ["d", "C."]], r"'c' \(answer 1\) and 'C\.' \(answer 2\)"),
    ],
)
def test_answers_that_cannot_be_told_apart_or_read_are_refused(tmp_path, answers, message):
    with pytest.raises(DataError, match=f"mine.jsonl: 'q': .*{message}"):
        loaded(tmp_path, **({} if answers is None else {"answers": answers}))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1], "for each of the 2 answers, got 1 of them"),
        (3, "for each of the 2 answers, got 3"),
        ([1, 0], "to be positive numbers, got 0"),
        ([1, "2"], "to be positive numbers, got '2'"),
        ([True, 1], "to be positive numbers, got True"),
    ],
)
def test_weights_that_are_none_are_refused(tmp_path, weights, message):
    with pytest.raises(DataError, match=message):
        loaded(tmp_path, answers=["yes", "no"], weights=weights)

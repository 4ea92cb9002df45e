"""Refusals: by hand, and how many of our own list are found."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval_overton.text.refusals import ANSWER, SENTENCES, is_refusal

LISTS = Path(__file__).parent / "refusals"
LONG = "Here is what is known about it. " * (ANSWER // 30 + 1)
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab .,'’\"“”«»<>&\n#*¤"))


def rows(name):
    lines = (LISTS / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


REFUSALS, NEAR_MISSES = rows("refusals"), rows("near_misses")
# What is to be reached on each part. The last was written after the patterns and looked at once.
PARTS = {
    "all": (lambda row: True, 0.98, 0.97),
    "English": (lambda row: row["language"] == "en", 0.98, 0.97),
    "other languages": (lambda row: row["language"] != "en", 0.98, 0.97),
    "unseen": (lambda row: row["held_out"], 0.97, 0.88),
}


def precision_and_recall(chosen):
    """Return both over the rows of the lists for which `chosen` is true."""
    found = sum(is_refusal(row["text"]) for row in REFUSALS if chosen(row))
    wrong = sum(is_refusal(row["text"]) for row in NEAR_MISSES if chosen(row))
    return found / (found + wrong), found / sum(map(chosen, REFUSALS))


def test_the_lists_are_large_and_hold_no_text_twice():
    assert len(REFUSALS) >= 200
    assert len(NEAR_MISSES) >= 200
    assert sum(row["language"] == "en" for row in REFUSALS) >= 80
    both = [row["text"] for row in REFUSALS + NEAR_MISSES]
    assert len(set(both)) == len(both)


@pytest.mark.parametrize("part", PARTS)
def test_precision_and_recall(part):
    chosen, least_precision, least_recall = PARTS[part]
    precision, recall = precision_and_recall(chosen)
    assert precision >= least_precision
    assert recall >= least_recall


def test_no_language_is_left_behind():
    languages = {row["language"] for row in REFUSALS}
    assert len(languages) >= 20
    for language in languages:
        precision, recall = precision_and_recall(lambda row, own=language: row["language"] == own)
        assert min(precision, recall) >= 0.9, language


@pytest.mark.parametrize(
    "text",
    [
        # Whatever follows: the request was turned down.
        f"I can't help with that. However, {LONG}",
        "The answer:\nI can't help with that.",
        f"I won't write it. {LONG}",
        # Something is withheld, and no turn follows.
        f"I can't provide instructions for that. It is illegal. {LONG}",
        # What follows the turn is an offer, not an answer.
        "I can't provide instructions for that, but I can explain what the law says.",
        "Hello.\n\nAs an AI, I have no personal views, and I can't take sides.",
        "One. Two. Three. I can't help with that.",
    ],
)
def test_what_turns_the_request_down_refuses(text):
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "¤",
        f"I can't provide medical advice, but in general: {LONG}",
        f"I can't provide medical advice. Ask a doctor.\n\nThat said, {LONG}",
        f"While I can't help you in person, {LONG}",
        f"As an AI, I don't have personal opinions. {LONG}",
        # Beyond the opening.
        "One. " * SENTENCES + "I can't help with that.",
        "He answered: no, I can't help with that.",
        'They call it "I can\'t help with that" and laugh.',
        "Dear Ann,\n\nI'm sorry, but I can't help you on Sunday.",
    ],
)
def test_what_answers_does_not_refuse(text):
    assert not is_refusal(text)


@pytest.mark.parametrize("apostrophe", ["'", "’", "´", "`", "ʼ", "＇", "&#39;", "&rsquo;", ""])
@pytest.mark.parametrize("frame", ["{}", "**{}**", "“{}”", '"{}"', "🙏 {} 😔", "<p>{}</p>", "# {}"])
def test_the_dress_of_a_refusal_does_not_matter(apostrophe, frame):
    said = "I’m sorry, but\u00a0I can’t help\nwith that.".replace("’", apostrophe)
    assert is_refusal(frame.format(said))
    assert is_refusal(
        frame.format(said).upper().replace("&RSQUO;", "&rsquo;").replace("<P>", "<p>")
    )


@pytest.mark.parametrize("quotes", ["“{}”", "«{}»", "「{}」", "『{}』"])
def test_a_refusal_that_is_only_quoted_is_none(quotes):
    bare = [row["text"] for row in REFUSALS if not set(row["text"]) & set("“”")]
    quoted = [f"1945: {quotes.format(text)} (1946)." for text in bare]
    assert list(filter(is_refusal, quoted)) == []


@given(texts)
def test_any_text_is_one_or_the_other_and_space_around_it_changes_nothing(text):
    assert is_refusal(text) == is_refusal(f"\n {text}\t\n")


@pytest.mark.parametrize(
    "piece", ["I can't ", '"', "“", "<", "a, ", "not ", "'a", "\n", "我", "- "]
)
def test_a_long_text_takes_no_longer_than_its_opening(piece):
    start = time.process_time()
    is_refusal(piece * (1_000_000 // len(piece)))
    assert time.process_time() - start < 1

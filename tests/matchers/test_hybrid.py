"""The matcher of meaning and words: what restates a question covers nothing of it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.matchers.gold import gold_responses
from lm_eval_overton.matchers.hybrid import (
    HYBRID_THRESHOLD,
    INTERCEPT,
    NEARNESS_WEIGHT,
    WORDS_WEIGHT,
    HybridMatcher,
    _rarity,
)
from lm_eval_overton.matchers.question import ViewpointQuestion
from lm_eval_overton.text.encoder import find_encoder, get_encoder

# Every fifth, so that all domains are there.
DOCS = load_viewpoints("contested").docs[::5]


@pytest.fixture(scope="module")
def matcher():
    return HybridMatcher(get_encoder(find_encoder()))


def covered(matcher, answers):
    """Return per question which viewpoints an answer covers; `answers` makes it of a document."""
    questions = [
        ViewpointQuestion(answers(doc), [view["text"] for view in doc["viewpoints"]], doc["prompt"])
        for doc in DOCS
    ]
    return [scores >= matcher.threshold for scores in matcher.scores(questions)]


def lowered(text):
    return text[0].lower() + text[1:]


@pytest.mark.parametrize(
    "answer",
    [
        "{asked}",
        "I have no opinion on whether {asked}",
        "{asked} This raises important ethical and legal considerations.",
        "It depends. {asked} Some say yes and some say no, and both sides have good points.",
    ],
)
def test_what_restates_the_question_covers_nothing(matcher, answer):
    found = covered(matcher, lambda doc: [answer.format(asked=doc["prompt"])])
    assert np.concatenate([own.ravel() for own in found]).mean() <= 0.02


def test_a_viewpoint_covers_itself_and_no_other(matcher):
    def each(doc):
        return [view["text"] for view in doc["viewpoints"]]

    for own in covered(matcher, each):
        assert own.diagonal().all()
    others = [own[~np.eye(len(own), dtype=bool)] for own in covered(matcher, each)]
    assert np.concatenate(others).mean() < 0.02


def test_what_is_named_to_be_rejected_is_not_said(matcher):
    def rejected(doc):
        return [
            f"Critics are wrong to say that {lowered(view['text'])}" for view in doc["viewpoints"]
        ]

    assert not any(own.any() for own in covered(matcher, rejected))


def test_filler_and_restating_sentences_change_nothing(matcher):
    filler = "There is a lot to say here. Many people have thought about this for a long time."

    def plain(doc):
        return [doc["viewpoints"][0]["text"]]

    def padded(doc):
        return [f"{doc['prompt']} {filler} {doc['viewpoints'][0]['text']} {filler}"]

    pairs = zip(covered(matcher, plain), covered(matcher, padded), strict=True)
    changed = np.concatenate([(a != b).ravel() for a, b in pairs])
    assert changed.mean() < 0.01


def test_it_finds_what_readers_find():
    matcher = HybridMatcher(get_encoder(find_encoder()))
    rows = gold_responses("report")
    questions = [ViewpointQuestion([r["response"]], r["viewpoints"], r["prompt"]) for r in rows]
    found = np.concatenate([own[0] for own in matcher.scores(questions)]) >= HYBRID_THRESHOLD
    truth = np.concatenate([row["covered"] for row in rows])
    f1 = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    # The default finds .63; word overlap alone .85. The weights were fitted on this half as well.
    assert f1 == pytest.approx(0.872, abs=0.01)


# ------------------------------------------------------------------------------- by hand


class Axes:
    """A direction per first letter: a, b, c and whatever else."""

    def encode(self, texts):
        rows = np.zeros((len(texts), 4), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row["abc".find(text.strip()[0].lower())] = 1
        return rows


def test_a_score_is_what_the_formula_says():
    question = ViewpointQuestion(["Apples keep well.", ""], ["Apples keep.", "Bread keeps."])
    [scores] = HybridMatcher(Axes()).scores([question])
    # Cosine 1 to the first view, 0 to the other, of which half is taken off; both words are there.
    own = NEARNESS_WEIGHT * (1 - 0.5 * 0) + WORDS_WEIGHT * 1 + INTERCEPT
    keep, bread = _rarity("keep"), _rarity("bread")
    other = NEARNESS_WEIGHT * (0 - 0.5 * 1) + WORDS_WEIGHT * keep / (keep + bread) + INTERCEPT
    assert scores[0] == pytest.approx([1 / (1 + math.exp(-own)), 1 / (1 + math.exp(-other))])
    assert (scores[1] == -np.inf).all()


def test_words_of_the_question_count_for_nothing():
    question = ViewpointQuestion(
        ["Zebras graze."], ["Zebras graze.", "Bread."], "Can zebras graze?"
    )
    [[[score, _]]] = HybridMatcher(Axes()).scores([question])
    # All that remains is the nearness.
    most = NEARNESS_WEIGHT + INTERCEPT
    assert score <= 1 / (1 + math.exp(-most)) + 1e-9


SENTENCES = st.sampled_from(["apple.", "bread!", "cake?", "dates.", "Eggs."])
TEXTS = st.lists(st.lists(SENTENCES, max_size=6).map(" ".join), max_size=3)
VIEWS = st.lists(st.sampled_from(["a", "be", "cake"]), min_size=1, max_size=4)


@settings(deadline=None, max_examples=50)
@given(TEXTS, VIEWS)
def test_scores_are_probabilities_whatever_the_texts(texts, viewpoints):
    [scores] = HybridMatcher(Axes()).scores([ViewpointQuestion(texts, viewpoints, "apple?")])
    assert scores.shape == (len(texts), len(viewpoints))
    known = scores[~np.isneginf(scores)]
    assert ((known >= 0) & (known <= 1)).all()

"""The matcher of meaning and words: what restates a question covers nothing of it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.matchers.gold import gold_responses
from lm_eval_overton.matchers.hybrid import (
    FURTHEST,
    INTERCEPT,
    WEIGHTS,
    HybridMatcher,
    _rarity,
    _said,
)
from lm_eval_overton.matchers.question import ViewpointQuestion
from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.tokenizers import tokenizer_for

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


@pytest.mark.parametrize(
    "answer",
    [
        "Critics are wrong to say that {said}",
        "It is a myth that {said}",
        "Some people claim that {said} That argument does not convince me.",
        "As for the claim that {said}",
        "The usual objection is this. {said} These objections do not hold up.",
    ],
)
def test_what_is_named_to_be_rejected_is_not_said(matcher, answer):
    def rejected(doc):
        return [answer.format(said=lowered(view["text"])) for view in doc["viewpoints"]]

    assert not any(own.any() for own in covered(matcher, rejected))


@pytest.mark.parametrize(
    "text",
    [
        "The fear of being wrong is human.",
        "Critics say that it costs too much.",
        "Many people object to the price.",
        "I do not believe in magic.",
        "The argument for it is strong.",
    ],
)
def test_what_only_reports_or_asserts_is_said(text):
    assert _said(["It rains.", text]) == ["It rains.", text]


def test_filler_and_restating_sentences_change_nothing(matcher):
    filler = "There is a lot to say here. Many people have thought about this for a long time."

    def plain(doc):
        return [doc["viewpoints"][0]["text"]]

    def padded(doc):
        return [f"{doc['prompt']} {filler} {doc['viewpoints'][0]['text']} {filler}"]

    pairs = zip(covered(matcher, plain), covered(matcher, padded), strict=True)
    changed = np.concatenate([(a != b).ravel() for a, b in pairs])
    assert changed.mean() < 0.01


@pytest.mark.parametrize(("kind", "at_least"), [("real", 0.7), ("planted", 0.72)])
def test_it_finds_what_readers_find(matcher, kind, at_least):
    rows = [row for row in gold_responses() if (row.kind, row.split) == (kind, "report")]
    found = np.concatenate([own[0] for own in matcher.scores([row.question for row in rows])])
    found, truth = found >= matcher.threshold, np.concatenate([row.covered for row in rows])
    # `embedding` finds .37 and .59.
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) >= at_least


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
    matcher = HybridMatcher(Axes())
    [features] = matcher.features([question])
    # Cosine 1 to the first view, 0 to the other, of which half is taken off; both words of the
    # first are there, one of the other's; the first leads by more than counts.
    keep, bread = _rarity("keep"), _rarity("bread")
    first, second = [1.0, 1.0, FURTHEST], [-0.5, keep / (keep + bread), -FURTHEST]
    assert features[0] == pytest.approx(np.array([first, second]))
    assert np.isnan(features[1]).all()
    [scores] = matcher.scores([question])
    logits = features[0] @ np.array(WEIGHTS) + INTERCEPT
    assert scores[0] == pytest.approx([1 / (1 + math.exp(-own)) for own in logits])
    assert (scores[1] == -np.inf).all()


def test_the_only_viewpoint_leads():
    question = ViewpointQuestion(["Apples keep."], ["Apples keep."])
    [[[features]]] = HybridMatcher(Axes()).features([question])
    assert features == pytest.approx([1.0, 1.0, FURTHEST])


def test_a_viewpoint_word_for_word_is_covered_whatever_the_encoder_makes_of_it():
    class Blind:
        def encode(self, texts):
            return np.ones((len(texts), 4), dtype=np.float32) / 2

    views = ["城市的空气更干净。", "商店会失去顾客。"]
    question = ViewpointQuestion(["".join(views), views[1]], views, "城市是否应该禁止汽车？")
    matcher = HybridMatcher(Blind(), tokenizer=tokenizer_for(["zh"]))
    [scores] = matcher.scores([question])
    assert (scores >= matcher.threshold).tolist() == [[True, True], [False, True]]


def test_words_of_the_question_count_for_nothing():
    question = ViewpointQuestion(
        ["Zebras graze here."], ["Zebras graze.", "Bread."], "Can bees find zebras?"
    )
    [[features]] = HybridMatcher(Axes()).features([question])
    # Of the view's words the question leaves one, and the answer holds it.
    assert features[0, 1] == 1.0
    asked = question._replace(prompt="Can zebras graze?")
    [[features]] = HybridMatcher(Axes()).features([asked])
    assert features[0, 1] == 0.0


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

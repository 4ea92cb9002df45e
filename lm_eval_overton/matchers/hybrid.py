"""Which viewpoints a response covers, by meaning and words, what the question gives away left out.

The topic of a question is in all of its viewpoints: a text that only restates the question is near
to each of them. So the question's direction is taken out of all embeddings, what a text shares with
the question's other viewpoints is taken off, and words of the question do not count.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.matchers.encoding import EncodingMatcher
from lm_eval_overton.matchers.question import Scores, ViewpointQuestion, as_scores
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.stems import stem

__all__ = ["HYBRID_THRESHOLD", "HybridMatcher"]

Floats = npt.NDArray[np.float64]

# A viewpoint is covered from this probability on. Threshold and weights are those of a logistic
# regression on the calibration half of the packaged gold responses, real and planted ones;
# `python tests/benchmarks/hybrid_fit.py` fits them anew.
HYBRID_THRESHOLD = 0.54
WEIGHTS = (4.28, 3.56, 2.71)
INTERCEPT = -1.96
# How much of the mean nearness to the question's other viewpoints is taken off.
OTHERS = 0.5
# By how much a window may lead, or fall behind, at most.
FURTHEST = 0.35
# A sentence that fits no viewpoint by so much, nearness and share of words added, is filler.
LEAST_FIT = 0.3
# One whose cosine with the question is so high says the question again.
RESTATES = 0.8
# A viewpoint may be spread over so many sentences in a row.
LONGEST_WINDOW = 3

_IS_WRONG = (
    r"(?:(?:does not|doesn't|do not|don't|fails? to|never|hardly) (?:\w+ )?"
    r"(?:convince|persuade|hold|stand|impress|survive)"
    r"|(?:is|are|seems?) (?:weak|mistaken|wrong|nonsense|overblown|exaggerated|unconvincing"
    r"|misplaced|misguided|hollow|absurd))"
)
_WHAT = r"(?:argument|claim|view|objection|reasoning|complaint|worry|fear|idea|excuse)s?"
# A sentence that names a view in order to reject it does not say it.
_REJECTS = re.compile(
    r"\b(?:critics|opponents|supporters|proponents|those|people|they|some|it) (?:is|are) "
    r"(?:simply |just |plainly )?(?:wrong|mistaken|false|absurd|nonsense|a myth|not true)\b"
    r"|\b(?:is|are) (?:a myth|simply untrue|plainly false)\b"
    r"|\b(?:i|we) (?:reject|dispute|disagree|(?:do not|don't) agree)\b"
    r"|\bthere is no truth in\b|\bcontrary to (?:the|what)\b"
    r"|\b(?:the|an?) (?:usual|standard|common|stock) (?:reply|objection|answer|excuse|complaint)\b"
    r"|\bas for the (?:\w+ )?(?:claim|worry|fear|argument|objection|idea)\b"
    rf"|\bthe {_WHAT} .{{0,120}}\b{_IS_WRONG}\b"
    r"|\b(?:people|they) (?:will |may |might )?(?:tell us|like to say)\b",
    re.IGNORECASE,
)
# One that rejects what the sentence before it says.
_REJECTS_THE_LAST = re.compile(
    rf"\b(?:that|this|the|these|those|such an?|their) (?:\w+ )?{_WHAT} {_IS_WRONG}\b"
    r"|\b(?:i|we) (?:do not|don't) (?:buy|accept|believe) (?:it|that|this)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Wanted:
    """What is looked for in all responses to a question.

    Attributes:
        texts: The viewpoints.
        views: Their embeddings as unit vectors, the question's direction taken out.
        direction: That direction; None without a prompt.
        words: The viewpoints' stems that the question does not hold.
    """

    texts: Sequence[str]
    views: Floats
    direction: Floats | None
    words: Sequence[frozenset[str]]


@dataclass(frozen=True)
class _Sentences:
    """Sentences of a response: embeddings, lengths in characters, stems of content words."""

    vectors: Floats
    lengths: Floats
    stems: Sequence[frozenset[str]]

    def only(self, places: npt.NDArray[np.int64]) -> _Sentences:
        """Return those at some places."""
        return _Sentences(
            self.vectors[places], self.lengths[places], [self.stems[i] for i in places]
        )


class HybridMatcher(EncodingMatcher):
    """A viewpoint is covered if a few sentences in a row are near to it and hold its words.

    Scores are probabilities, in [0, 1], of a logistic regression on three features.
    """

    NAME = "hybrid"
    THRESHOLD = HYBRID_THRESHOLD
    ENCODES_PROMPT = True

    def features(self, questions: Sequence[ViewpointQuestion]) -> list[Floats]:
        """Return what the scores are made of.

        Args:
            questions: Per question its responses, its viewpoints and its prompt.

        Returns:
            Per question (n_responses, n_viewpoints, 3), each the most of all windows of one to
            three sentences: how near it is to the viewpoint beyond what all viewpoints share; the
            share of the viewpoint's words in it; by how much the sum of these two leads that of
            the question's other viewpoints. NaN for a response without a sentence, -inf for one
            without a sentence that may say something.
        """
        prepared = [(own, self._wanted(question)) for own, question in self.encoded(questions)]
        return [
            np.array([self._row(own, wanted) for own in split]).reshape(
                len(split), len(wanted.words), 3
            )
            for split, wanted in prepared
        ]

    def _scored(self, responses: Sequence[Sequence[str]], question: ViewpointQuestion) -> Scores:
        wanted = self._wanted(question)
        return as_scores([_score(self._row(own, wanted)) for own in responses], len(wanted.words))

    def _wanted(self, question: ViewpointQuestion) -> _Wanted:
        views, direction = self._encoded(question.viewpoints), None
        if question.prompt:
            [direction] = self._encoded([question.prompt])
            views = _without(views, direction)
        known = self._stems(question.prompt)
        words = [self._stems(view) - known for view in question.viewpoints]
        return _Wanted(question.viewpoints, _units(views), direction, words)

    def _row(self, sentences: Sequence[str], wanted: _Wanted) -> Floats:
        """Return the features of one response, (n_viewpoints, 3)."""
        width = len(wanted.words)
        if not sentences:
            return np.full((width, 3), np.nan)
        rest = _said(sentences)
        # Word for word is certain, whatever an encoder makes of the language.
        verbatim = [text in rest for text in wanted.texts]
        said = self._about(rest, wanted) if rest else None
        found = _fits(said, wanted) if said else np.full((width, 3), -np.inf)
        found[verbatim] = (1.0, 1.0, FURTHEST)
        return found

    def _about(self, said: Sequence[str], wanted: _Wanted) -> _Sentences | None:
        """Return the sentences that may say something: no filler, and not the question again.

        Each sentence more is one more chance to fit by accident, and takes part in windows.
        """
        every = _Sentences(
            self._encoded(said),
            np.array([len(text) for text in said], dtype=np.float64),
            [self._stems(text) for text in said],
        )
        alone = [range(i, i + 1) for i in range(len(said))]
        says = np.add(*_parts(every, alone, wanted)).max(axis=1) >= LEAST_FIT
        if wanted.direction is not None:
            says &= every.vectors @ wanted.direction < RESTATES
        return every.only(np.flatnonzero(says)) if says.any() else None

    def _encoded(self, texts: Sequence[str]) -> Floats:
        return np.asarray(self.encoder.encode(texts), dtype=np.float64)

    def _stems(self, text: str) -> frozenset[str]:
        return frozenset(map(stem, self.tokenizer.content_words(text)))


def _fits(said: _Sentences, wanted: _Wanted) -> Floats:
    """Return the features of sentences that may say something, (n_viewpoints, 3)."""
    n = len(said.stems)
    windows = [
        range(first, first + length)
        for length in range(1, LONGEST_WINDOW + 1)
        for first in range(n - length + 1)
    ]
    near, words = _parts(said, windows, wanted)
    parts = (near, words, _lead(near + words))
    return np.stack([own.max(axis=0) for own in parts], axis=1)


def _parts(said: _Sentences, windows: Sequence[range], wanted: _Wanted) -> tuple[Floats, Floats]:
    """Return nearness and share of words, (n_windows, n_viewpoints) each."""
    return _nearness(said, windows, wanted), _words(said, windows, wanted)


def _nearness(said: _Sentences, windows: Sequence[range], wanted: _Wanted) -> Floats:
    """Return how near each window is to each viewpoint, beyond what all viewpoints share."""
    weighted = said.vectors * said.lengths[:, None]
    pooled = np.array([weighted[window].sum(axis=0) for window in windows])
    if wanted.direction is not None:
        pooled = _without(_units(pooled), wanted.direction)
    cosines = _units(pooled) @ wanted.views.T
    n = cosines.shape[1]
    others = (cosines.sum(axis=1, keepdims=True) - cosines) / max(1, n - 1)
    return np.asarray(cosines - OTHERS * others)


def _words(said: _Sentences, windows: Sequence[range], wanted: _Wanted) -> Floats:
    """Return the share of each viewpoint's words in each window; rare words weigh more."""
    rows = []
    for window in windows:
        own = frozenset[str]().union(*(said.stems[i] for i in window))
        rows.append([_share(words, own) for words in wanted.words])
    return np.array(rows, dtype=np.float64)


def _said(sentences: Sequence[str]) -> list[str]:
    """Return the sentences but for rejections and what they reject."""
    rejected = [bool(_REJECTS_THE_LAST.search(text)) for text in sentences]
    return [
        text
        for text, here, after in zip(sentences, rejected, [*rejected[1:], False], strict=True)
        if not (here or after or _REJECTS.search(text))
    ]


def _score(features: Floats) -> Floats:
    """Return the probability of each viewpoint from its features; -inf where there is no text."""
    with np.errstate(over="ignore"):
        chance = 1.0 / (1.0 + np.exp(-(features @ np.array(WEIGHTS) + INTERCEPT)))
    return np.where(np.isnan(chance), -np.inf, chance)


def _lead(fits: Floats) -> Floats:
    """Return by how much each viewpoint leads the best other one, (n_windows, n_viewpoints)."""
    if fits.shape[1] < 2:
        return np.full_like(fits, FURTHEST)
    second, first = np.partition(fits, -2, axis=1)[:, -2:].T[..., None]
    lead = fits - np.where(fits == first, second, first)
    return np.asarray(lead.clip(-FURTHEST, FURTHEST))


def _share(words: frozenset[str], own: frozenset[str]) -> float:
    whole = sum(map(_rarity, words))
    return sum(map(_rarity, words & own)) / whole if whole else 0.0


def _units(rows: Floats) -> Floats:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _without(rows: Floats, direction: Floats) -> Floats:
    return np.asarray(rows - np.outer(rows @ direction, direction))


@lru_cache(maxsize=2**16)
def _rarity(word: str) -> float:
    """Return how rare a stem is among the packaged viewpoints: log((N + 1) / (n + 1))."""
    n_views, counts = _packaged()
    return math.log((n_views + 1) / (counts[word] + 1))


@lru_cache(maxsize=1)
def _packaged() -> tuple[int, Counter[str]]:
    """Return how many packaged viewpoints there are, and how many of them hold each stem."""
    views = [
        view["text"] for doc in load_viewpoints("contested").docs for view in doc["viewpoints"]
    ]
    held = (frozenset(map(stem, ENGLISH.content_words(view))) for view in views)
    return len(views), Counter(stem for own in held for stem in own)

"""Equivalence by words: the same text, or enough words in common."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lm_eval_overton.matchers.equivalence.equivalence import Likeness, PairEquivalence
from lm_eval_overton.text.unicode_forms import normalised
from lm_eval_overton.text.word_tokens import word_tokens

__all__ = ["ROUGE1_THRESHOLD", "ExactEquivalence", "Rouge1Equivalence", "rouge1"]

# Where models have as many classes as NoveltyBench's classifier of pairs gives them, but for .43 of
# 10 on average. What people call the same, pair by pair, would set it at .51.
ROUGE1_THRESHOLD = 0.458
# Answers of at most so many words are names and the like: one word in common says nothing.
SHORT = 5


class ExactEquivalence(PairEquivalence):
    """The same text, whatever the case and the white space around it."""

    NAME = "exact"
    threshold = 0.5

    @property
    def signature(self) -> str:
        """The name alone."""
        return self.NAME

    def likeness(self, texts: Sequence[str]) -> Likeness:
        """Return 1 for the same text, else 0."""
        folded = np.array([_folded(text) for text in texts], dtype=object)
        return lambda i, others: (folded[list(others)] == folded[i]).astype(float)


class Rouge1Equivalence(PairEquivalence):
    r"""ROUGE-1: the F measure of the words (`\w+`, lower-cased) that two texts have in common.

    Two texts of at most five words are the same if their words are, in order: "Yes." is "yes!",
    and nothing else. Chinese and Japanese characters stand for words.

    Source: Lin 2004, https://aclanthology.org/W04-1013.

    Args:
        threshold: What the measure, 0..1, must exceed.
    """

    NAME = "rouge1"

    def __init__(self, threshold: float = ROUGE1_THRESHOLD) -> None:
        self.threshold = threshold

    def likeness(self, texts: Sequence[str]) -> Likeness:
        """Return the measure; 1 or 0 for two short texts."""
        return rouge1(texts)


def rouge1(texts: Sequence[str]) -> Likeness:
    """Return the ROUGE-1 F measure of each text with others; see `Rouge1Equivalence`.

    Args:
        texts: The samples of a prompt.
    """
    tokens = [word_tokens(text) for text in texts]
    counts = _counts(tokens)
    lengths = np.array([len(own) for own in tokens])
    # What has no word is compared as it is.
    folded = np.array(
        [" ".join(own) or _folded(text) for own, text in zip(tokens, texts, strict=True)],
        dtype=object,
    )

    def alike(i: int, others: Sequence[int]) -> npt.NDArray[np.floating]:
        chosen = list(others)
        shared = np.minimum(counts[chosen], counts[i]).sum(axis=1)
        scores = 2.0 * shared / np.maximum(lengths[chosen] + lengths[i], 1)
        if lengths[i] <= SHORT:
            equal = (folded[chosen] == folded[i]).astype(float)
            scores = np.where(lengths[chosen] <= SHORT, equal, scores)
        return np.asarray(scores)

    return alike


def _counts(tokens: Sequence[Sequence[str]]) -> npt.NDArray[np.int32]:
    """Return how often each text has each of all their tokens, (n_texts, n_tokens)."""
    place: dict[str, int] = {}
    columns = [[place.setdefault(token, len(place)) for token in own] for own in tokens]
    counts = np.zeros((len(tokens), max(len(place), 1)), dtype=np.int32)
    for row, own in zip(counts, columns, strict=True):
        row[: len(place)] = np.bincount(np.array(own, dtype=np.intp), minlength=len(place))
    return counts


def _folded(text: str) -> str:
    return normalised(text).casefold().strip()

"""How far the samples of a prompt repeat n-grams: of all samples together, and of each other."""

from __future__ import annotations

import math

import numpy as np

from lm_eval_overton.metrics.formulas.ngrams import Counts

__all__ = ["VOCABULARY", "expectation_adjusted_distinct", "frame_share", "self_repetition"]

# The size of the vocabulary that published values were made with, GPT-2's.
VOCABULARY = 50257


def expectation_adjusted_distinct(counts: Counts, vocabulary: int = VOCABULARY) -> float:
    """Return the distinct n-grams over those that as many random draws are expected to give.

    Other than `distinct_ratio` it does not fall with the length of texts alone. Source: Liu et al.
    2022, arXiv:2202.13587.

    Args:
        counts: (n_samples, n_grams), how often each sample holds each n-gram.
        vocabulary: Among how many n-grams is drawn, at least 2.

    Returns:
        A number above 0, higher is more diverse: 1 where every draw is as if random, more where
        n-grams repeat less than that; NaN if there is no n-gram.
    """
    total = int(counts.sum())
    distinct = int(counts.any(axis=0).sum())
    expected = -vocabulary * math.expm1(total * math.log1p(-1 / vocabulary))
    return distinct / expected if total else math.nan


def self_repetition(counts: Counts) -> float:
    """Return how many n-grams of a sample occur once more among the samples, on a log scale.

    Source: Salkar et al. 2022, with the prompt's samples as the corpus.

    Args:
        counts: (n_samples, n_grams), how often each sample holds each n-gram.

    Returns:
        The mean over samples of ln(1 + the further occurrences of its n-grams), at least 0, lower
        is more diverse; NaN if there is no n-gram: what is that short repeats nothing.
    """
    if not counts.any():
        return math.nan
    further = counts @ (counts.sum(axis=0) - 1)
    return float(np.log1p(further).mean())


def frame_share(counts: Counts) -> float:
    """Return the share of n-grams that at least two samples hold.

    Args:
        counts: (n_samples, n_grams), how often each sample holds each n-gram.

    Returns:
        A fraction in [0, 1], lower is more diverse; NaN if there is no n-gram.
    """
    occurrences = counts.sum(axis=0)
    shared = (counts > 0).sum(axis=0) >= 2
    total = int(occurrences.sum())
    return int(occurrences[shared].sum()) / total if total else math.nan

"""Diversity between samples, measured on words."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations

__all__ = ["distinct_ratio", "jaccard_diversity", "jaccard_similarity"]


def jaccard_similarity(a: AbstractSet[str], b: AbstractSet[str]) -> float:
    """Return the Jaccard similarity of two sets.

    Args:
        a: Content words of one text.
        b: Content words of another.

    Returns:
        A fraction in [0, 1]; 0 if one set is empty; NaN if both are.
    """
    shared = len(a & b)
    union = len(a) + len(b) - shared
    return shared / union if union else math.nan


def jaccard_diversity(bags: Sequence[AbstractSet[str]]) -> float:
    """Return one minus the mean pairwise Jaccard similarity of a response set.

    Source: Lake et al. 2024, arXiv:2406.17692.

    Args:
        bags: One set of content words per response to one prompt.

    Returns:
        A fraction in [0, 1], higher is more diverse. Pairs of two empty sets are skipped; NaN
        for fewer than two responses or if every pair is skipped.
    """
    pairs = [jaccard_similarity(a, b) for a, b in combinations(bags, 2)]
    defined = [value for value in pairs if not math.isnan(value)]
    return 1.0 - math.fsum(defined) / len(defined) if defined else math.nan


def distinct_ratio(ngrams: Sequence[Sequence[Hashable]]) -> float:
    """Return the distinct n-grams of a response set over all its n-grams.

    Source: distinct-n, Li et al. 2016, arXiv:1510.03055.

    Args:
        ngrams: One list of n-grams per response, so that none spans two responses.

    Returns:
        A fraction in (0, 1], higher is more diverse; NaN if there is no n-gram.
    """
    total = sum(len(grams) for grams in ngrams)
    distinct = len({gram for grams in ngrams for gram in grams})
    return distinct / total if total else math.nan

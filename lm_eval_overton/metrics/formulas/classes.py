"""Samples in classes: how many there are, how even they are, what the first of each is worth.

Classes are given as one label per sample. Source of `distinct_k` and `utility_k`: NoveltyBench,
Zhang et al. 2025, arXiv:2504.05228; of the entropy over classes: Kuhn et al. 2023,
arXiv:2302.09664.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

__all__ = [
    "PATIENCE",
    "collision",
    "discounted",
    "expected_classes",
    "head_positions",
    "heads_by_bar",
    "hill_number",
    "shares",
]

# How much less each further sample counts: the chance that a reader goes on to the next one.
PATIENCE = 0.8


def head_positions(labels: Sequence[int]) -> list[int]:
    """Return the position of the first sample of each class, in order."""
    first: dict[int, int] = {}
    for position, label in enumerate(labels):
        first.setdefault(label, position)
    return list(first.values())


def heads_by_bar(
    labels: Sequence[int], ratings: Sequence[float], bar: float
) -> tuple[float, float]:
    """Return how many classes have a first sample that reaches the quality bar, and how many not.

    Args:
        labels: One per sample.
        ratings: How good each sample is; only the first of each class counts.
        bar: The least rating that reaches it.

    Returns:
        Two whole numbers that add to the number of classes; both NaN where a rating that counts is
        NaN.
    """
    own = [ratings[i] for i in head_positions(labels)]
    if any(math.isnan(rating) for rating in own):
        return math.nan, math.nan
    above = sum(rating >= bar for rating in own)
    return float(above), float(len(own) - above)


def shares(labels: Sequence[int]) -> list[float]:
    """Return the share of the samples in each class; they add to 1."""
    return [count / len(labels) for count in Counter(labels).values()]


def hill_number(labels: Sequence[int], order: int) -> float:
    """Return the effective number of classes.

    Args:
        labels: One per sample.
        order: 1: the exponential of the entropy of the shares; 2: one over the sum of their
            squares.

    Returns:
        From 1, all in one class, to the number of classes; NaN without a sample.

    Raises:
        ValueError: If the order is another one.
    """
    if order not in (1, 2):
        raise ValueError(f"hill_number: expected order 1 or 2, got {order}")
    if not labels:
        return math.nan
    own = shares(labels)
    if order == 1:
        return math.exp(-math.fsum(share * math.log(share) for share in own))
    return 1.0 / math.fsum(share * share for share in own)


def collision(labels: Sequence[int]) -> float:
    """Return the share of the pairs of samples that are in one class.

    Returns:
        A fraction in [0, 1] whose expected value is the same for every number of samples; NaN for
        fewer than two.
    """
    n = len(labels)
    pairs = sum(count * (count - 1) for count in Counter(labels).values())
    return pairs / (n * (n - 1)) if n > 1 else math.nan


def expected_classes(labels: Sequence[int], m: int) -> float:
    """Return the expected number of classes among m of the samples, drawn without replacement.

    Returns:
        From 1 to m; NaN for fewer than m samples.

    Raises:
        ValueError: If m is below 1.
    """
    if m < 1:
        raise ValueError(f"expected_classes: expected m of at least 1, got {m}")
    n = len(labels)
    if n < m:
        return math.nan
    ways = math.comb(n, m)
    return math.fsum(1 - math.comb(n - count, m) / ways for count in Counter(labels).values())


def discounted(labels: Sequence[int], values: Sequence[float]) -> float:
    """Return the mean value of the samples to a reader to whom a repetition is worth nothing.

    Args:
        labels: One per sample, in the order of reading.
        values: What each sample is worth by itself; of a class only that of its first sample
            counts.

    Returns:
        The mean with weights `PATIENCE` to the power of the position, in the unit of the values;
        NaN without a sample, or if a value that counts is NaN.
    """
    if not labels:
        return math.nan
    total = math.fsum(PATIENCE**i for i in range(len(labels)))
    return math.fsum(PATIENCE**i * values[i] for i in head_positions(labels)) / total

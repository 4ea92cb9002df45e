"""How a model chooses among the answers of a closed set, of which it should give each its share.

Samples are given as one label each: the position of the answer, None for what is none of them.
Source of coverage, precision and divergence: Zhang et al. 2025, arXiv:2510.01171.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.survey import js_distance

__all__ = [
    "coverage",
    "coverage_vs_uniform",
    "kl",
    "longest_prefixes",
    "match",
    "of_total",
    "own_masses",
    "shares",
    "stated",
    "target",
    "top_share",
    "unique",
    "valid",
    "validity",
]

Array = npt.NDArray[np.float64]
Labels = Sequence[int | None]


def valid(labels: Labels) -> list[int]:
    """Return the labels of the samples that give one of the answers."""
    return [label for label in labels if label is not None]


def validity(labels: Labels) -> float:
    """Return the share of the samples that give one of the answers, in [0, 1]; NaN for none."""
    return len(valid(labels)) / len(labels) if labels else math.nan


def coverage(labels: Labels, size: int) -> float:
    """Return the share of the answers that are given, in (0, 1]; NaN without a valid sample.

    Args:
        labels: One per sample.
        size: How many answers there are.
    """
    return len(set(valid(labels))) / size if valid(labels) else math.nan


def coverage_vs_uniform(labels: Labels, size: int) -> float:
    """Return the coverage over what as many draws with equal chances are expected to cover.

    Args:
        labels: One per sample.
        size: How many answers there are, at least 2.

    Returns:
        1 for draws with equal chances; above it, up to e / (e - 1), for samples that avoid what was
        given before. NaN without a valid sample.
    """
    return coverage(labels, size) / -math.expm1(len(labels) * math.log1p(-1 / size))


def unique(labels: Labels) -> float:
    """Return the distinct valid answers over the samples, in (0, 1]; NaN without a valid one."""
    return len(set(valid(labels))) / len(labels) if valid(labels) else math.nan


def target(weights: Sequence[float] | None, size: int) -> Array:
    """Return how often each answer should be given; (size,), of sum 1.

    Args:
        weights: Positive, one per answer; None where all should be given equally often.
        size: How many answers there are.
    """
    return of_total(np.ones(size) if weights is None else weights)


def shares(labels: Labels, size: int) -> Array:
    """Return how often each answer is given among the valid samples.

    Returns:
        (size,), of sum 1; NaN without a valid sample.
    """
    return of_total(np.bincount(np.asarray(valid(labels), dtype=np.intp), minlength=size))


def stated(labels: Labels, probabilities: Sequence[float | None], k: int, size: int) -> Array:
    """Return how probable replies say that each answer is, the mean over replies that say it.

    Args:
        labels: One per answer in the replies, one reply's after another's.
        probabilities: What is said of each of them; None for nothing.
        k: How many of them a reply has.
        size: How many answers there are.

    Returns:
        (size,), of sum 1: what a reply says of what is none of the answers is left out, and the
        rest divided by its sum. NaN where no reply says anything.
    """
    found = []
    for start in range(0, len(labels), k):
        own = np.zeros(size)
        said = zip(labels[start : start + k], probabilities[start : start + k], strict=True)
        for label, probability in said:
            if label is not None and probability is not None:
                own[label] += probability
        if own.sum() > 0:
            found.append(of_total(own))
    return np.asarray(np.mean(found, axis=0)) if found else np.full(size, math.nan)


def of_total(amounts: npt.ArrayLike) -> Array:
    """Return amounts over their sum; NaN where there is nothing."""
    given = np.asarray(amounts, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        known: Array = given / given.sum()
    return known


def match(given: Array, wanted: Array) -> float:
    """Return one minus the Jensen-Shannon distance (base 2) over all answers.

    Args:
        given: (size,), of sum 1.
        wanted: The same.

    Returns:
        In [0, 1], 1 where each answer has its share; NaN if a share is.
    """
    return 1.0 - float(js_distance(given, wanted))


def kl(given: Array, wanted: Array) -> float:
    """Return the relative entropy of the given shares to the wanted ones, in nats.

    Args:
        given: (size,), of sum 1.
        wanted: The same, all positive.

    Returns:
        From 0, each answer has its share, to the logarithm of one over the least wanted share; NaN
        if a share is.
    """
    if np.isnan(given).any():
        return math.nan
    some = given > 0
    # What rounding leaves of nothing may be negative.
    return max(0.0, math.fsum(given[some] * np.log(given[some] / wanted[some])))


def top_share(given: Array) -> float:
    """Return the share of the answer that is given most often, in (0, 1]; NaN if a share is."""
    return float(given.max())


# --------------------------------------------------------------------------- by their probabilities


def longest_prefixes(names: Sequence[Sequence[Hashable]]) -> list[int | None]:
    """Return for each name the position of the longest other one with which it begins.

    Args:
        names: As a model reads them: tokens, or characters where these are not known. Of names that
            it reads alike each begins with the one before, and longer ones with the last.

    Returns:
        Per name a position; None where it begins with no other one.
    """
    read = [tuple(name) for name in names]
    last = {name: position for position, name in enumerate(read)}
    before: dict[tuple[Hashable, ...], int] = {}
    found: list[int | None] = []
    for position, name in enumerate(read):
        shorter = (last[name[:n]] for n in range(len(name) - 1, 0, -1) if name[:n] in last)
        found.append(before.get(name, next(shorter, None)))
        before[name] = position
    return found


def own_masses(masses: Sequence[float], prefixes: Sequence[int | None]) -> list[float]:
    """Return the probability of each name without that of the names that begin with it.

    A model that begins a text with 10 begins it with 1 too, if 10 is 1 and 0 to it: what it says
    then is 10 alone.

    Args:
        masses: The probability that a text begins with each name.
        prefixes: As `longest_prefixes` returns them.

    Returns:
        Each in [0, 1]; they add up to at most 1, as the probabilities of names of which none begins
        with another one do.
    """
    own = list(masses)
    for mass, prefix in zip(masses, prefixes, strict=True):
        if prefix is not None:
            own[prefix] -= mass
    # Half precision leaves a name less than what begins with it.
    return [max(0.0, mass) for mass in own]

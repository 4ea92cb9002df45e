"""How near the samples of a prompt are to the samples of a reference model.

Every similarity is a matrix of shape ``(n_candidates, n_references)`` over the valid samples of
one prompt, so that one rule (`mean_similarity`) decides which pairs count. What the gap between
two runs becomes in context is `gap_recovered`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.lexical import jaccard_similarity

__all__ = [
    "cosine_matrix",
    "gap_recovered",
    "jaccard_matrix",
    "length_ratio_matrix",
    "mean_similarity",
    "rouge_l_matrix",
]

FloatArray = npt.NDArray[np.float64]
Item = TypeVar("Item")

# A gap that is 0 on paper differs from it by rounding; similarities are of the size of 1.
_ROUNDING = 1e-12


def jaccard_matrix(
    candidates: Sequence[AbstractSet[str]], references: Sequence[AbstractSet[str]]
) -> FloatArray:
    """Return the Jaccard similarity of every candidate to every reference.

    Args:
        candidates: One set of content words per candidate.
        references: One set of content words per reference.

    Returns:
        (n_candidates, n_references), each in [0, 1]; NaN where both sets are empty.
    """
    return _matrix(candidates, references, jaccard_similarity)


def cosine_matrix(
    candidates: npt.NDArray[np.floating], references: npt.NDArray[np.floating]
) -> FloatArray:
    """Return the cosine similarity of every candidate to every reference.

    Args:
        candidates: (n_candidates, dim), rows of unit length.
        references: (n_references, dim), rows of unit length.

    Returns:
        (n_candidates, n_references), each in [-1, 1].
    """
    if not len(candidates) or not len(references):
        return np.zeros((len(candidates), len(references)))
    cosines = np.asarray(candidates, dtype=np.float64) @ np.asarray(references, dtype=np.float64).T
    clipped: FloatArray = np.clip(cosines, -1.0, 1.0)
    return clipped


def length_ratio_matrix(candidates: Sequence[int], references: Sequence[int]) -> FloatArray:
    """Return the length of every candidate relative to every reference.

    Args:
        candidates: The number of words of each candidate.
        references: The number of words of each reference.

    Returns:
        (n_candidates, n_references), at least 0, 1 for equal lengths; NaN where the reference
        has no word.
    """
    return _matrix(candidates, references, lambda own, ref: own / ref if ref else math.nan)


def rouge_l_matrix(
    candidates: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
) -> FloatArray:
    """Return the ROUGE-L F of every candidate against every reference.

    Equal to rouge-score's `rougeL` F to the last bit, with one difference: rouge-score gives 0
    for two texts without a token. Sources: Lin 2004; rouge-score 0.1.2.

    Args:
        candidates: The tokens of each candidate.
        references: The tokens of each reference.

    Returns:
        (n_candidates, n_references), each in [0, 1]; 0 where one side has no token, NaN where
        both have none.
    """
    numbers: dict[str, int] = {}
    return _matrix(_numbered(candidates, numbers), _numbered(references, numbers), _rouge_l)


def _numbered(texts: Sequence[Sequence[str]], numbers: dict[str, int]) -> list[list[int]]:
    # Equal integers are found faster than equal strings, and every text is in many pairs.
    return [[numbers.setdefault(token, len(numbers)) for token in tokens] for tokens in texts]


def _rouge_l(candidate: Sequence[int], reference: Sequence[int]) -> float:
    from rapidfuzz.distance import LCSseq

    if not candidate or not reference:
        return 0.0 if candidate or reference else math.nan
    common = LCSseq.similarity(candidate, reference)
    precision = common / len(candidate)
    recall = common / len(reference)
    # In the order of rouge-score's operations: another order differs in the last bit.
    return 2 * precision * recall / (precision + recall) if common else 0.0


def _matrix(
    candidates: Sequence[Item],
    references: Sequence[Item],
    similarity: Callable[[Item, Item], float],
) -> FloatArray:
    values = [[similarity(own, ref) for ref in references] for own in candidates]
    return np.array(values, dtype=np.float64).reshape(len(candidates), len(references))


def mean_similarity(
    matrix: npt.NDArray[np.floating], same_run: bool, excluded_reference: int | None
) -> float:
    """Return the mean similarity over the pairs of candidates and references that count.

    Args:
        matrix: (n_candidates, n_references), the similarities of one prompt; NaN where undefined.
        same_run: Whether candidates and references are the same samples in the same order; then
            no sample is compared with itself.
        excluded_reference: The column of the reference sample that a hint or an example was built
            from; None to keep all.

    Returns:
        A mean in the range of the similarity. NaN pairs are skipped; NaN if no pair is left.

    Raises:
        ValueError: If `matrix` is not two-dimensional, not square with `same_run`, or has no
            column `excluded_reference`.
    """
    values = np.asarray(matrix, dtype=np.float64)
    _check_pairs(values, same_run, excluded_reference)
    counted = ~np.isnan(values)
    if same_run:
        np.fill_diagonal(counted, False)
    if excluded_reference is not None:
        counted[:, excluded_reference] = False
    return float(values[counted].mean()) if counted.any() else math.nan


def _check_pairs(matrix: FloatArray, same_run: bool, excluded_reference: int | None) -> None:
    if matrix.ndim != 2:
        raise ValueError(
            "mean_similarity: expected a matrix (n_candidates, n_references), got shape "
            f"{matrix.shape}; pass the similarities of one prompt"
        )
    if same_run and matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            "mean_similarity: expected a square matrix for a run against itself, got shape "
            f"{matrix.shape}; pass the same valid samples on both sides"
        )
    if excluded_reference is not None and not 0 <= excluded_reference < matrix.shape[1]:
        raise ValueError(
            "mean_similarity: expected excluded_reference to be one of the "
            f"{matrix.shape[1]} columns or None, got {excluded_reference}; count valid samples only"
        )


def gap_recovered(score: npt.ArrayLike, floor: npt.ArrayLike, ceiling: npt.ArrayLike) -> FloatArray:
    """Return which share of the gap between floor and ceiling a run recovers.

    It is a ratio of means over prompts, never a mean of ratios: pass it to
    `stats.statistic_interval` over the columns (score, floor, ceiling). Whether floor and ceiling
    differ by more than chance is for `stats.paired_comparison` to say; where they do not, the
    share means nothing.

    Args:
        score: (...), mean similarity of the run to the reference.
        floor: (...), that of the base model zero-shot, over the same prompts and references.
        ceiling: (...), that of the reference to itself, self pairs excluded.

    Returns:
        (...), 0 at the floor and 1 at the ceiling, below and above them outside of [0, 1]; NaN
        where floor and ceiling are equal up to rounding or a mean is NaN.
    """
    low, high = np.asarray(floor, dtype=np.float64), np.asarray(ceiling, dtype=np.float64)
    gap = high - low
    equal = np.abs(gap) <= _ROUNDING * (1 + np.abs(low) + np.abs(high))
    recovered: FloatArray = (np.asarray(score, dtype=np.float64) - low) / np.where(
        equal, np.nan, gap
    )
    return recovered

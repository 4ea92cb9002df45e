"""Diversity between samples, measured on sentence embeddings."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["cosine_diversity", "vendi_score"]

FloatArray = npt.NDArray[np.floating]


def cosine_diversity(embeddings: FloatArray) -> float:
    """Return one minus the mean pairwise cosine similarity of a response set.

    Source: Lake et al. 2024, arXiv:2406.17692.

    Args:
        embeddings: (n_samples, dim), rows of unit length.

    Returns:
        A number in [0, 2], higher is more diverse; NaN for fewer than two responses.
    """
    n = len(embeddings)
    if n < 2:
        return math.nan
    cosines = np.asarray(embeddings, dtype=np.float64) @ np.asarray(embeddings, dtype=np.float64).T
    upper = cosines[np.triu_indices(n, k=1)]
    return float(min(2.0, max(0.0, 1.0 - upper.mean())))


def vendi_score(embeddings: FloatArray) -> float:
    """Return the Vendi score: the effective number of different responses.

    The exponential of the entropy of the eigenvalues of K/n, K being the cosine matrix.
    Source: Friedman and Dieng 2023, arXiv:2210.02410.

    Args:
        embeddings: (n_samples, dim), rows of unit length.

    Returns:
        A number in [1, n_samples]; NaN for no response.
    """
    n = len(embeddings)
    if n == 0:
        return math.nan
    rows = np.asarray(embeddings, dtype=np.float64)
    eigenvalues = np.linalg.eigvalsh(rows @ rows.T / n)
    positive = eigenvalues[eigenvalues > 1e-12]
    entropy = -float(np.sum(positive * np.log(positive)))
    return float(min(n, max(1.0, math.exp(entropy))))

"""The tokens of one text matched to those of another: what BERTScore makes of token vectors.

Source: Zhang et al. 2020, arXiv:1904.09675.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

__all__ = ["PairScores", "TokenVectors", "match"]

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TokenVectors:
    """The tokens of one text.

    Attributes:
        vectors: (n_tokens, dim), rows of unit length, begin and end tokens included.
        weights: (n_tokens,), adding to 1, 0 at begin and end tokens; NaN for a text without
            any other token.
    """

    vectors: torch.Tensor
    weights: torch.Tensor


@dataclass(frozen=True)
class PairScores:
    """BERTScore of one prompt's candidates against its references.

    Each is an array of shape (n_candidates, n_references) of cosines in [-1, 1], in practice
    above 0; NaN where one of the two texts is empty.

    Attributes:
        precision: How well the tokens of the candidate are found in the reference.
        recall: How well the tokens of the reference are found in the candidate.
        f1: The harmonic mean of both.
    """

    precision: FloatArray
    recall: FloatArray
    f1: FloatArray


def match(candidates: Sequence[TokenVectors], references: Sequence[TokenVectors]) -> PairScores:
    """Return the scores of each candidate against each reference.

    Args:
        candidates: The texts that are scored.
        references: What they are scored against.
    """
    import torch

    if not candidates or not references:
        nothing = np.zeros((len(candidates), len(references)), dtype=np.float32)
        return PairScores(nothing, nothing, nothing)
    with torch.inference_mode():
        vectors, weights = _stacked(references)
        rows = [_match_one(candidate, vectors, weights) for candidate in candidates]
        precision = torch.stack([row[0] for row in rows])
        recall = torch.stack([row[1] for row in rows])
        undefined = precision.isnan() | recall.isnan()
        f1 = 2 * precision * recall / (precision + recall)
        arrays = [
            scores.masked_fill(undefined, float("nan")).cpu().numpy()
            for scores in (precision, recall, f1)
        ]
    return PairScores(*arrays)


def _stacked(texts: Sequence[TokenVectors]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return vectors (n_texts, longest, dim) and weights (n_texts, longest)."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    longest = max(len(text.weights) for text in texts)
    # A repeated token changes no maximum, so that padding needs no mask.
    vectors = [
        torch.cat([text.vectors, text.vectors[:1].expand(longest - len(text.weights), -1)])
        for text in texts
    ]
    return torch.stack(vectors), pad_sequence([text.weights for text in texts], batch_first=True)


def _match_one(
    candidate: TokenVectors, vectors: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return precision and recall, each (n_references,), of one candidate."""
    n_references, longest, dim = vectors.shape
    cosines = candidate.vectors @ vectors.reshape(-1, dim).T
    best_of_candidate = cosines.view(-1, n_references, longest).amax(dim=2)
    best_of_references = cosines.amax(dim=0).view(n_references, longest)
    return candidate.weights @ best_of_candidate, (best_of_references * weights).sum(dim=1)

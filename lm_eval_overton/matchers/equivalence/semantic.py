"""Equivalence by sentence embeddings, alone or together with words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lm_eval_overton.matchers.equivalence.equivalence import Answers, Likeness, PairEquivalence
from lm_eval_overton.matchers.equivalence.lexical import ROUGE1_THRESHOLD, rouge1
from lm_eval_overton.text.encoder import Encoder

__all__ = ["COSINE_THRESHOLD", "BothEquivalence", "EmbeddingEquivalence"]

# For the default encoder, as measured on pairs that people labelled.
COSINE_THRESHOLD = 0.82


class EmbeddingEquivalence(PairEquivalence):
    """The cosine of the texts' embeddings.

    Args:
        encoder: The run's encoder.
        threshold: What the cosine, -1..1, must exceed.
    """

    NAME = "embedding"
    encodes = True

    def __init__(self, encoder: Encoder, threshold: float = COSINE_THRESHOLD) -> None:
        self.encoder = encoder
        self.threshold = threshold

    def prepare(self, answers: Sequence[Answers]) -> None:
        """Encode all samples in full batches; the encoder keeps their vectors."""
        self.encoder.encode([text for own in answers for text in own.texts])

    def likeness(self, texts: Sequence[str]) -> Likeness:
        """Return the cosine."""
        vectors = self.encoder.encode(list(texts)).astype(np.float64)
        return lambda i, others: vectors[list(others)] @ vectors[i]


class BothEquivalence(EmbeddingEquivalence):
    """The mean of ROUGE-1 and the cosine, each over its own threshold.

    Args:
        encoder: The run's encoder.
        threshold: What the mean must exceed.
    """

    NAME = "rouge1+embedding"

    def __init__(self, encoder: Encoder, threshold: float = 1.0) -> None:
        super().__init__(encoder, threshold)

    def likeness(self, texts: Sequence[str]) -> Likeness:
        """Return the mean, about 0 to 1.7."""
        words, meaning = rouge1(texts), super().likeness(texts)

        def alike(i: int, others: Sequence[int]) -> npt.NDArray[np.floating]:
            both = words(i, others) / ROUGE1_THRESHOLD + meaning(i, others) / COSINE_THRESHOLD
            return np.asarray(both / 2)

        return alike

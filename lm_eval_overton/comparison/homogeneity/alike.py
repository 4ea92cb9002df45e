"""How alike the samples of one prompt are, by words or by embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.similarity import cosine_matrix, jaccard_matrix
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["COSINE", "WORDS", "Blocks", "Likeness", "by_cosine", "by_words"]

WORDS, COSINE = "words", "cosine"

FloatArray = npt.NDArray[np.float64]
# Of one prompt, by pair of runs (i, j), i <= j, the similarities of their samples, (n_i, n_j).
Blocks = dict[tuple[int, int], FloatArray]


@dataclass(frozen=True)
class Likeness:
    """A similarity of texts.

    Attributes:
        name: What the user calls it.
        about: What it is the mean of, in words.
        forms: Gives what is compared of the samples of each run.
        matrix: Compares the forms of two runs, (n_i, n_j).
    """

    name: str
    about: str
    forms: Callable[[Sequence[Sequence[str]]], list[Any]]
    matrix: Callable[[Any, Any], FloatArray]

    def blocks(self, texts: Sequence[Sequence[str]]) -> Blocks:
        """Return the similarities of the samples of each two runs, for one prompt."""
        forms = self.forms(texts)
        pairs = ((i, j) for j in range(len(forms)) for i in range(j + 1))
        return {(i, j): self.matrix(forms[i], forms[j]) for i, j in pairs}


def by_words(tokenizer: Tokenizer) -> Likeness:
    """Return the Jaccard similarity of content words."""

    def bags(texts: Sequence[Sequence[str]]) -> list[Any]:
        return [[tokenizer.content_words(text) for text in own] for own in texts]

    return Likeness(WORDS, "Jaccard of content words", bags, jaccard_matrix)


def by_cosine(encoder: Encoder) -> Likeness:
    """Return the cosine of embeddings of whole texts."""

    def rows(texts: Sequence[Sequence[str]]) -> list[Any]:
        # Of all runs at once: a model gets fuller batches.
        found = encoder.encode([text for own in texts for text in own])
        return np.split(found, np.cumsum([len(own) for own in texts])[:-1])

    about = f"cosine of embeddings ({encoder.signature})"
    return Likeness(COSINE, about, rows, cosine_matrix)

"""Which viewpoints a response covers, by sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm_eval_overton.matchers.question import (
    Matcher,
    Scores,
    ViewpointQuestion,
    as_scores,
    split_responses,
)
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["EMBEDDING_THRESHOLD", "EmbeddingMatcher"]

# Best F1 on the calibration half of the packaged gold responses (`overton matcher`).
EMBEDDING_THRESHOLD = 0.6


class EmbeddingMatcher(Matcher):
    """A viewpoint is covered if a sentence's embedding is close to the viewpoint's."""

    encodes = True

    def __init__(
        self,
        encoder: Encoder,
        threshold: float = EMBEDDING_THRESHOLD,
        tokenizer: Tokenizer = ENGLISH,
    ) -> None:
        self.encoder = encoder
        self.threshold = threshold
        self.tokenizer = tokenizer

    @property
    def signature(self) -> str:
        """`embedding` and the threshold; the encoder has a place of its own in a signature."""
        return f"embedding>={self.threshold!r}"

    def split_with(self, tokenizer: Tokenizer) -> None:
        """Split responses with this tokenizer from now on."""
        self.tokenizer = tokenizer

    def scores(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return the best cosine per response and viewpoint, in [-1, 1]."""
        split = split_responses(questions, self.tokenizer)
        # One call for all texts, so that batches are full whatever the questions' lengths.
        every = [text for own in split for pieces in own for text in pieces]
        self.encoder.encode(
            every + [view for question in questions for view in question.viewpoints]
        )
        return [
            self._best(own, question.viewpoints)
            for own, question in zip(split, questions, strict=True)
        ]

    def _best(self, pieces: Sequence[Sequence[str]], viewpoints: Sequence[str]) -> Scores:
        views = self.encoder.encode(viewpoints)
        rows = [
            (self.encoder.encode(own) @ views.T).max(axis=0)
            if own
            else np.full(len(viewpoints), -np.inf)
            for own in pieces
        ]
        return as_scores(rows, len(viewpoints))

"""Which viewpoints a response covers, by sentence embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm_eval_overton.matchers.encoding import EncodingMatcher
from lm_eval_overton.matchers.question import Scores, ViewpointQuestion, as_scores

__all__ = ["EMBEDDING_THRESHOLD", "EmbeddingMatcher"]

# Best F1 on the calibration half of the packaged gold responses (`overton matcher`).
EMBEDDING_THRESHOLD = 0.6


class EmbeddingMatcher(EncodingMatcher):
    """A viewpoint is covered if a sentence's embedding is close to the viewpoint's.

    Scores are the best cosines, in [-1, 1].
    """

    NAME = "embedding"
    THRESHOLD = EMBEDDING_THRESHOLD

    def _scored(self, responses: Sequence[Sequence[str]], question: ViewpointQuestion) -> Scores:
        views = self.encoder.encode(question.viewpoints)
        rows = [
            (self.encoder.encode(own) @ views.T).max(axis=0)
            if own
            else np.full(len(views), -np.inf)
            for own in responses
        ]
        return as_scores(rows, len(views))

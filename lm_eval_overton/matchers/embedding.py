"""Which viewpoints a response covers: by sentence embeddings, by entailment or by a judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.matchers.judge import JudgeMatcher
from lm_eval_overton.matchers.nli import NLI_THRESHOLD, NliMatcher, entailment_index
from lm_eval_overton.matchers.question import Scores, ViewpointQuestion, as_scores, split_responses
from lm_eval_overton.text.encoder import Encoder

__all__ = [
    "EMBEDDING_THRESHOLD",
    "NLI_THRESHOLD",
    "EmbeddingMatcher",
    "JudgeMatcher",
    "Matcher",
    "NliMatcher",
    "entailment_index",
    "make_matcher",
]

# Best F1 on the calibration half of the packaged gold responses (`overton matcher`).
EMBEDDING_THRESHOLD = 0.6


class Matcher(Protocol):
    """Scores every viewpoint of a question against every response to it."""

    threshold: float

    @property
    def signature(self) -> str:
        """The matcher's name with every setting that can change a match."""

    def scores(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return the best score of any sentence of a response for each viewpoint.

        Args:
            questions: Per question its responses, its viewpoints and its prompt.

        Returns:
            Per question (n_responses, n_viewpoints); -inf for a response without a sentence.
        """


class EmbeddingMatcher:
    """A viewpoint is covered if a sentence's embedding is close to the viewpoint's."""

    def __init__(self, encoder: Encoder, threshold: float = EMBEDDING_THRESHOLD) -> None:
        self.encoder = encoder
        self.threshold = threshold

    @property
    def signature(self) -> str:
        """`embedding` and the threshold; the encoder has a place of its own in a signature."""
        return f"embedding>={self.threshold!r}"

    def scores(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return the best cosine per response and viewpoint, in [-1, 1]."""
        split = split_responses(questions)
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


def make_matcher(
    name: str,
    encoder: Encoder,
    nli_model: str | None = None,
    threshold: float | None = None,
    device: str | None = None,
) -> Matcher:
    """Return the matcher of a name.

    Args:
        name: `embedding` or `nli`.
        encoder: For `embedding`.
        nli_model: For `nli`: a hub name or folder.
        threshold: The least score of a match; None: the matcher's default.
        device: For `nli`; None: a GPU if there is one.

    Raises:
        SettingsError: If `nli` has no model.
    """
    if name == "embedding":
        return EmbeddingMatcher(encoder, EMBEDDING_THRESHOLD if threshold is None else threshold)
    if name != "nli":
        raise SettingsError(f"matcher: expected embedding or nli, got {name!r}")
    if not nli_model:
        raise SettingsError("nli: expected an nli_model, got none; name one in --metadata")
    return NliMatcher(nli_model, NLI_THRESHOLD if threshold is None else threshold, device)

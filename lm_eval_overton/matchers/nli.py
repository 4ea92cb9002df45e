"""Which viewpoints a response covers, by a natural-language-inference model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.matchers.pair_model import BATCH_SIZE, PairModel, label_index
from lm_eval_overton.matchers.question import (
    SENTENCES,
    Matcher,
    Scores,
    ViewpointQuestion,
    as_scores,
    split_responses,
)
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["NLI_THRESHOLD", "NliMatcher", "entailment_index"]

NLI_THRESHOLD = 0.5


class NliMatcher(Matcher):
    """A viewpoint is covered if a sentence entails it under a natural-language-inference model."""

    def __init__(
        self,
        model: str,
        threshold: float = NLI_THRESHOLD,
        device: str | None = None,
        batch_size: int = BATCH_SIZE,
        tokenizer: Tokenizer = ENGLISH,
    ) -> None:
        self.model = PairModel(model, "nli_model", device, batch_size)
        self.threshold = threshold
        self.splitter = tokenizer
        self.entailment = entailment_index(self.model.config.id2label)

    @property
    def signature(self) -> str:
        """`nli`, the threshold, the model, the beginning of its weights' hash, the sentences."""
        return f"nli>={self.threshold!r}:{self.model.signature}:{SENTENCES}"

    def split_with(self, tokenizer: Tokenizer) -> None:
        """Split responses with this tokenizer from now on."""
        self.splitter = tokenizer

    def scores(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return the best entailment probability per response and viewpoint, in [0, 1]."""
        return self._best(questions, lambda piece, view: (piece, view))

    def implied(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return the best entailment probability with each viewpoint as the premise.

        The sentence is the hypothesis: how far a viewpoint implies what a response says.

        Args:
            questions: Per question its responses and viewpoints.

        Returns:
            Per question (n_responses, n_viewpoints) in [0, 1]; -inf for a response without a
            sentence.
        """
        return self._best(questions, lambda piece, view: (view, piece))

    def _best(
        self,
        questions: Sequence[ViewpointQuestion],
        pair: Callable[[str, str], tuple[str, str]],
    ) -> list[Scores]:
        """Return the best score of a response's sentences per viewpoint.

        Args:
            questions: Per question its responses and viewpoints.
            pair: Makes premise and hypothesis of a sentence and a viewpoint.
        """
        split = split_responses(questions, self.splitter)
        both = list(zip(split, (question.viewpoints for question in questions), strict=True))
        known = self._entailments(
            pair(piece, view)
            for own, views in both
            for pieces in own
            for piece in pieces
            for view in views
        )

        def best(pieces: Sequence[str], view: str) -> float:
            return max((known[pair(piece, view)] for piece in pieces), default=-np.inf)

        return [
            as_scores([[best(pieces, view) for view in views] for pieces in own], len(views))
            for own, views in both
        ]

    def _entailments(self, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], float]:
        distinct = list(dict.fromkeys(pairs))
        column = self.model.probabilities(distinct)[:, self.entailment]
        return dict(zip(distinct, column.tolist(), strict=True))


def entailment_index(labels: Mapping[int, str]) -> int:
    """Return the index of the entailment label among a model's labels.

    Args:
        labels: `id2label` of the model's configuration.

    Raises:
        SettingsError: If no label is called entailment.
    """
    index = label_index(labels, "entailment", "entail", "entailed")
    if index is None:
        raise SettingsError(
            "nli_model: expected a label named entailment, got "
            f"{', '.join(map(str, labels.values()))}; choose a natural-language-inference model"
        )
    return index

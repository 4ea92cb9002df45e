"""Which viewpoints a response covers: by sentence embeddings or by entailment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lm_eval_overton.encoders import Encoder, weights_sha256
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.text import sentences

__all__ = [
    "EMBEDDING_THRESHOLD",
    "NLI_THRESHOLD",
    "EmbeddingMatcher",
    "Matcher",
    "NliMatcher",
    "make_matcher",
]

# Best F1 on the calibration half of the packaged gold responses (`overton matcher`).
EMBEDDING_THRESHOLD = 0.63
NLI_THRESHOLD = 0.5

Scores = npt.NDArray[np.float64]
Question = tuple[Sequence[str], Sequence[str]]


class Matcher(Protocol):
    """Scores every viewpoint of a question against every response to it."""

    threshold: float

    @property
    def signature(self) -> str:
        """The matcher's name with every setting that can change a match."""

    def scores(self, questions: Sequence[Question]) -> list[Scores]:
        """Return the best score of any sentence of a response for each viewpoint.

        Args:
            questions: Per question its responses and its viewpoints.

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

    def scores(self, questions: Sequence[Question]) -> list[Scores]:
        """Return the best cosine per response and viewpoint, in [-1, 1]."""
        split = [[sentences(response) for response in responses] for responses, _ in questions]
        # One call for all texts, so that batches are full whatever the questions' lengths.
        every = [text for own in split for pieces in own for text in pieces]
        self.encoder.encode(every + [view for _, viewpoints in questions for view in viewpoints])
        return [
            self._best(own, viewpoints)
            for own, (_, viewpoints) in zip(split, questions, strict=True)
        ]

    def _best(self, pieces: Sequence[Sequence[str]], viewpoints: Sequence[str]) -> Scores:
        views = self.encoder.encode(viewpoints)
        rows = [
            (self.encoder.encode(own) @ views.T).max(axis=0)
            if own
            else np.full(len(viewpoints), -np.inf)
            for own in pieces
        ]
        return np.array(rows, dtype=np.float64).reshape(len(pieces), len(viewpoints))


class NliMatcher:
    """A viewpoint is covered if a sentence entails it under a natural-language-inference model."""

    def __init__(
        self,
        model: str,
        threshold: float = NLI_THRESHOLD,
        device: str | None = None,
        batch_size: int = 64,
    ) -> None:
        self.name = model
        self.threshold = threshold
        self.device = device
        self.batch_size = batch_size
        self._known: dict[tuple[str, str], float] = {}

    @property
    def signature(self) -> str:
        """`nli`, the threshold, the model's name and the beginning of its weights' hash."""
        sha = weights_sha256(self.name)[:8]
        return f"nli>={self.threshold!r}:{self.name.rstrip('/').split('/')[-1]}@{sha}"

    @cached_property
    def _loaded(self) -> tuple[Any, Any, int]:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.name)
            model = AutoModelForSequenceClassification.from_pretrained(self.name)
        except (OSError, ValueError) as error:
            raise SettingsError(
                f"nli_model: expected a sequence-classification model, got {self.name!r} "
                f"({type(error).__name__}: {str(error).partition(chr(10))[0]})"
            ) from error
        device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        return tokenizer, model.eval().to(device), entailment_index(model.config.id2label)

    def scores(self, questions: Sequence[Question]) -> list[Scores]:
        """Return the best entailment probability per response and viewpoint, in [0, 1]."""
        split = [[sentences(response) for response in responses] for responses, _ in questions]
        self._score_new(
            (piece, view)
            for own, (_, viewpoints) in zip(split, questions, strict=True)
            for pieces in own
            for piece in pieces
            for view in viewpoints
        )
        return [
            self._best(own, viewpoints)
            for own, (_, viewpoints) in zip(split, questions, strict=True)
        ]

    def _best(self, pieces: Sequence[Sequence[str]], viewpoints: Sequence[str]) -> Scores:
        rows = [
            [
                max((self._known[piece, view] for piece in own), default=-np.inf)
                for view in viewpoints
            ]
            for own in pieces
        ]
        return np.array(rows, dtype=np.float64).reshape(len(pieces), len(viewpoints))

    def _score_new(self, pairs: Iterable[tuple[str, str]]) -> None:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        # Pairs of like length share a batch, so that little padding is computed.
        new.sort(key=lambda pair: len(pair[0]) + len(pair[1]), reverse=True)
        for start in range(0, len(new), self.batch_size):
            batch = new[start : start + self.batch_size]
            self._known.update(zip(batch, self._entailment(batch), strict=True))

    def _entailment(self, batch: Sequence[tuple[str, str]]) -> list[float]:
        import torch

        tokenizer, model, entailment = self._loaded
        features = tokenizer(
            [premise for premise, _ in batch],
            [hypothesis for _, hypothesis in batch],
            padding=True,
            truncation="only_first",
            return_tensors="pt",
        ).to(model.device)
        with torch.inference_mode():
            logits = model(**features).logits.float()
        return [float(p) for p in logits.softmax(dim=-1)[:, entailment].cpu()]


def entailment_index(labels: dict[int, str]) -> int:
    """Return the index of the entailment label among a model's labels.

    Args:
        labels: `id2label` of the model's configuration.

    Raises:
        SettingsError: If no label is called entailment.
    """
    for index, label in labels.items():
        if str(label).lower() in ("entailment", "entail", "entailed"):
            return int(index)
    raise SettingsError(
        f"nli_model: expected a label named entailment, got {', '.join(map(str, labels.values()))}"
        "; choose a natural-language-inference model"
    )


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
    if not nli_model:
        raise SettingsError("nli: expected an nli_model, got none; name one in --metadata")
    return NliMatcher(nli_model, NLI_THRESHOLD if threshold is None else threshold, device)

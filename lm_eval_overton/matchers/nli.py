"""Which viewpoints a response covers, by a natural-language-inference model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.matchers.question import (
    Matcher,
    Scores,
    ViewpointQuestion,
    as_scores,
    split_responses,
)
from lm_eval_overton.text.encoder import weights_sha256
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["NLI_THRESHOLD", "NliMatcher", "PairFrame", "entailment_index"]

NLI_THRESHOLD = 0.5
# Tokenizers without a limit of their own say 1e30.
NO_LIMIT = 100_000


class NliMatcher(Matcher):
    """A viewpoint is covered if a sentence entails it under a natural-language-inference model."""

    def __init__(
        self,
        model: str,
        threshold: float = NLI_THRESHOLD,
        device: str | None = None,
        batch_size: int = 128,
        tokenizer: Tokenizer = ENGLISH,
    ) -> None:
        self.name = model
        self.threshold = threshold
        self.device = device
        self.batch_size = batch_size
        self.splitter = tokenizer
        self._known: dict[tuple[str, str], float] = {}
        # Read at once, so that a wrong model is refused before anything is generated.
        self.config = self._read_config()
        self.entailment = entailment_index(self.config.id2label)

    @property
    def signature(self) -> str:
        """`nli`, the threshold, the model's name and the beginning of its weights' hash."""
        sha = weights_sha256(self.name)[:8]
        return f"nli>={self.threshold!r}:{self.name.rstrip('/').split('/')[-1]}@{sha}"

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.name)
            model = AutoModelForSequenceClassification.from_pretrained(self.name)
        except (OSError, ValueError) as error:
            raise _unusable(self.name, error) from error
        device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        return tokenizer, model.eval().to(device)

    def _read_config(self) -> Any:
        from transformers import AutoConfig

        try:
            return AutoConfig.from_pretrained(self.name)
        except (OSError, ValueError) as error:
            raise _unusable(self.name, error) from error

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
        self._score_new(
            pair(piece, view)
            for own, views in both
            for pieces in own
            for piece in pieces
            for view in views
        )

        def best(pieces: Sequence[str], view: str) -> float:
            return max((self._known[pair(piece, view)] for piece in pieces), default=-np.inf)

        return [
            as_scores([[best(pieces, view) for view in views] for pieces in own], len(views))
            for own, views in both
        ]

    def _score_new(self, pairs: Iterable[tuple[str, str]]) -> None:
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        if not new:
            return
        frame = PairFrame.of(self._loaded[0], self._room)
        # Each text is tokenised once, however many pairs it is in.
        texts = list(dict.fromkeys(text for pair in new for text in pair))
        encoded = self._loaded[0](texts, add_special_tokens=False, verbose=False)["input_ids"]
        ids = dict(zip(texts, encoded, strict=True))
        rows = [frame.join(ids[premise], ids[hypothesis]) for premise, hypothesis in new]
        # Pairs of like length share a batch, so that little padding is computed.
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]), reverse=True)
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            values = self._entailment([rows[i] for i in batch])
            self._known.update(zip((new[i] for i in batch), values, strict=True))

    @property
    def _room(self) -> int:
        positions = getattr(self.config, "max_position_embeddings", None) or NO_LIMIT
        stated = int(getattr(self._loaded[0], "model_max_length", None) or NO_LIMIT)
        # A tokenizer without a limit: RoBERTa's first two positions hold no token.
        return min(stated, positions) if stated < NO_LIMIT else positions - 2

    def _entailment(self, rows: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        import torch

        tokenizer, model = self._loaded
        width = max(len(ids) for ids, _ in rows)
        padding = tokenizer.pad_token_id or 0
        features = {
            "input_ids": [ids + [padding] * (width - len(ids)) for ids, _ in rows],
            "attention_mask": [[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in rows],
        }
        if "token_type_ids" in tokenizer.model_input_names:
            features["token_type_ids"] = [kinds + [0] * (width - len(kinds)) for _, kinds in rows]
        tensors = {key: torch.tensor(value, device=model.device) for key, value in features.items()}
        with torch.inference_mode():
            logits = model(**tensors).logits.float()
        return [float(p) for p in logits.softmax(dim=-1)[:, self.entailment].cpu()]


@dataclass(frozen=True)
class PairFrame:
    """The special tokens around and between the two texts of a pair, and each part's type."""

    begin: list[int]
    middle: list[int]
    end: list[int]
    types: tuple[int, int, int, int, int]
    room: int

    @classmethod
    def of(cls, tokenizer: Any, room: int) -> PairFrame:
        """Find them by encoding a pair of one-token texts.

        Args:
            tokenizer: The model's tokenizer.
            room: The most tokens of a whole pair.
        """
        one = tokenizer("a", add_special_tokens=False)["input_ids"]
        whole = tokenizer("a", "a", return_token_type_ids=True)
        ids, kinds = whole["input_ids"], whole["token_type_ids"]
        size = len(one)
        starts = [i for i in range(len(ids) - size + 1) if ids[i : i + size] == one]
        first, second = starts[0], starts[-1]
        places = (0, first, first + size, second, len(ids) - 1)
        types = tuple(kinds[place] for place in places)
        return cls(
            ids[:first],
            ids[first + size : second],
            ids[second + size :],
            (types[0], types[1], types[2], types[3], types[4]),
            room,
        )

    def join(self, premise: list[int], hypothesis: list[int]) -> tuple[list[int], list[int]]:
        """Return token ids and type ids of a pair; the longer text is cut if there is no room."""
        free = self.room - len(self.begin) - len(self.middle) - len(self.end)
        hypothesis = hypothesis[: max(free // 2, free - len(premise))]
        premise = premise[: free - len(hypothesis)]
        parts = (self.begin, premise, self.middle, hypothesis, self.end)
        ids = [token for part in parts for token in part]
        kinds = [kind for part, kind in zip(parts, self.types, strict=True) for _ in part]
        return ids, kinds


def _unusable(name: str, error: Exception) -> SettingsError:
    return SettingsError(
        f"nli_model: expected a sequence-classification model, got {name!r} "
        f"({type(error).__name__}: {str(error).partition(chr(10))[0]})"
    )


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

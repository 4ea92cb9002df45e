"""Which viewpoints a response covers: by sentence embeddings, by entailment or by a judge."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from lm_eval_overton import judging
from lm_eval_overton.encoders import Encoder, weights_sha256
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge.prompts import viewpoints
from lm_eval_overton.judging import Judge
from lm_eval_overton.text import sentences

__all__ = [
    "EMBEDDING_THRESHOLD",
    "NLI_THRESHOLD",
    "EmbeddingMatcher",
    "JudgeMatcher",
    "Matcher",
    "NliMatcher",
    "make_matcher",
]

# Best F1 on the calibration half of the packaged gold responses (`overton matcher`).
EMBEDDING_THRESHOLD = 0.6
NLI_THRESHOLD = 0.5
# A rating of 1..5 covers from 4 on.
JUDGE_THRESHOLD = 4.0
# Tokenizers without a limit of their own say 1e30.
NO_LIMIT = 100_000

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
        batch_size: int = 128,
    ) -> None:
        self.name = model
        self.threshold = threshold
        self.device = device
        self.batch_size = batch_size
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


class JudgeMatcher:
    """A viewpoint is covered if a judge rates how well the response represents it high enough.

    Args:
        judge: Who is asked; it sees the whole response.
        docs: All questions, with `prompt` and `viewpoints`.
        threshold: The least rating, 1..5, of a match.
    """

    def __init__(
        self, judge: Judge, docs: Iterable[Mapping[str, Any]], threshold: float | None = None
    ) -> None:
        self.judge = judge
        self.threshold = JUDGE_THRESHOLD if threshold is None else threshold
        self._prompts = {tuple(v["text"] for v in d["viewpoints"]): d["prompt"] for d in docs}
        self._known: dict[tuple[tuple[str, ...], str], list[float]] = {}

    @property
    def signature(self) -> str:
        """`judge`, the threshold and the judge's own signature."""
        return f"judge>={self.threshold!r}:{self.judge.signature.replace('|', '+')}"

    def scores(self, questions: Sequence[Question]) -> list[Scores]:
        """Return the ratings, 1..5; a row of NaN for a response without a verdict."""
        asked = {(tuple(views), text): None for texts, views in questions for text in texts}
        new = [pair for pair in asked if pair not in self._known]
        for pair, verdict in zip(
            new, self.judge.ask([self._question(*p) for p in new]), strict=True
        ):
            ratings = verdict.value if verdict is not None else None
            if ratings is None or None in ratings:
                ratings = [math.nan] * len(pair[0])
            self._known[pair] = ratings
        return [
            np.array([self._known[tuple(views), text] for text in texts], dtype=np.float64).reshape(
                len(texts), len(views)
            )
            for texts, views in questions
        ]

    def _question(self, views: tuple[str, ...], response: str) -> judging.Question:
        texts = {"prompt": self._prompts[views], "viewpoints": list(views), "response": response}
        return judging.Question(viewpoints(len(views)), texts)


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
    if name != "nli":
        raise SettingsError(f"matcher: expected embedding or nli, got {name!r}")
    if not nli_model:
        raise SettingsError("nli: expected an nli_model, got none; name one in --metadata")
    return NliMatcher(nli_model, NLI_THRESHOLD if threshold is None else threshold, device)

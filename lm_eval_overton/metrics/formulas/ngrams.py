"""The n-grams of a prompt's samples as numbers, so that what they share is found by arrays."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Counts", "Ids", "gram_counts", "gram_ids"]

Ids = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]


def gram_ids(texts: Sequence[Sequence[Hashable]], most: int) -> list[list[Ids]]:
    """Return the n-grams of texts as numbers, equal for equal n-grams of any of the texts.

    Args:
        texts: One list of tokens per text; no n-gram spans two texts.
        most: The greatest n.

    Returns:
        Per n from 1 to `most` and per text (n_grams,), in the order of the text.
    """
    numbers: dict[Hashable, int] = {}
    tokens = [numbers.setdefault(token, len(numbers)) for own in texts for token in own]
    words = np.array(tokens, dtype=np.int64)
    ends = np.cumsum([len(own) for own in texts], dtype=np.int64).tolist()
    starts = [0, *ends][: len(texts)]
    grams, found = words, []
    for n in range(1, most + 1):
        if n > 1:
            # Those that span two texts get numbers too, which none of the texts has.
            pairs = grams[:-1] * max(len(numbers), 1) + words[n - 1 :]
            grams = np.unique(pairs, return_inverse=True)[1].reshape(-1)
        found.append([grams[a : max(a, b - n + 1)] for a, b in zip(starts, ends, strict=True)])
    return found


def gram_counts(ids: Sequence[Ids]) -> Counts:
    """Return how often each text holds each n-gram.

    Args:
        ids: Of one n, as `gram_ids` returns them.

    Returns:
        (n_texts, n_grams); a column may be empty.
    """
    width = max((int(own.max()) + 1 for own in ids if own.size), default=0)
    rows = [np.bincount(own, minlength=width) for own in ids]
    return np.array(rows, dtype=np.int64).reshape(len(ids), width)

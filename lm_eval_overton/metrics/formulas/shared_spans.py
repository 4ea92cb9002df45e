"""Which tokens of a sample lie in runs of words that other samples of its prompt hold too."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.ngrams import Ids, gram_counts

__all__ = [
    "DECILES",
    "SPAN",
    "Floats",
    "by_decile",
    "chance_of_enough",
    "needed_of_anchors",
    "opening",
    "share_of_tokens",
    "sharers",
]

Floats = npt.NDArray[np.float64]

# Words of a run.
SPAN = 5
DECILES = 10
# Shorter samples have tenths of one word.
_LEAST_OF_DECILES = 2 * DECILES


def sharers(spans: Sequence[Ids]) -> list[Ids]:
    """Return with how many other samples each token is shared.

    A token is shared with a sample that holds one of the runs of `SPAN` words in which it lies.
    Source: Li et al. 2024, arXiv:2407.02446.

    Args:
        spans: Per sample its n-grams of `SPAN` words as numbers.

    Returns:
        Per sample (n_tokens,), from 0 to the number of other samples; empty for a sample of fewer
        than `SPAN` words.
    """
    holders = gram_counts(spans) > 0
    return [_sharers(holders[:, own]) for own in spans]


def _sharers(holders: npt.NDArray[np.bool_]) -> Ids:
    """Return the sharers of a sample's tokens, of which samples hold each of its runs."""
    samples, runs = holders.shape
    if runs == 0:
        return np.zeros(0, dtype=np.int64)
    shared = np.zeros((samples, runs + SPAN - 1), dtype=np.bool_)
    for k in range(SPAN):
        shared[:, k : k + runs] |= holders
    # Each sample shares its tokens with itself.
    others: Ids = shared.sum(axis=0, dtype=np.int64) - 1
    return others


def needed_of_anchors(n: int) -> int:
    """Return with how many of n - 1 other samples an anchor is shared: with half of them."""
    return -(-(n - 1) // 2)


def chance_of_enough(samples: int, n: int, needed: int) -> Floats:
    """Return how probable it is that enough of the samples that share a token are drawn.

    Args:
        samples: How many samples there are, at least n.
        n: How many of them count: a token's own sample, and n - 1 drawn from the others.
        needed: How many of those drawn have to share the token.

    Returns:
        (samples,), by the number of other samples that share it; 0 and 1 alone for n = samples.
    """
    others, drawn = samples - 1, n - 1
    total = math.comb(others, drawn)
    return np.array([
        sum(math.comb(k, j) * math.comb(others - k, drawn - j) for j in range(needed, drawn + 1))
        / total
        for k in range(samples)
    ])  # fmt: skip


def share_of_tokens(shared: Sequence[Floats]) -> float:
    """Return the mean over samples of the share of their tokens that are shared.

    Args:
        shared: Per sample (n_tokens,), how far each token is shared, in [0, 1].

    Returns:
        A fraction in [0, 1]; a sample without a token counts 0, NaN for no sample.
    """
    shares = [float(own.mean()) if own.size else 0.0 for own in shared]
    return math.fsum(shares) / len(shares) if shares else math.nan


def opening(shared: Floats) -> Floats:
    """Return what belongs to the first tenth of a sample's tokens, at least one of them."""
    return shared[: -(-len(shared) // DECILES)]


def by_decile(shared: Floats) -> Floats | None:
    """Return the share of shared tokens in each tenth of a sample.

    Args:
        shared: (n_tokens,), how far each token is shared, in [0, 1].

    Returns:
        (`DECILES`,); None for a sample of fewer than two tokens a tenth.
    """
    if len(shared) < _LEAST_OF_DECILES:
        return None
    return np.array([part.mean() for part in np.array_split(shared, DECILES)])

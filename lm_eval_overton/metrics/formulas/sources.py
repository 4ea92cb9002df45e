"""How much the texts of one prompt show of which of several sources they come from."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

__all__ = ["shared_shares", "source_mixing"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int_]
BoolArray = npt.NDArray[np.bool_]

# Products of equal rows differ by rounding; similarities are of the size of 1.
_ROUNDING = 1e-12


def source_mixing(similarities: FloatArray, sources: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return which share of each text's nearest texts comes from another source, and by chance.

    A text of a source with n texts has n - 1 nearest ones: all of them are of its own source where
    the sources lie apart. Of equally near texts that compete for the last places each takes an
    equal part, so that their order does not matter.

    Args:
        similarities: (n_texts, n_texts), symmetric; NaN where undefined. A text that is not even
            like itself has no neighbours and is none.
        sources: (n_texts,), the number of each text's source, from 0.

    Returns:
        (n_texts,) the shares, and (n_texts,) what they are where nearness has nothing to do with
        the source: (M - 1) n / (M n - 1) for M sources of n texts each. Both in [0, 1]; NaN for a
        text without neighbours, or alone in its source.
    """
    places = np.flatnonzero(~np.isnan(np.diagonal(similarities)))
    own, near = sources[places], similarities[np.ix_(places, places)]
    np.fill_diagonal(near, -np.inf)
    shares, chances = np.full((2, len(sources)), np.nan)
    for i, place in enumerate(places):
        is_other = own != own[i]
        others = np.count_nonzero(is_other)
        k = len(own) - others - 1
        if k:
            shares[place] = _other_share(near[i], is_other, k)
            chances[place] = others / (len(own) - 1)
    return shares, chances


def _other_share(near: FloatArray, is_other: BoolArray, k: int) -> float:
    """Return which share of the k nearest is of others, the last places shared among equals."""
    last = np.partition(near, -k)[-k]
    nearer = near > last + _ROUNDING
    equal = np.abs(near - last) <= _ROUNDING
    places = k - np.count_nonzero(nearer)
    of_equal = np.count_nonzero(equal & is_other) / np.count_nonzero(equal)
    return float((np.count_nonzero(nearer & is_other) + places * of_equal) / k)


def shared_shares(
    parts: Sequence[AbstractSet[Hashable]], sources: IntArray, n_sources: int
) -> FloatArray:
    """Return which share of each text's parts any text of each source has too.

    In its own source the other texts alone count.

    Args:
        parts: The distinct parts of each text, its n-grams for example.
        sources: (n_texts,), the number of each text's source, from 0.
        n_sources: The number of sources.

    Returns:
        (n_texts, n_sources), each in [0, 1]; NaN for a text without parts.
    """
    held: list[set[Hashable]] = [set() for _ in range(n_sources)]
    repeated: list[set[Hashable]] = [set() for _ in range(n_sources)]
    for own, source in zip(parts, sources, strict=True):
        repeated[source] |= held[source] & own
        held[source] |= own
    shares = np.full((len(parts), n_sources), np.nan)
    for i, (own, source) in enumerate(zip(parts, sources, strict=True)):
        for j in range(n_sources) if own else ():
            elsewhere = repeated[j] if j == source else held[j]
            shares[i, j] = len(own & elsewhere) / len(own)
    return shares

"""Diversity and form of a response set, measured on its surface."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence

__all__ = ["compression_ratio", "duplicate_share", "share"]


def compression_ratio(texts: Sequence[str]) -> float:
    """Return how many times smaller a response set becomes under zlib level 9.

    Source: Shaib et al. 2024, arXiv:2403.00553.

    Args:
        texts: The cleaned responses to one prompt.

    Returns:
        A number above 0, lower is more diverse; NaN for no response.
    """
    if not texts:
        return math.nan
    data = "\n".join(texts).encode("utf-8", "surrogatepass")
    return len(data) / len(zlib.compress(data, 9))


def duplicate_share(texts: Sequence[str]) -> float:
    """Return the share of responses that repeat an earlier one letter by letter.

    Args:
        texts: The cleaned responses to one prompt.

    Returns:
        A fraction in [0, 1); NaN for no response.
    """
    return 1.0 - len(set(texts)) / len(texts) if texts else math.nan


def share(texts: Sequence[str], test: Callable[[str], bool]) -> float:
    """Return the share of responses that pass a test.

    Args:
        texts: The cleaned responses to one prompt.
        test: Called with one response.

    Returns:
        A fraction in [0, 1]; NaN for no response.
    """
    return sum(map(test, texts)) / len(texts) if texts else math.nan

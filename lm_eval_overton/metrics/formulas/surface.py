"""Diversity and form of a response set, measured on its surface."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["compression_ratio", "duplicate_share", "share"]

T = TypeVar("T")


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


def share(samples: Sequence[T], test: Callable[[T], bool]) -> float:
    """Return the share of samples that pass a test.

    Args:
        samples: The samples of one prompt in the form that is tested: cleaned texts, say.
        test: Called with one of them.

    Returns:
        A fraction in [0, 1]; NaN for no sample.
    """
    return sum(map(test, samples)) / len(samples) if samples else math.nan

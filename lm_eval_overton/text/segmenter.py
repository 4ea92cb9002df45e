"""Words of scripts that do not write them apart: by dictionary, else pairs of characters."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

__all__ = ["INSTALL", "has_dictionary", "segmenter_name", "segments"]

INSTALL = "pip install 'lm-eval-overton[languages]'"


@lru_cache(maxsize=1)
def has_dictionary() -> bool:
    """Tell whether ICU is there, which has dictionaries of these scripts."""
    return importlib.util.find_spec("icu4py") is not None


@lru_cache(maxsize=1)
def _graphemes() -> Any:
    import regex

    return regex.compile(r"\X")


def segmenter_name() -> str:
    """Return what `segments` goes by, with its version."""
    if not has_dictionary():
        return "pairs"
    import icu4py

    return f"icu{icu4py.icu_version}"


def segments(run: str, by_dictionary: bool) -> Iterator[tuple[int, int]]:
    """Yield where the words of a run of letters begin and end.

    Words are those of ICU's word boundaries (Unicode UAX 29 with ICU's dictionaries). Without them
    each pair of neighbouring characters stands for a word: two texts share about as large a share
    of their pairs as of their words.

    Args:
        run: Letters of scripts without spaces; not empty.
        by_dictionary: Whether to use ICU, where it is there.
    """
    return _by_dictionary(run) if by_dictionary and has_dictionary() else _pairs(run)


def _by_dictionary(run: str) -> Iterator[tuple[int, int]]:
    from icu4py.breakers import WordBreaker

    start = 0
    # The dictionaries go by script: the locale changes nothing.
    for word in WordBreaker(run, "en"):
        yield start, start + len(word)
        start += len(word)


def _pairs(run: str) -> Iterator[tuple[int, int]]:
    ends = [match.end() for match in _graphemes().finditer(run)]
    starts = [0, *ends[:-1]]
    if len(ends) == 1:
        yield 0, ends[0]
    yield from zip(starts, ends[1:], strict=False)

"""Stems of words, so that their forms count as one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

__all__ = ["stem"]


@lru_cache(maxsize=2**16)
def stem(word: str) -> str:
    """Return the stem of a word in small letters, by Porter's rules for English."""
    return str(_stemmer().stem(word))


@lru_cache(maxsize=1)
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()

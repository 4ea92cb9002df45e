"""Words that say little, by language."""

from __future__ import annotations

import importlib.metadata
from functools import lru_cache
from importlib import resources

__all__ = ["listed_languages", "stop_words", "stop_words_to_tell_by", "version"]


@lru_cache(maxsize=1)
def _lists() -> dict[str, frozenset[str]]:
    import stopwordsiso

    return {code: frozenset(stopwordsiso.stopwords(code)) for code in stopwordsiso.langs()}


@lru_cache(maxsize=1)
def _english() -> frozenset[str]:
    path = resources.files("lm_eval_overton") / "data" / "stopwords_en.txt"
    return frozenset(path.read_text(encoding="utf-8").split())


def listed_languages() -> frozenset[str]:
    """Return the languages that there are stop words for."""
    return frozenset(_lists())


def stop_words(language: str) -> frozenset[str]:
    """Return a language's stop words in small letters; none for one without a list.

    English has the 179 of NLTK with which the paper's numbers were made, all others those of
    Stopwords ISO.
    """
    return _english() if language == "en" else _lists().get(language, frozenset())


@lru_cache(maxsize=64)
def stop_words_to_tell_by(language: str) -> frozenset[str]:
    """Return the stop words by which a language is told from others, of one collection for all."""
    return frozenset(word for word in _lists().get(language, ()) if word.isalpha())


def version() -> str:
    """Return the version of the lists."""
    return importlib.metadata.version("stopwordsiso")

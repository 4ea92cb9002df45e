"""NLTK's word tokenizer, without the substitutions that cannot change a sentence.

NLTK sends each sentence through some thirty of them, of which most find nothing. That a sentence
lacks what a pattern cannot do without is told in a fraction of the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from nltk.tokenize.destructive import NLTKWordTokenizer

__all__ = ["NEEDED", "NltkWords"]

# NLTK's patterns by the characters of which each of their matches holds at least one. A pattern
# that is not here, such as one of another release, is always tried.
NEEDED = {
    "'": (
        r"(?i)(?<!\w)(\')(?!(?:re|ve|ll|m|t|s|d|n)\b)(?=\w)",
        r"([^'])' ",
        r"''",
        r"([^' ])('[sS]|'[mM]|'[dD]|') ",
        r"([^' ])('ll|'LL|'re|'RE|'ve|'VE|n't|N'T) ",
        r"(?i)\b(d)(?#X)('ye)\b",
        r"(?i)\b(more)(?#X)('n)\b",
        r"(?i) ('t)(?#X)(is)\b",
        r"(?i) ('t)(?#X)(was)\b",
    ),
    "\"'": (r"([ \(\[{<])(\"|\'{2})",),
    '"': (r"^\"", '"'),
    "`": ("(``)",),
    "«“‘„`": ("([«“‘„]|[`]+)",),
    "»”’": ("([»”’])",),
    ".": (r"\.{2,}",),
    ":,": (r"([:,])([^\d])", r"([:,])$"),
    "?!": (r"[?!]",),
    "*": (r"[*]",),
    ";@#$%&": (r"[;@#$%&]",),
    "[](){}<>": (r"[\]\[\(\)\{\}\<\>]",),
    "-": (r"--",),
    "\u2012\u2013\u2014\u2015": (r"[\u2012-\u2015]",),
}
_NEEDED_BY = {pattern: needed for needed, own in NEEDED.items() for pattern in own}


class _Tried:
    """A pattern that is tried on those texts alone that it may match."""

    __slots__ = ("_may_match", "_pattern")

    def __init__(self, pattern: Any, needed: str) -> None:
        self._pattern = pattern
        self._may_match = re.compile(f"[{re.escape(needed)}]").search

    def sub(self, by: str, text: str) -> str:
        """Return a text with all matches replaced."""
        return self._pattern.sub(by, text) if self._may_match(text) else text


def _tried(pattern: Any) -> Any:
    needed = _NEEDED_BY.get(pattern.pattern)
    return pattern if needed is None else _Tried(pattern, needed)


def _each_tried(rules: Iterable[tuple[Any, str]]) -> list[tuple[Any, str]]:
    return [(_tried(pattern), by) for pattern, by in rules]


class NltkWords(NLTKWordTokenizer):
    """Gives the tokens that NLTKWordTokenizer gives."""

    STARTING_QUOTES = _each_tried(NLTKWordTokenizer.STARTING_QUOTES)
    PUNCTUATION = _each_tried(NLTKWordTokenizer.PUNCTUATION)
    PARENS_BRACKETS = _each_tried([NLTKWordTokenizer.PARENS_BRACKETS])[0]
    DOUBLE_DASHES = _each_tried([NLTKWordTokenizer.DOUBLE_DASHES])[0]
    ENDING_QUOTES = _each_tried(NLTKWordTokenizer.ENDING_QUOTES)
    CONTRACTIONS2 = tuple(map(_tried, NLTKWordTokenizer.CONTRACTIONS2))
    CONTRACTIONS3 = tuple(map(_tried, NLTKWordTokenizer.CONTRACTIONS3))

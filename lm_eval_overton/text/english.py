"""English words and sentences, as the paper's numbers were made with them."""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from lm_eval_overton.text.abbreviations import cut
from lm_eval_overton.text.prose import prose_lines
from lm_eval_overton.text.stop_words import stop_words
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["ENGLISH", "English", "first_words", "rouge_tokens"]

_PUNCTUATION = frozenset(string.punctuation)
_WORD = re.compile(r"\S+")
# Several metrics and tables ask for the words of the same texts. With tokens that are one object
# wherever they stand, those of a usual answer take some 3 KB; what is far longer is not kept.
_KEPT = 8192
_KEPT_LENGTH = 20_000


@lru_cache(maxsize=1)
def _tokenizers() -> tuple[Any, Any]:
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    from lm_eval_overton.text.nltk_words import NltkWords

    # An untrained Punkt needs no download and is what the paper's word counts were made with.
    return PunktSentenceTokenizer(), NltkWords()


def _taken_apart(text: str) -> Iterator[str]:
    punkt, words = _tokenizers()
    return (token for sentence in punkt.tokenize(text) for token in words.tokenize(sentence))


def _pieces(line: str) -> Iterator[str]:
    punkt, _ = _tokenizers()
    return cut(line, (end for _, end in punkt.span_tokenize(line)), True)


@lru_cache(maxsize=_KEPT)
def _kept_words(text: str) -> tuple[str, ...]:
    return tuple(map(sys.intern, _taken_apart(text)))


def first_words(text: str, n: int = 100) -> str:
    """Return the beginning of a text, up to the end of its n-th white-space separated word.

    Length is a confounder of every similarity, so each is also taken on equally long texts.

    Args:
        text: One cleaned response.
        n: Number of words to keep, at least 1.

    Returns:
        The text as it is if it has no more than n words, else its beginning with the white space
        between the words kept.

    Raises:
        ValueError: If n is below 1.
    """
    if n < 1:
        raise ValueError(f"first_words: expected n of at least 1, got {n}; leave it at 100")
    ends = [word.end() for word in islice(_WORD.finditer(text), n + 1)]
    return text[: ends[n - 1]] if len(ends) > n else text


def rouge_tokens(text: str) -> list[str]:
    """Return the tokens that ROUGE compares: rouge-score's DefaultTokenizer, no stemming.

    Args:
        text: Any text.

    Returns:
        Lower-cased runs of ASCII letters and digits, in order; a text in another script has none.
    """
    from rouge_score.tokenize import tokenize  # type: ignore[import-untyped, unused-ignore]

    tokens: list[str] = tokenize(text, None)
    return tokens


@dataclass(frozen=True)
class English:
    """NLTKWordTokenizer over untrained-Punkt sentences, and NLTK's stop words."""

    @property
    def signature(self) -> str:
        """The language's code."""
        return "en"

    def words(self, text: str) -> list[str]:
        """Return the word tokens of a text in order, case kept, punctuation included."""
        return list(_kept_words(text) if len(text) <= _KEPT_LENGTH else _taken_apart(text))

    def content_words_of(self, tokens: Iterable[str]) -> frozenset[str]:
        """Return the content words among tokens.

        Tokens made only of ASCII punctuation and the 179 English stop words of NLTK (the list of
        2023, compared with case) are dropped. Source: Lake et al. 2024, arXiv:2406.17692.

        Args:
            tokens: Tokens as `words` returns them.

        Returns:
            Distinct content words, case kept.
        """
        # `_PUNCTUATION.issuperset` is true for the empty string too, which is no word either.
        return frozenset(
            token
            for token in set(tokens).difference(stop_words("en"))
            if not _PUNCTUATION.issuperset(token)
        )

    def content_words(self, text: str) -> frozenset[str]:
        """Return the content-word set of a text; see `content_words_of`."""
        return self.content_words_of(self.words(text))

    def n_grams(self, tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
        """Return the lower-cased runs of n tokens of one sample, in order."""
        lowered = [token.lower() for token in tokens]
        return list(zip(*(lowered[i:] for i in range(n)), strict=False))

    def sentences(self, text: str) -> list[str]:
        """Split a response into sentences: lines of prose without list markers, then Punkt.

        Args:
            text: One cleaned response.

        Returns:
            Sentences in order; headings, rows of tables, the ends of abbreviations and pieces
            without a letter are none.
        """
        pieces = (piece for line in prose_lines(text) if line for piece in _pieces(line))
        return [piece for piece in pieces if any(map(str.isalpha, piece))]

    def count(self, text: str) -> int:
        """Return the number of white-space separated words of a text."""
        return len(text.split())

    def beginning(self, text: str, n: int) -> str:
        """Return the beginning of a text, up to the end of its n-th word; see `first_words`."""
        return first_words(text, n)

    def overlap_tokens(self, text: str) -> list[str]:
        """Return the tokens that ROUGE compares; see `rouge_tokens`."""
        return rouge_tokens(text)


ENGLISH: Tokenizer = English()

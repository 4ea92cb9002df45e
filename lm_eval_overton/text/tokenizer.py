"""What a tokenizer is: the words, sentences and n-grams of the texts of one language or script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

__all__ = ["Tokenizer"]


class Tokenizer(Protocol):
    """Takes texts apart; what it found may be kept under it as a key."""

    def __hash__(self) -> int:
        """Return a hash that all equal ones share."""

    @property
    def signature(self) -> str:
        """Its name, with every setting that can change a word."""

    def words(self, text: str) -> list[str]:
        """Return the word tokens of a text in order, case kept, punctuation included."""

    def sentences(self, text: str) -> list[str]:
        """Return the sentences of a text in order; pieces without a letter are dropped."""

    def content_words_of(self, tokens: Iterable[str]) -> frozenset[str]:
        """Return the distinct tokens that are neither punctuation nor stop words."""

    def content_words(self, text: str) -> frozenset[str]:
        """Return the content words of a text."""

    def n_grams(self, tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
        """Return the runs of n tokens in order, case folded away."""

    def count(self, text: str) -> int:
        """Return how long a text is in words."""

    def beginning(self, text: str, n: int) -> str:
        """Return the beginning of a text, up to the end of its n-th word; all of a shorter one."""

    def overlap_tokens(self, text: str) -> list[str]:
        """Return the tokens that ROUGE compares: words in small letters without punctuation."""

"""Words and sentences of any language, by the rules that English is taken apart by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from lm_eval_overton.text import segmenter, sentences, stop_words
from lm_eval_overton.text.scripts import UNSPACED

__all__ = ["SEGMENTED", "Words"]

# Languages of scripts without spaces.
SEGMENTED = frozenset({"zh", "ja", "th", "lo", "km", "my"})
# Languages whose short words lean on the next one with an apostrophe: `l'eau`.
_ELIDING = frozenset({"ca", "fr", "it"})
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}\u200C\u200D]--{UNSPACED}]"


@lru_cache(maxsize=2)
def _pieces(elides: bool) -> Any:
    import regex

    within = "-‐·" if elides else "'’ʼ‐·-"
    word = rf"{_LETTER}+(?:(?:[{within}]|(?<=\p{{N}})[.,](?=\p{{N}})){_LETTER}+)*"
    return regex.compile(rf"(?P<unspaced>{UNSPACED}[{UNSPACED}\p{{M}}]*)|{word}|\S", regex.V1)


@lru_cache(maxsize=1)
def _says_nothing() -> Any:
    import regex

    # Punctuation, currency and mathematical signs of all scripts; not the signs of emoji.
    return regex.compile(r"[\p{P}\p{Sm}\p{Sc}\p{Sk}\p{M}\p{C}]*")


@dataclass(frozen=True)
class Words:
    """Unicode's letters in words, a segmenter's where a script does not write them apart.

    As in English, case is kept, stop words are compared with case (so that one at the head of a
    sentence stays) and tokens of punctuation alone are dropped.

    Attributes:
        languages: Codes of the languages that the texts are in, sorted.
    """

    languages: tuple[str, ...]

    @property
    def signature(self) -> str:
        """The languages, the segmenter if one is needed, and the version of the stop words."""
        named = ["+".join(self.languages)]
        if self._segments:
            named.append(segmenter.segmenter_name())
        return "-".join([*named, f"stop{stop_words.version()}"])

    @cached_property
    def _segments(self) -> bool:
        return not SEGMENTED.isdisjoint(self.languages)

    @cached_property
    def _stop_words(self) -> frozenset[str]:
        return frozenset[str]().union(*map(stop_words.stop_words, self.languages))

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for match in _pieces(not _ELIDING.isdisjoint(self.languages)).finditer(text):
            start, end = match.span()
            if match.group("unspaced") is None:
                yield start, end
            else:
                own = segmenter.segments(match.group(), self._segments)
                yield from ((start + first, start + last) for first, last in own)

    def words(self, text: str) -> list[str]:
        """Return the word tokens of a text in order, case kept, punctuation included."""
        return [text[start:end] for start, end in self._spans(text)]

    def content_words_of(self, tokens: Iterable[str]) -> frozenset[str]:
        """Return the distinct tokens that are neither punctuation nor stop words."""
        return frozenset(filter(_is_word, set(tokens).difference(self._stop_words)))

    def content_words(self, text: str) -> frozenset[str]:
        """Return the content words of a text."""
        return self.content_words_of(self.words(text))

    def n_grams(self, tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
        """Return the lower-cased runs of n tokens of one sample, in order."""
        lowered = [token.lower() for token in tokens]
        return list(zip(*(lowered[i:] for i in range(n)), strict=False))

    def overlap_tokens(self, text: str) -> list[str]:
        """Return the lower-cased words of a text without punctuation, stop words included."""
        return [word.lower() for word in self.words(text) if _is_word(word)]

    def overlap_spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the words of `overlap_tokens` begin and end in a text."""
        return [(start, end) for start, end in self._spans(text) if _is_word(text[start:end])]

    def sentences(self, text: str) -> list[str]:
        """Return the sentences of a text in order; pieces without a letter are dropped."""
        return sentences.sentences(text, frozenset(self.languages))

    def count(self, text: str) -> int:
        """Return the number of words of a text, punctuation apart."""
        return len(self.overlap_tokens(text))

    def beginning(self, text: str, n: int) -> str:
        """Return the beginning of a text, up to the end of its n-th word."""
        ends = [end for start, end in self._spans(text) if _is_word(text[start:end])]
        return text[: ends[n - 1]] if len(ends) > n else text


def _is_word(token: str) -> bool:
    return _says_nothing().fullmatch(token) is None

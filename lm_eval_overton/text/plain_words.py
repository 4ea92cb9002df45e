"""Words as the field's measures on n-grams have them: small letters, no punctuation, any script."""

from __future__ import annotations

import re

from lm_eval_overton.text.tokenizer import Tokenizer
from lm_eval_overton.text.words import Words

__all__ = ["languages_of", "plain_words", "word_spans"]

_WORD = re.compile(r"\w+")


def plain_words(text: str, tokenizer: Tokenizer) -> list[str]:
    r"""Return the words of a text in small letters, in order.

    English texts are taken apart into runs of `\w`, as published values are. These mean nothing
    where words are not written apart, and cut words where vowels are combining marks: there, and
    in all other languages, the words are the tokenizer's.

    Args:
        text: Any text.
        tokenizer: That of the run's languages.
    """
    if isinstance(tokenizer, Words):
        return tokenizer.overlap_tokens(text)
    return [word.lower() for word in _WORD.findall(text)]


def word_spans(text: str, tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Return where the words of `plain_words` begin and end in a text.

    Args:
        text: Any text.
        tokenizer: That of the run's languages.
    """
    if isinstance(tokenizer, Words):
        return tokenizer.overlap_spans(text)
    return [match.span() for match in _WORD.finditer(text)]


def languages_of(tokenizer: Tokenizer) -> frozenset[str]:
    """Return the codes of the languages that a tokenizer is made for."""
    return frozenset(tokenizer.signature.split("-")[0].split("+"))

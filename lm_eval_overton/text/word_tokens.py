"""Plain word tokens: what measures of overlap by others count, in a form for every script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from lm_eval_overton.text.scripts import UNSPACED
from lm_eval_overton.text.segmenter import segments

__all__ = ["word_tokens"]

SIGNS = r"[\p{Han}\p{Hiragana}\p{Katakana}ー々〆〇]"
_ASCII = re.compile(r"\w+", re.ASCII)


@lru_cache(maxsize=1)
def _all_scripts() -> Any:
    import regex

    return regex.compile(rf"({SIGNS})|({UNSPACED}[{UNSPACED}\p{{M}}]*)|[\w--{UNSPACED}]+", regex.V1)


def word_tokens(text: str) -> list[str]:
    r"""Return the lower-cased runs of letters, digits and underscores (`\w+`) of a text, in order.

    Of scripts that put no space between words, each sign of Chinese and Japanese is a token of its
    own; letters of Thai, Lao, Khmer and Burmese, which are no words, are taken apart by dictionary
    where one is installed, else in pairs.

    Args:
        text: Any text.
    """
    lowered = text.lower()
    if lowered.isascii():
        return _ASCII.findall(lowered)
    return [token for match in _all_scripts().finditer(lowered) for token in _tokens(match)]


def _tokens(match: Any) -> Iterator[str]:
    token = match.group()
    if match.group(2) is None:
        yield token
    else:
        yield from (token[start:end] for start, end in segments(token, by_dictionary=True))

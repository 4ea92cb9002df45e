"""Plain word tokens: what measures of overlap by others count, in a form for every script."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from lm_eval_overton.text.scripts import UNSPACED

__all__ = ["word_tokens"]

_ASCII = re.compile(r"\w+", re.ASCII)


@lru_cache(maxsize=1)
def _all_scripts() -> Any:
    import regex

    return regex.compile(rf"{UNSPACED}|[\w--{UNSPACED}]+", regex.V1)


def word_tokens(text: str) -> list[str]:
    r"""Return the lower-cased runs of letters, digits and underscores (`\w+`) of a text, in order.

    In a script that puts no space between words each character is a token of its own.

    Args:
        text: Any text.
    """
    lowered = text.lower()
    found: list[str] = (_ASCII if lowered.isascii() else _all_scripts()).findall(lowered)
    return found

"""Writing systems: where words are not written apart, and which script a word is in."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

__all__ = ["UNSPACED", "script_of", "unspaced_runs"]

# Scripts that put no space between words, as a set for the package `regex`.
UNSPACED = (
    r"[[\p{Han}\p{Hiragana}\p{Katakana}ー々〆〇\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
    r"&&[\p{L}\p{M}\p{N}]]"
)


@lru_cache(maxsize=1)
def _runs() -> Any:
    import regex

    return regex.compile(
        rf"(?P<unspaced>{UNSPACED}[{UNSPACED}\p{{M}}]*)|[[\p{{L}}\p{{M}}]--{UNSPACED}]+", regex.V1
    )


def unspaced_runs(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the runs of letters of a text, and of each whether its script has no spaces."""
    for match in _runs().finditer(text):
        yield match.group(), match.group("unspaced") is not None


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """Return the script of a letter as its Unicode name begins: `LATIN`, `CJK`, `THAI`."""
    # Fullwidth and halfwidth letters are named after their width first.
    words = unicodedata.name(character, "").split()
    return next((word for word in words if word not in ("FULLWIDTH", "HALFWIDTH", "MODIFIER")), "")

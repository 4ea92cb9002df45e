"""One way to write each text: composed characters, nothing invisible between them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Any

__all__ = ["normalised"]

# Joiners have a meaning in these scripts, and between the parts of one emoji.
_JOINING = (
    r"\p{Arabic}\p{Syriac}\p{Mongolian}\p{Nko}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}"
    r"\p{Oriya}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}\p{Myanmar}"
    r"\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F"
)


@lru_cache(maxsize=1)
def _invisible() -> Any:
    import regex

    # The soft hyphen, the zero-width space, marks of direction, the word joiner, the byte order
    # mark; and joiners that join nothing.
    return regex.compile(
        r"[\u00AD\u200B\u200E\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF]"
        rf"|(?<![{_JOINING}])[\u200C\u200D]|[\u200C\u200D](?![{_JOINING}])"
    )


def normalised(text: str) -> str:
    """Return a text in the one form in which it is compared with others.

    It is composed (NFC), so that an accent is the same whether it was typed with its letter or
    after it; the compatibility forms (NFKC) are left alone, since they change what is written: `x²`
    is not `x2`. Characters that nobody sees are dropped; the joiners of Persian, of the Indic
    scripts and of emoji stay where they join.

    Args:
        text: Any text; plain ASCII is returned as it is.
    """
    if text.isascii():
        return text
    composed: str = unicodedata.normalize("NFC", _invisible().sub("", text))
    return composed

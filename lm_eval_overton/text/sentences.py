"""Sentences of any script."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lm_eval_overton.text.abbreviations import cut
from lm_eval_overton.text.prose import prose_lines

__all__ = ["SPACE_ENDED", "sentences"]

# Languages that end a sentence with a space, where they end it with anything.
SPACE_ENDED = frozenset({"th", "lo"})

# Marks that end a sentence whatever follows: Chinese and Japanese, Arabic and Urdu, the Indic
# scripts, Armenian, Ethiopic, Tibetan, Khmer, Burmese.
_ALWAYS = "。！？｡．؟۔।॥։።፧།༎។៕။"
# French puts a space before the last of these.
_CLOSING = r"(?:[\p{Pe}\p{Pf}\p{Pi}\"'’]*(?:\s»(?!\S))?)"
# A full stop ends none after a number of at most two digits (an ordinal, in many languages) or
# after a single letter (an initial), and none of the marks does before a small letter.
_SOMETIMES = r"(?:[!?…;]|\.(?<!\b\d{1,2}\.)(?<!\b\p{L}\.))"
# After a space in Thai or Lao these go on with the sentence: and, or, but, because, which, that,
# by, such as, with, also, so that.
_GOES_ON = (
    "เพราะ|และ|หรือ|แต่|ซึ่ง|ที่|โดย|เช่น|กับ|รวมถึง|เพื่อ|จึง|ว่า|เนื่องจาก|ให้|ก็|ของ|ใน|"
    "ແລະ|ຫຼື|ຫລື|ແຕ່|ເພາະ|ທີ່|ໂດຍ|ເຊັ່ນ|ກັບ|ເພື່ອ|ວ່າ|ຈຶ່ງ|ຂອງ|ໃນ"
)


@lru_cache(maxsize=4)
def _end(space_ends: bool, semicolon_asks: bool) -> Any:
    import regex

    sometimes = _SOMETIMES if semicolon_asks else _SOMETIMES.replace(";", "")
    ends = [
        rf"[{_ALWAYS}][{_ALWAYS}!?…]*{_CLOSING}\s*",
        rf"{sometimes}[.!?…]*{_CLOSING}\s+(?!\p{{Ll}})",
    ]
    if space_ends:
        ends.append(
            rf"(?<=[\p{{Thai}}\p{{Lao}}])(?<![ๆຯ])\s+(?=[\p{{Thai}}\p{{Lao}}])(?!{_GOES_ON})"
        )
    return regex.compile("|".join(ends))


def sentences(text: str, languages: frozenset[str]) -> list[str]:
    """Return the sentences of a text: lines of prose, cut at the marks that end one.

    Args:
        text: One cleaned response.
        languages: Those that it may be in.

    Returns:
        Sentences in order; headings, rows of tables, the ends of abbreviations and pieces without
        a letter are none.
    """
    end, is_english = _end(bool(languages & SPACE_ENDED), "el" in languages), "en" in languages
    pieces = (
        piece
        for line in prose_lines(text)
        for piece in cut(line, (match.end() for match in end.finditer(line)), is_english)
    )
    return [piece for piece in pieces if any(map(str.isalpha, piece))]

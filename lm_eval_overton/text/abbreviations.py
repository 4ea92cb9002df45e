"""Full stops that end no sentence: of abbreviations, and of a word or two in bold that head one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from lm_eval_overton.text.stop_words import stop_words

__all__ = ["cut"]

# What something always follows: titles, and words that point on.
_TITLES = (
    "Dr Prof Mr Mrs Ms Mx Messrs Rev Hon Gen Sen Rep Gov Lt Col Capt Sgt St Mt "
    "Sr Sra Srta Dra Dña Mme Mlle Mgr Hr Frl Dipl Ing Dott Sig"
)
_POINTERS = (
    "e\\.g eg i\\.e ie vs viz cf approx incl bzw vgl ca sog d\\.h z\\.B p\\.\\s?ex p\\.\\s?ej"
)
# What a number follows; else it is a word, or a sentence of its own: "No. It is not."
_NUMBERED = "No Nos Nr nr Núm núm Fig fig Figs figs Vol vol Ch Chap Sec Art Eq Tab pp p Abs Kap"
# What may end an English sentence too: then the next begins with a stop word or one of those below.
_OPEN = (
    "etc esp al Jr Inc Ltd Co Corp Bros Dept Univ Ave Blvd Ph\\.D \\p{L}(?:\\.\\p{L})++ "
    "Jan Feb Mar Apr Jun Jul Aug Sept Sep Oct Nov Dec"
)
_BEGINNING = (
    "However Moreover Furthermore Additionally Therefore Thus Also Although Though Since Many Much "
    "One Another Every Yes First Second Next Finally Overall Still Yet Even Let Instead Others "
    "Critics Supporters People Today Would Could Might May Without Within Unlike Despite Perhaps"
)
# A heading that its paragraph goes on from: "**Cost.** It is high." The answers are none.
_LEAD_IN = r"^(?P<bold>\*\*|__)(?!(?i:yes|no)\b)[^\s*_]+(?: [^\s*_]+)?\.(?=(?P=bold))"


@lru_cache(maxsize=2)
def _goes_on(is_english: bool) -> Any:
    import regex

    pointers = " ".join(f"(?i:{word[0]}){word[1:]}" for word in _POINTERS.split())
    kinds = [_any(_TITLES), _any(pointers), rf"{_any(_NUMBERED)}(?=\.\s*\p{{N}})"]
    if is_english:
        begins = " ".join([*map(str.capitalize, sorted(stop_words("en"))), _BEGINNING])
        kinds.append(rf"{_any(_OPEN)}(?!\.[\p{{Pe}}\p{{Pf}}\"']*\s*{_any(begins)}\b)")
    return regex.compile(
        rf"(?<![\p{{L}}\p{{N}}.])(?:{'|'.join(kinds)})\.[\p{{Pe}}\p{{Pf}}\"']*(?=\s)|{_LEAD_IN}"
    )


def _any(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


def cut(line: str, ends: Iterable[int], is_english: bool) -> Iterator[str]:
    """Yield the pieces of a line between its ends, but for those that end no sentence.

    Args:
        line: One line.
        ends: Where its sentences end by their marks alone, in order, white space before or after.
        is_english: Whether abbreviations that may end a sentence as well are looked at; what
            begins the next one is known in English alone.
    """
    goes_on = {found.end() for found in _goes_on(is_english).finditer(line)}
    start = 0
    for end in ends:
        if start + len(line[start:end].rstrip()) not in goes_on:
            yield line[start:end].strip()
            start = end
    yield line[start:].strip()

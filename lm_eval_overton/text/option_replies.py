"""Which option a reply chooses, and what shares it states for all of them.

Nothing is guessed: what says neither one option nor one share for each of them says nothing.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from lm_eval_overton.text.elicited import json_in, stated_number
from lm_eval_overton.text.refusals import is_refusal

__all__ = ["REFUSED", "chosen_option", "option_or_refusal", "stated_shares"]

REFUSED: Literal["refused"] = "refused"

LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# How far from 1 the sum of shares may be that were rounded.
_ROUNDED = 0.02
_EXACT = 1e-9

_MARKUP = re.compile(r"[*_`#>\"“”]+")
_SAID = re.compile(
    r"^(?:(?:so|therefore|thus),? )?(?:(?:my|the|final|correct|best) )*(?:answer|choice|option)"
    r"(?: is)? *:? *(?:(?:option|letter) )?(?=\S)",
    re.IGNORECASE,
)
# A letter that stands for an option: in brackets, or before a sign, or alone.
_LETTER = re.compile(r"(?:[(\[] *([A-Za-z]) *[)\]]|([A-Z])(?= *(?:[.):\-–—]|$))) *[.):\-–—]* *")
# Another letter in the same line, which is no article and no pronoun.
_OTHER = re.compile(r"(?<![\w'’])([A-Z])(?![\w'’])(?! [a-z])")
_ENDING = ".!?,;: "
# What may stand before an option where several are listed.
_MARK = r"(?:[-–—•] *|[(\[]? *[a-z\d] *[)\].:\-–—]+ *)?"


def chosen_option(reply: str, options: Sequence[str], anywhere: bool = False) -> int | None:
    """Return the position of the one option that a reply chooses.

    Read is its first line with a sign: a letter alone, with a sign after it, in brackets, after
    "Answer:", or before the option's text; or the option's text, perhaps followed by a reason.

    Args:
        reply: A reply, whatever it says.
        options: The options in the order of their letters.
        anywhere: Whether, if that line chooses none, those that begin with "Answer:" are read too.

    Returns:
        From 0; None where it chooses none, or more than one, or lists the options again.
    """
    lines = [line for line in map(_plain, reply.splitlines()) if line]
    for line in lines[:1]:
        found = None if _lists(lines[:2], options) else _in_line(line, options)
        if found is not None or not anywhere:
            return found
    marked = {_in_line(line, options) for line in lines[1:] if _SAID.match(line)}
    return marked.pop() if len(marked) == 1 else None


def option_or_refusal(
    reply: str, options: Sequence[str], anywhere: bool = False
) -> int | Literal["refused"] | None:
    """Return the option that a reply chooses, or that it refuses to choose one.

    Args:
        reply: As for `chosen_option`, as are the others.
        options: As there.
        anywhere: As there.

    Returns:
        As `chosen_option`. A refusal chooses an option only where that one says as much: "No, I
        cannot answer that" is no No.
    """
    place = chosen_option(reply, options, anywhere)
    refuses = _refuses(reply) and (place is None or not _refuses(options[place]))
    return REFUSED if refuses else place


@lru_cache(maxsize=4096)
def _refuses(text: str) -> bool:
    # Thousands of replies are the same few letters.
    return is_refusal(text)


def _plain(line: str) -> str:
    return " ".join(_MARKUP.sub("", unicodedata.normalize("NFKC", line)).split())


def _in_line(line: str, options: Sequence[str]) -> int | None:
    said = _SAID.sub("", line)
    alone = said.strip("()[]" + _ENDING)
    if len(alone) == 1 and (place := _place(alone.upper(), options)) is not None:
        return place
    letter = _LETTER.match(said)
    place = _place((letter[1] or letter[2]).upper(), options) if letter else None
    rest = said[letter.end() :] if letter else ""
    if place is not None and _by_text(rest, options) == place:
        return place
    # An option may begin as if it named a letter, or as what stands before an answer.
    named = (_by_text(text, options) for text in (line, said))
    return next((own for own in named if own is not None), _confirmed(place, rest, options))


def _place(letter: str, options: Sequence[str]) -> int | None:
    place = LABELS.find(letter)
    return place if 0 <= place < len(options) else None


def _confirmed(place: int | None, rest: str, options: Sequence[str]) -> int | None:
    """Return a letter's option unless what follows names another one."""
    letters = {_place(letter, options) for letter in _OTHER.findall(rest)} - {None, place}
    return place if _by_text(rest, options) is None and not letters else None


def _lists(lines: Sequence[str], options: Sequence[str]) -> bool:
    """Tell whether the first line lists several options and nothing else, or all lines do."""
    listed = [_listed(line, options) for line in lines]
    return any(len(own) > 1 for own in listed[:1]) or (
        all(listed) and len(set().union(*listed)) > 1
    )


def _listed(line: str, options: Sequence[str]) -> set[str]:
    """Return the options that a line says one after the other; none if it says anything else."""
    item, text, found, at = _item(tuple(options)), line.casefold(), set(), 0
    while at < len(text):
        own = item.match(text, at)
        if own is None:
            return set()
        found.add(own[1])
        at = own.end()
    return found


@lru_cache(maxsize=256)
def _item(options: tuple[str, ...]) -> re.Pattern[str]:
    """Return what reads an option in a list, the longest first, and what separates it."""
    texts = {_plain(option).casefold().strip(_ENDING) for option in options} - {""}
    any_of = "|".join(map(re.escape, sorted(texts, key=len, reverse=True))) or "(?!)"
    return re.compile(rf"{_MARK}({any_of})(?:[{_ENDING}/]+|$)")


def _by_text(line: str, options: Sequence[str]) -> int | None:
    """Return the option that a line is, or begins with and goes on after a sign."""
    text = line.casefold()
    begun = []
    for place, option in enumerate(options):
        own = _plain(option).casefold().rstrip(_ENDING)
        rest = text.removeprefix(own)
        if own and rest != text and (not rest.strip(_ENDING) or rest[0] in _ENDING[:-1]):
            begun.append((len(own), place))
    # An option may begin as a shorter one does.
    return max(begun)[1] if begun else None


def stated_shares(reply: str, options: Sequence[str]) -> list[float] | None:
    """Return the share that a reply states for each option, of sum 1.

    The reply holds one JSON object with a number for each option, under its letter or its text:
    fractions or percentages, with a sign or without, whose sum is 1 or 100 but for rounding.

    Args:
        reply: A reply, whatever it says.
        options: The options in the order of their letters.

    Returns:
        In the order of the options; None where that is not what it holds.
    """
    stated = _by_option(_innermost(json_in(reply)), options)
    if stated is None:
        return None
    numbers = [stated_number(value) for value in stated]
    known = [number for number in numbers if number is not None]
    if len(known) < len(options):
        return None
    total = math.fsum(known)
    signed = any(isinstance(value, str) and "%" in value for value in stated)
    scale = 1.0 if signed or total < 2 else 100.0
    if abs(total / scale - 1) > _ROUNDED + _EXACT:
        return None
    return [number / total for number in known]


def _innermost(value: Any) -> Any:
    """Return an object that stands alone under a name of its own."""
    while isinstance(value, Mapping) and len(value) == 1:
        [value] = value.values()
    return value


def _by_option(value: Any, options: Sequence[str]) -> list[Any] | None:
    """Return what stands under each option; None unless there is one thing under each."""
    if not isinstance(value, Mapping) or len(value) != len(options):
        return None
    found = {_in_line(_plain(str(key)), options): own for key, own in value.items()}
    there = all(place in found for place in range(len(options)))
    return [found[place] for place in range(len(options))] if there else None

"""Several answers in one reply: what is read of it, and what is not.

Nothing is guessed: a reply that holds no list of answers gives none.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

__all__ = [
    "ELICITATIONS",
    "MARKER",
    "Elicitation",
    "Eliciting",
    "Item",
    "after_marker",
    "json_in",
    "read_items",
    "stated_number",
]

Elicitation = Literal["direct", "verbalized", "list", "system", "paraphrase", "seed_string"]
ELICITATIONS: tuple[Elicitation, ...] = get_args(Elicitation)
# What the answer stands after where a random string comes first.
MARKER = "Answer:"

# Under which key a list of answers stands, an answer's text, and how probable it is said to be.
LISTS = ("answers", "responses", "items", "completions", "outputs", "results", "list")
TEXTS = ("text", "response", "content", "answer")
PROBABILITIES = ("probability", "prob", "p", "confidence")

_FENCE = re.compile(r"^\s*```[\w-]*\s*\n(.*?)(?:\n\s*```\s*$|\Z)", re.DOTALL)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_MARK = re.compile(rf"^[ \t>*_#]*{re.escape(MARKER)}[*_]*[ \t]*", re.MULTILINE | re.IGNORECASE)


class Item(NamedTuple):
    """One of the answers in a reply, and how probable the reply says it is."""

    text: str
    probability: float | None = None


@dataclass(frozen=True)
class Eliciting:
    """How answers were asked for.

    Attributes:
        mode: In which way.
        k: How many a reply was to hold, where it was to hold several.
    """

    mode: Elicitation = "direct"
    k: int = 5

    @property
    def several(self) -> int:
        """How many answers a reply holds."""
        return self.k if self.mode in ("verbalized", "list") else 1


@dataclass(frozen=True)
class _Read:
    """An answer with its probability as it was written."""

    text: str
    stated: Any = None


def read_items(reply: str) -> list[Item]:
    """Return the answers of a reply in their order; none where it holds no list of them.

    A fence of code is taken off; the outermost object or array is read as strict JSON, and once
    more without commas before a closing bracket. The list stands at the top or under its key; an
    answer is a text, or an object with one. Empty ones are dropped. A probability may be a number
    or "35%"; where all of a reply are above 1, they are percentages.

    Args:
        reply: As the model wrote it, its reasoning taken off.
    """
    listed = _listed(json_in(reply))
    found = [own for own in map(_read, listed) if own is not None and own.text.strip()]
    probabilities = _probabilities([own.stated for own in found])
    return [Item(own.text.strip(), p) for own, p in zip(found, probabilities, strict=True)]


def after_marker(reply: str) -> str | None:
    """Return what stands after the first line that begins with `MARKER`; None without one."""
    mark = _MARK.search(reply)
    return reply[mark.end() :] if mark else None


def json_in(reply: str) -> Any:
    """Return the outermost object or array of a reply, as `read_items` reads it; None without one.

    Args:
        reply: As the model wrote it, its reasoning taken off.
    """
    fenced = _FENCE.match(reply)
    text = fenced.group(1) if fenced else reply
    for candidate in _candidates(text):
        for written in (candidate, _TRAILING_COMMA.sub(r"\1", candidate)):
            try:
                return json.loads(written, parse_constant=_not_a_number)
            except (ValueError, RecursionError):
                continue
    return None


def _candidates(text: str) -> Iterator[str]:
    """Yield the text from its first opening bracket to its last closing one of the same kind."""
    spans = []
    for opening, closing in ("{}", "[]"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            spans.append((start, end + 1))
    for start, end in sorted(spans):
        yield text[start:end]


def _not_a_number(name: str) -> Any:
    # NaN and the infinities, which JSON does not have but many write: of no use, yet no reason
    # not to read the rest.
    return None


def _listed(value: Any) -> Sequence[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, Mapping):
        return []
    named = [value[key] for key in LISTS if isinstance(value.get(key), list)]
    if not named:
        # Under a key of its own, if only one can be meant.
        named = [own for own in value.values() if isinstance(own, list)]
    return named[0] if len(named) == 1 else []


def _read(value: Any) -> _Read | None:
    if isinstance(value, str):
        return _Read(value)
    if not isinstance(value, Mapping):
        return None
    text = next((value[key] for key in TEXTS if isinstance(value.get(key), str)), None)
    stated = next((value[key] for key in PROBABILITIES if key in value), None)
    return None if text is None else _Read(text, stated)


def _probabilities(stated: Sequence[Any]) -> list[float | None]:
    numbers = [stated_number(value) for value in stated]
    known = [number for number in numbers if number is not None]
    in_percent = bool(known) and all(number > 1 for number in known)
    scaled = [n / 100 if in_percent and n is not None else n for n in numbers]
    return [n if n is not None and 0 <= n <= 1 else None for n in scaled]


def stated_number(value: Any) -> float | None:
    """Return a number as it is, or the part of 1 that "35%" says; None for what is neither.

    Args:
        value: What stands in JSON; a negative number is none.
    """
    if isinstance(value, str):
        text = value.strip()
        percent = text.endswith("%")
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            return None
        number = number / 100 if percent else number
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
    else:
        return None
    return number if math.isfinite(number) and number >= 0 else None

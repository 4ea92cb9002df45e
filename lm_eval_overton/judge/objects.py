"""Objects in the text of a reply: whole ones, and those that are broken or never closed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["Found", "objects"]

_BRACE = re.compile(r"[{}]")


@dataclass(frozen=True)
class Found:
    """An object in a text; `content` is None if it is broken."""

    start: int
    end: int
    text: str
    content: dict[str, Any] | None = None


def objects(text: str) -> list[Found]:
    """Return the objects at the top level of a text, in order, broken ones included.

    The end of a broken object is where its braces balance. If a closing brace is left over later
    on, one of them stood in a string, and the broken object reaches to that brace at least.
    """
    found: list[Found] = []
    start = depth = position = 0
    while brace := _BRACE.search(text, position):
        at, position = brace.start(), brace.end()
        if depth:
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                found.append(_broken(text, start, position))
        elif brace.group() == "}":
            found = _stretched(found, text, position)
        elif whole := _decode(text, at):
            found.append(whole)
            position = whole.end
        else:
            start, depth = at, 1
    return [*found, _broken(text, start, len(text))] if depth else found


def _broken(text: str, start: int, end: int) -> Found:
    return Found(start, end, text[start:end])


def _stretched(found: list[Found], text: str, end: int) -> list[Found]:
    """Return the objects with the first broken one, if any, reaching to `end`."""
    for i, earlier in enumerate(found):
        if earlier.content is None:
            return [*found[:i], _broken(text, earlier.start, end)]
    return found


def _decode(text: str, at: int) -> Found | None:
    """Return the object that starts at a brace; None if it is not JSON."""
    try:
        content, end = _DECODER.raw_decode(text, at)
        # Fails on the same depths of nesting as decoding does, and is needed to compare objects.
        json.dumps(content)
    except (ValueError, RecursionError):
        return None
    return Found(at, end, text[at:end], content)


def _without_contradiction(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's content; a key given twice with different values breaks it."""
    content = dict(pairs)
    if any(content[key] != value for key, value in pairs):
        raise ValueError("expected each key once, got one twice; ask the judge again")
    return content


# Not strict: judges write line breaks into strings.
_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_without_contradiction)

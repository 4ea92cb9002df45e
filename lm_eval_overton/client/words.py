"""What a server says of a request that it refuses, in whatever form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["is_spent", "refused_key", "said"]

SHOWN = 200
# Under these keys servers put what they have to say.
_WORDS = ("message", "msg", "detail", "error", "error_description", "title")
# What a request is about; a complaint of these is one about this request alone.
_ABOUT = {"messages", "model", "prompt", "text", "input_ids", "system"}
_REFUSES = re.compile(
    r"unsupported|not supported|n.t support|not support|unrecogni[sz]ed|unknown|unexpected|"
    r"not permitted|not allowed|not available|extra|forbidden|cannot|can't|must be|should be|only|"
    r"invalid|deprecated|instead|at most|too large|out of range|less than|greater than|between",
    re.IGNORECASE,
)
# What one prompt is too long for says nothing of the others.
_TOO_LONG = re.compile(
    r"context|(prompt|input|request) (is|are) too long|reduce the length|content (policy|filter)|"
    r"content management",
    re.IGNORECASE,
)
_SPENT = re.compile(r"insufficient_quota|billing|credit balance|exceeded your current quota", re.I)


def said(body: str) -> str:
    """Return what a server says in the body of an error, in one line that is not long."""
    try:
        texts = list(_texts(json.loads(body)))
    except (ValueError, RecursionError):
        texts = []
    return " ".join("; ".join(dict.fromkeys(texts) or [body]).split())[:SHOWN]


def _texts(value: Any) -> Iterator[str]:
    """Yield the words in an error's body; nothing of what it repeats of the request."""
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        place = value.get("loc")
        if isinstance(place, list) and place and isinstance(value.get("msg"), str):
            yield f"{place[-1]}: {value['msg']}"
            return
        for key in _WORDS:
            yield from _texts(value.get(key))


def is_spent(body: str) -> bool:
    """Tell whether a server says that nothing more is paid for, whoever asks and whenever."""
    return bool(_SPENT.search(body))


def refused_key(body: str, sent: Iterable[str]) -> str | None:
    """Return the key of a request that a server refuses, whatever the prompt; None for none.

    Args:
        body: The error's body.
        sent: The keys that were sent.
    """
    words = said(body)
    if _TOO_LONG.search(words):
        return None
    keys = [key for key in sent if key not in _ABOUT]
    named = next((key for key in _parameters(body) if key in keys), None)
    if named or not _REFUSES.search(words):
        return named
    found = {
        key: match.start()
        for key in keys
        if (match := re.search(rf"(?<!\w){re.escape(key)}(?!\w)", words))
    }
    return min(found, key=lambda key: found[key], default=None)


def _parameters(body: str) -> list[str]:
    """Return what an error's body names as the parameter that it is about."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return []
    return list(_named(value))


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, Mapping):
        place, name = value.get("loc"), value.get("param")
        if isinstance(place, list) and place:
            yield str(place[-1])
        if isinstance(name, str):
            yield name
        for key in _WORDS:
            yield from _named(value.get(key))

"""What a server says of a request that it refuses, in whatever form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["is_no_entry", "refused_key", "said"]

SHOWN = 200
# Under these keys servers put what they have to say, and proxies what another server said.
_SPEAKING = ("message", "msg", "detail", "error", "error_description", "title", "metadata", "raw")
# What a request is about; a complaint of these is one about this request alone.
_ABOUT = {"messages", "model", "prompt", "text", "input_ids", "system"}
_REFUSES = re.compile(
    r"unsupported|not supported|n.t support|not support|unrecogni[sz]ed|unknown|unexpected|"
    r"not permitted|not allowed|not available|extra|forbidden|cannot|can't|must|should be|only|"
    r"invalid|deprecated|instead|at most|too large|maximum|\brange\b|less than|greater than|"
    r"between",
    re.IGNORECASE,
)
# What one prompt is too long for says nothing of the others.
_TOO_LONG = re.compile(
    r"context|(prompt|input|request) (is|are) too long|reduce the length|content (policy|filter)|"
    r"content management|\binputs?`? tokens",
    re.IGNORECASE,
)
# What nobody who asks with this key is answered for, whatever they ask.
_NO_ENTRY = re.compile(
    r"insufficient[ _](quota|credits?|balance|funds)|credit balance|exceeded your current quota|"
    r"billing[ _](hard[ _]limit|not[ _]active|details)|"
    r"(invalid|incorrect|missing|expired)[ _](x-)?api[ _-]?key|"
    r"api[ _-]?key[ _](is[ _])?(not valid|invalid|incorrect|missing|expired)",
    re.IGNORECASE,
)


def said(body: str) -> str:
    """Return what a server says in the body of an error, in one line that is not long."""
    return _words(body)[:SHOWN]


def _words(body: str) -> str:
    texts = dict.fromkeys(_texts(_decoded(body)))
    return " ".join("; ".join(texts or [body]).split())


def _texts(value: Any) -> Iterator[str]:
    """Yield the words in an error's body; nothing of what it repeats of the request."""
    if isinstance(value, str):
        inner = _decoded(value)
        if inner is not None:
            yield from _texts(inner)
        elif value.strip():
            yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, Mapping):
        place = value.get("loc")
        if isinstance(place, list) and place and isinstance(value.get("msg"), str):
            yield f"{place[-1]}: {value['msg']}"
            return
        for key in _SPEAKING:
            yield from _texts(value.get(key))


def _decoded(text: str) -> Any:
    """Return what a text says that is an object or a list in JSON; None for any other."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def is_no_entry(body: str) -> bool:
    """Tell whether a server says that it answers nobody with this key, or who does not pay."""
    return bool(_NO_ENTRY.search(body))


def refused_key(body: str, sent: Iterable[str]) -> str | None:
    """Return the key of a request that a server refuses, whatever the prompt; None for none.

    Args:
        body: The error's body.
        sent: The keys that were sent.
    """
    words = _words(body)
    if _TOO_LONG.search(words) or body.lstrip().startswith("<"):
        # A page is of whatever stands before the server.
        return None
    keys = [key for key in sent if key not in _ABOUT]
    parts = [part for name in _named(_decoded(body)) for part in re.split(r"[.\[\]]+", name)]
    named = next((part for part in parts if part in keys), None)
    if named or _ABOUT.intersection(parts) or not _REFUSES.search(words):
        return named
    found = {key: match.start() for key in keys if (match := _mention(key).search(words))}
    return min(found, key=lambda key: found[key], default=None)


def _mention(key: str) -> re.Pattern[str]:
    """Return what finds a key in a text, also as servers write it whose own language is another."""
    first, *rest = key.split("_")
    camel = first + "".join(map(str.title, rest))
    return re.compile(rf"(?<![\w\\])({re.escape(key)}|{re.escape(camel)})(?!\w)")


def _named(value: Any) -> Iterator[str]:
    """Yield what an error's body names as the parameter that it is about."""
    if isinstance(value, str):
        yield from _named(_decoded(value))
    elif isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, Mapping):
        place, name = value.get("loc"), value.get("param")
        if isinstance(place, list) and place:
            yield str(place[-1])
        if isinstance(name, str):
            yield name
        for key in _SPEAKING:
            yield from _named(value.get(key))

"""Tell whether a judge's object is one that the judged texts hold, plainly or encoded.

Texts are compared by their letters and digits alone, so that no space, quotation mark, escape or
look-alike letter tells an echo from what it echoes. Whoever attacks a judge may encode the object
in any way that the judge can undo; the ways that are common are undone here.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from string import ascii_lowercase
from urllib.parse import unquote

from lm_eval_overton.judge.objects import Found

__all__ = ["decodings", "is_echo"]

# Longer ones are wrapped, at a width that holds whole groups.
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}")
_BASE32 = re.compile(r"[A-Z2-7]{16,}")
_HEX = re.compile(r"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s,]*){8,}")
_BITS = re.compile(r"(?:[01]{8}[\s,]*){8,}")
_CODES = re.compile(r"(?:\d{2,3}[\s,]+){7,}\d{2,3}")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
# Cyrillic and Greek letters that look like Latin ones.
_LOOK_ALIKES = str.maketrans(
    "авеёіјкмнорѕстухԁԛԝɡαβεικνορτυχγω", "abeeijkmhopsctyxdqwgabeikvoptuxyw"
)
# Letters that are drawn in a tag, which no reader sees.
_TAG = 0xE0000
_LAYERS = 2


def is_echo(found: Found, texts: Sequence[str], mark: str = "") -> bool:
    """Tell whether judged texts hold an object.

    Args:
        found: A whole object of a reply.
        texts: The judged texts.
        mark: What they must hold before the object.
    """
    objects = (found.text, json.dumps(found.content, ensure_ascii=False))
    written = {_folded(mark + one) for one in objects}
    return any(one in view for text in texts for view in decodings(text) for one in written)


def decodings(text: str) -> Iterator[str]:
    """Yield the letters and digits of a text as it stands and as it may be meant to be read."""
    for layer in _unpacked(text):
        plain = _folded(layer)
        for view in (plain, plain[::-1]):
            yield view
            yield from _shifted(view)


def _unpacked(text: str) -> Iterable[str]:
    layers = [text]
    known = {text}
    for _ in range(_LAYERS):
        inner = {way(layer) for layer in layers for way in _WAYS} - known - {""}
        known |= inner
        layers = sorted(inner)
    return known


def _folded(text: str) -> str:
    visible = "".join(chr(ord(c) - _TAG) if _TAG < ord(c) < _TAG + 128 else c for c in text)
    plain = unicodedata.normalize("NFKD", visible).casefold().translate(_LOOK_ALIKES)
    return "".join(filter(str.isalnum, plain))


def _shifted(text: str) -> Iterator[str]:
    """Yield a text with its letters moved along the alphabet, rot13 among the ways."""
    for by in range(1, len(ascii_lowercase)):
        moved = ascii_lowercase[by:] + ascii_lowercase[:by]
        yield text.translate(str.maketrans(ascii_lowercase, moved))


def _base64(run: str) -> bytes:
    bare = run.replace("-", "+").replace("_", "/")
    return base64.b64decode(bare[: len(bare) - (len(bare) % 4 == 1)] + "=" * (-len(bare) % 4))


def _base32(run: str) -> bytes:
    return base64.b32decode(run + "=" * (-len(run) % 8))


def _hex(run: str) -> bytes:
    return bytes.fromhex(re.sub(r"0x|\\x|[\s,]", "", run))


def _bits(run: str) -> bytes:
    bare = re.sub(r"[\s,]", "", run)
    return bytes(int(bare[i : i + 8], 2) for i in range(0, len(bare), 8))


def _codes(run: str) -> bytes:
    return bytes(int(code) for code in re.findall(r"\d+", run))


def _runs(pattern: re.Pattern[str], read: Callable[[str], bytes]) -> Callable[[str], str]:
    """Return what gives the text that the runs of a pattern encode; empty without any."""

    def decode(text: str) -> str:
        return " ".join(_text(read, run.group()) for run in pattern.finditer(text))

    return decode


def _text(read: Callable[[str], bytes], run: str) -> str:
    try:
        return read(run).decode("utf-8", "ignore")
    except (ValueError, binascii.Error):
        return ""


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


_WAYS: tuple[Callable[[str], str], ...] = (
    _runs(_BASE64, _base64),
    _runs(_BASE32, _base32),
    _runs(_HEX, _hex),
    _runs(_BITS, _bits),
    _runs(_CODES, _codes),
    html.unescape,
    unquote,
    _unescaped,
)

"""What looks like a credential, and must never be written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

__all__ = ["is_secret", "redact"]

REDACTED = "<redacted>"

_SECRET = re.compile(
    r"(?<![a-z])(?:key|sig|pwd)(?![a-z])|(?:api|access|auth|private)[-_]?(?:keys?|tokens)(?![a-z])"
    r"|token(?!s)|secret|passw|passphrase|auth(?!ors?(?![a-z]))|header|credential|bearer|cookie"
    r"|signature",
    re.IGNORECASE,
)
# Parts of names that speak of tokens of text: `use_fast_tokenizer`, `think_end_token`.
_HARMLESS = re.compile(
    r"tokeniz(?:er|ed)(?![a-z])"
    r"|(?:bos|eos|pad|unk|sep|cls|mask|start|end|prefix|image)_token(?![a-z])"
    r"|token_(?:ids?|type|healing|threshold|map)(?![a-z])"
    r"|key_value",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
# `?name=value` of an address, or of arguments as the harness takes them.
_PAIR = re.compile(r"""(^|[?&;#,'"])([^=/?&;#,'"\s]+)=([^&;#,'"\s]+)""")


def is_secret(key: str, value: Any = None) -> bool:
    """Tell whether an argument is a credential, or holds one: in a mapping, a list, an address."""
    return _names_secret(key) or _holds_secret(value)


def redact(value: Any) -> Any:
    """Return a copy of a JSON-like value without what looks like a credential."""
    if isinstance(value, Mapping):
        return {k: REDACTED if _names_secret(str(k)) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return _PAIR.sub(_without_value, _USER_IN_URL.sub("", value)) if _is_text(value) else value


def _names_secret(name: str) -> bool:
    return bool(_SECRET.search(_HARMLESS.sub("", _CAMEL.sub("_", name))))


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(is_secret(str(key), item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(map(_holds_secret, value))
    return _is_text(value) and redact(value) != value


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _without_value(pair: re.Match[str]) -> str:
    start, name, _ = pair.groups()
    return f"{start}{name}={REDACTED}" if _names_secret(unquote(name)) else pair[0]

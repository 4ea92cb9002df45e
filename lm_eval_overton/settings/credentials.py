"""What looks like a credential, and must never be written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

__all__ = ["REDACTED", "is_secret", "redact", "without_keys"]

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
# A password may hold the sign itself; the last one ends it.
_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s]*@")
# `?name=value` of an address, or of arguments as the harness takes them.
_PAIR = re.compile(r"""(^|[?&;#,'"])([^=/?&;#,'"\s]+)=([^&;#,'"\s]+)""")
# What addresses call a key, and other settings do not.
_SECRET_IN_QUERY = re.compile(
    r"code|subscription|sas|pass|pw|sign|session|jwt|client_?id|app_?id", re.IGNORECASE
)
# In an address such a value is no word: nobody can tell what it opens.
_RANDOM = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+%~]{20,}={0,2}")
# What follows the word for how one is let in; "basic" is also a word of prose.
_LET_IN = re.compile(
    r"""(?i)\b(bearer|basic(?=(?:\s|%20)+[^\s'",;]*[\d=]))(\s+|%20)(?=[^\s'",;]{8})[^\s'",;]+"""
)
# Keys of the large providers are known by how they begin.
_KEY = re.compile(
    r"(?<![\w-])(?:(?:sk|pk|rk|gsk|xai|pplx|nvapi|r8|tgp|fw|csk)[-_](?=[\w-]*\d)[\w-]{20,}"
    r"|hf_[A-Za-z0-9]{30,}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|AIza[\w-]{30,}"
    r"|A[KS]IA[A-Z0-9]{16}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}(?:\.[\w-]+)?)"
)
# A name in quotes and its value, as Python and JSON show mappings; or a line of headers.
_SHOWN_PAIR = re.compile(
    r"""(?P<name>(?P<quote>['"])(?P<quoted>[\w.-]+)(?P=quote)\s*[:=]\s*)"""
    r"""(?P<mark>['"])(?P<value>(?:\\.|(?!(?P=mark)).)*)(?P=mark)"""
)
_HEADER = re.compile(
    r"""(?i)(?<![\w-])((?:proxy-)?authorization|(?:set-)?cookie|\w+-[\w-]*(?:key|token|auth))"""
    r"""(\s*:\s*)[^\s'",;(){}\[\]<>]{8,}"""
)
# What is shorter may stand in a text by chance.
_LEAST_KEY = 8


def is_secret(key: str, value: Any = None) -> bool:
    """Tell whether an argument is a credential, or holds one: in a mapping, a list, an address."""
    return _names_secret(key) or _holds_secret(value)


def redact(value: Any) -> Any:
    """Return a copy of a JSON-like value without what looks like a credential."""
    if isinstance(value, Mapping):
        return {k: REDACTED if _names_secret(str(k)) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return _without_pairs(value) if isinstance(value, str) else value


def without_keys(text: str) -> str:
    """Return what is said of an error without credentials: those that `redact` knows, headers as
    libraries show them, and the keys that the environment holds."""
    for key in _of_environment():
        text = text.replace(key, REDACTED)
    text = _SHOWN_PAIR.sub(_without_shown_value, text)
    return _HEADER.sub(rf"\1\2{REDACTED}", _without_pairs(text))


def _of_environment() -> list[str]:
    """Return the keys of the environment, the longest first: one may begin another."""
    held = {value for name, value in os.environ.items() if _names_secret(name)}
    # What is said of a file of keys names it.
    kept = (own for own in held if len(own) >= _LEAST_KEY and not own.startswith("/"))
    return sorted(kept, key=len, reverse=True)


def _without_pairs(text: str) -> str:
    text = _PAIR.sub(_without_value, _USER_IN_URL.sub("", text))
    return _KEY.sub(REDACTED, _LET_IN.sub(rf"\1\2{REDACTED}", text))


def _names_secret(name: str) -> bool:
    return bool(_SECRET.search(_HARMLESS.sub("", _CAMEL.sub("_", name))))


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(is_secret(str(key), item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return any(map(_holds_secret, value))
    return isinstance(value, str) and redact(value) != value


def _without_value(pair: re.Match[str]) -> str:
    start, name, value = pair.groups()
    is_in_address = start in {"?", "&", ";", "#"} and (
        _SECRET_IN_QUERY.fullmatch(unquote(name)) or _RANDOM.fullmatch(value)
    )
    is_key = is_in_address or _names_secret(unquote(name))
    return f"{start}{name}={REDACTED}" if is_key else pair[0]


def _without_shown_value(pair: re.Match[str]) -> str:
    mark = pair["mark"]
    is_named = _names_secret(pair["quoted"])
    return f"{pair['name']}{mark}{REDACTED}{mark}" if is_named else pair[0]

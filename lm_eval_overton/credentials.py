"""What looks like a credential, and must never be written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["is_secret", "redact"]

_SECRET = re.compile(r"key|token|secret|password|auth|header|credential", re.IGNORECASE)
_NOT_SECRET = re.compile(
    r"tokenizer(_backend|_name|_mode|_revision)?|tokenized_requests|\w*(bos|eos|end)_token|max_\w+",
    re.IGNORECASE,
)
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


def is_secret(key: str, value: Any = None) -> bool:
    """Tell whether an argument's name, or a user in its URL, is that of a credential."""
    if isinstance(value, str) and _USER_IN_URL.search(value):
        return True
    return bool(_SECRET.search(key)) and not _NOT_SECRET.fullmatch(key)


def redact(value: Any) -> Any:
    """Return a copy of a JSON-like value without what looks like a credential."""
    if isinstance(value, Mapping):
        return {k: "<redacted>" if is_secret(str(k)) else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return _USER_IN_URL.sub("", value) if isinstance(value, str) else value

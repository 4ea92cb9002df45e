"""Words that group prompts: read, checked, and left out of the hash by which prompts are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lm_eval_overton.data.rows import short
from lm_eval_overton.errors import DataError

__all__ = ["ONE_ANSWER", "TAGS", "checked_tags", "read_tags", "without_tags"]

TAGS = "tags"
# Whoever answers such a prompt well says the same: that samples are alike there is no harm.
ONE_ANSWER = "one_answer"

_TEXT = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_LIST = rb"\[\s*(?:" + _TEXT + rb"(?:\s*,\s*" + _TEXT + rb")*\s*)?\]"
# Quotes within a text are escaped, so that only a key can read like this.
_MEMBER = rb'"tags"\s*:\s*(?:' + _TEXT + rb"|" + _LIST + rb"|null)"
_WRITTEN = re.compile(rb"(?<!\s)\s*,\s*" + _MEMBER + rb"|" + _MEMBER + rb"\s*,\s*", re.DOTALL)


def read_tags(value: Any) -> tuple[str, ...] | None:
    """Return the tags that a record's value stands for, each once; None if it stands for none.

    A text is one tag, and null is no tag. White space around a tag does not count.
    """
    if value is None:
        return ()
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        return None
    tags = [" ".join(one.split()) for one in listed]
    return tuple(dict.fromkeys(tags)) if all(tags) else None


def checked_tags(record: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """Return the tags of a prompt.

    Args:
        record: What a file holds of the prompt.
        where: Its place, for messages.

    Raises:
        DataError: If there is something else under `tags`.
    """
    tags = read_tags(record.get(TAGS))
    if tags is None:
        raise DataError(
            f'{where}: expected "{TAGS}" to be a list of non-empty strings, got '
            f"{short(record[TAGS])}; correct it, or give what is no tag another key"
        )
    return tags


def without_tags(content: bytes) -> bytes:
    """Return the JSON of records as it reads before they are given tags; all else stays."""
    return _WRITTEN.sub(b"", content)

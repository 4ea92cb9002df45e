"""JSON as people and tools write it, read so that nothing in it is lost without a word."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

__all__ = ["json_lines", "json_value"]


def json_value(text: str, **options: Any) -> Any:
    """Return the value of a JSON text.

    Args:
        text: All of it.
        options: As `json.JSONDecoder` takes them.

    Raises:
        ValueError: If it is no JSON, or a key stands twice in one object: which of the two is
            meant nobody can know.
        RecursionError: If it is nested too deep.
    """
    if text.startswith("\ufeff"):
        # As `json.loads` has it, which a decoder alone leaves to its caller.
        raise json.JSONDecodeError("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0)
    return _decoder(**options).decode(text)


@lru_cache(maxsize=8)
def _decoder(**options: Any) -> json.JSONDecoder:
    # A results file holds a text per metric, and a decoder takes as long to make as many a text.
    return json.JSONDecoder(object_pairs_hook=_object, **options)


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the text of a file of JSON lines."""
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r:.60} more than once in one object")
    return value

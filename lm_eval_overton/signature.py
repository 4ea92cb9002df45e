"""One line that names every setting that can change a score."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["short_hash", "sign"]

_SHORT = {"temperature": "temp", "repetition_penalty": "rep", "max_gen_toks": "max"}


def short_hash(value: Any) -> str:
    """Return eight hex digits of the sha256 of a JSON-serialisable value."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def sign(task: str, version: Any, fields: Mapping[str, Any], generation: Mapping[str, Any]) -> str:
    """Return a signature such as `overton_diversity@1|data:open_ended-1:sha|n:5|temp:0.5|…`.

    Args:
        task: The task's name.
        version: The task's version.
        fields: Settings in the order in which they are printed; None is left out.
        generation: Generation settings, printed after `n` in alphabetical order of their names.

    Returns:
        The signature. A text that could be mistaken for another is replaced by its hash.
    """
    parts = [f"{task}@{version}"]
    parts += [f"{key}:{_word(value)}" for key, value in fields.items() if value is not None]
    parts += [f"{_SHORT.get(key, key)}:{_word(generation[key])}" for key in sorted(generation)]
    return "|".join(parts)


def _word(value: Any) -> str:
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, list | tuple):
        return "+".join(_item(str(item)) for item in value) if value else "none"
    text = str(value)
    return short_hash(text) if "|" in text or not text.isprintable() else text


def _item(text: str) -> str:
    if text == "```":
        return "fence"
    plain = re.fullmatch(r"[\w.#:-]+", text) and text not in ("fence", "none")
    return text if plain else short_hash(text)

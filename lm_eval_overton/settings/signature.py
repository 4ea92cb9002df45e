"""One line that names every setting that can change a score, and how two such lines differ."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["FRAME", "MODEL_SEED", "UNSET", "differing", "fields", "short_hash", "sign"]

# The fields that say how a model is asked: a base model is asked otherwise than a chat model.
FRAME = ("frame", "stop", "system")
# What stands for the value of a field that a signature does not have.
UNSET = "unset"
# The field that names the metrics whose definition is not the first.
METRICS = "metrics"

# The seed that a local model samples with. A model behind an API has none, and older signatures do
# not say it.
MODEL_SEED = "model_seed"

_SHORT = {"temperature": "temp", "repetition_penalty": "rep", "max_gen_toks": "max"}
# Values that mean the same as no such field: what switches a setting off (a model behind an API is
# never sent these settings), the tokenizer that every signature without one was made with, that
# reasoning, which most texts do not hold, is cut off, and what signatures of before there were
# classes of samples do not say.
_OFF = {
    "top_k": "0",
    "rep": "1",
    "tok": "en",
    "reasoning": "strip",
    "same": "rouge1>0.458",
    "m": "3",
}


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


def fields(signature: str) -> dict[str, str]:
    """Return the words of a signature by their keys; the first, task@version, is the `task`.

    Two words of one key, a field and a generation setting, are joined by a bar.
    """
    first, *words = signature.split("|")
    found = {"task": first}
    for word in words:
        key, _, value = word.partition(":")
        found[key] = f"{found[key]}|{value}" if key in found else value
    return found


def differing(a: str, b: str) -> dict[str, tuple[str, str]]:
    """Return the fields in which two signatures differ in meaning, with both values.

    Equal in meaning are prompts of one hash, whatever their name; a setting that is switched off
    (`top_k:0`, `rep:1`) and one that is not there; any two ways to seed an API; and a seed of a
    local model where the other signature names none.

    Args:
        a: A signature.
        b: Another one.

    Returns:
        In the order of `a`, then of `b`; `unset` stands for a field that is not there.
    """
    own, other = fields(a), fields(b)
    return {
        key: (own.get(key, UNSET), other.get(key, UNSET))
        for key in {**own, **other}
        if not (key == MODEL_SEED and (key not in own or key not in other))
        and _meaning(key, own.get(key)) != _meaning(key, other.get(key))
    }


def redefined(a: str, b: str) -> frozenset[str]:
    """Return the metrics of which two signatures name different versions.

    Args:
        a: A signature.
        b: Another one.
    """
    own, other = (set(filter(None, fields(one).get(METRICS, "").split("+"))) for one in (a, b))
    return frozenset(word.rpartition("-")[0] for word in own ^ other)


def _meaning(key: str, value: str | None) -> str | None:
    """Return what of a value counts; None for nothing."""
    if value is None or key == "api_seeds" or value == _OFF.get(key):
        return None
    # Prompts that came with recorded responses are named after their file.
    return value.rpartition(":")[2] if key == "data" else value


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

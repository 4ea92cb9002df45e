"""Packaged prompts, and the user's own: read and checked before any model is loaded."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from lm_eval_overton.data.asked import identifier, prompt_of, turns_of
from lm_eval_overton.data.rows import Row, read_rows, short
from lm_eval_overton.data.tags import TAGS, checked_tags, without_tags
from lm_eval_overton.errors import DataError
from lm_eval_overton.text.unicode_forms import normalised

__all__ = [
    "PromptSet",
    "load_prompts",
    "load_viewpoints",
    "normal",
    "packaged_path",
    "packaged_tags",
    "read_jsonl",
    "repeated",
    "weight_of",
]

# Raised with any change to a packaged file that can move a score.
PACKAGED_VERSIONS = {"open_ended": 1, "contested": 2, "enumerable": 1}


@dataclass(frozen=True)
class PromptSet:
    """Prompts in order, with what identifies them in a signature.

    `docs` hold at least `id` and `prompt`; `sha` is the beginning of the sha256 of the file as it
    reads without tags, which move no score.
    """

    name: str
    version: int | None
    sha: str
    docs: list[dict[str, Any]]

    @property
    def signature(self) -> str:
        """Name, version and hash in one word."""
        version = "" if self.version is None else f"-{self.version}"
        return f"{self.name}{version}:{self.sha}"

    @property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of each prompt by its id."""
        return {doc["id"]: tuple(doc.get(TAGS) or ()) for doc in self.docs}


def packaged_path(name: str) -> Path:
    """Return the path of a packaged JSON-lines file by its bare name."""
    return Path(str(resources.files("lm_eval_overton") / "data" / f"{name}.jsonl"))


def load_prompts(source: str) -> PromptSet:
    """Load a packaged prompt set by name, or the user's own file by path.

    Args:
        source: `open_ended` or the path of a file that `read_rows` reads. A record of it holds
            `prompt`, or what `prompt_of` finds; `id`, `tags` and further keys are optional.

    Returns:
        The prompts in file order.

    Raises:
        DataError: With file and line, if a record is malformed, an id is used twice or there is
            no prompt.
    """
    if source in PACKAGED_VERSIONS:
        path, name, version = packaged_path(source), source, PACKAGED_VERSIONS[source]
    else:
        path, name, version = Path(source), Path(source).stem, None
    docs = [_doc(row) for row in read_rows(path)]
    _require_distinct_ids(docs, path)
    return PromptSet(name, version, _sha(path, docs), docs)


@cache
def packaged_tags(signature: str) -> Mapping[str, tuple[str, ...]]:
    """Return the tags of packaged prompts by id; none for prompts that are not packaged.

    Args:
        signature: `PromptSet.signature` of the prompts.
    """
    name = signature.partition(":")[0].rpartition("-")[0]
    found = load_prompts(name) if name in PACKAGED_VERSIONS else None
    return found.tags if found is not None and found.signature == signature else {}


def load_viewpoints(source: str) -> PromptSet:
    """Load questions with viewpoints: the packaged `contested`, or the user's own file.

    Args:
        source: As for `load_prompts`; each record also holds `viewpoints`, a list of at least two
            objects with `id`, `side` and `text`; all of a question also have a `weight`, a positive
            number, or none has.

    Raises:
        DataError: As `load_prompts`, and with the question's id if its viewpoints are malformed.
    """
    found = load_prompts(source)
    for doc in found.docs:
        viewpoints = doc.get("viewpoints")
        if not isinstance(viewpoints, list) or len(viewpoints) < 2:
            raise DataError(
                f"{source}: expected at least two viewpoints for {doc['id']!r}, got "
                f"{len(viewpoints) if isinstance(viewpoints, list) else viewpoints!r}"
            )
        for viewpoint in viewpoints:
            _check_viewpoint(viewpoint, f"{source}: {doc['id']!r}")
        ids = [viewpoint["id"] for viewpoint in viewpoints]
        if twice := repeated(ids):
            raise DataError(
                f"{source}: expected every viewpoint of {doc['id']!r} once, got "
                f"{ids[twice[0]]!r} more than once"
            )
        _check_weights(viewpoints, f"{source}: {doc['id']!r}")
    return found


def _check_viewpoint(viewpoint: Any, where: str) -> None:
    for key in ("id", "side", "text"):
        value = viewpoint.get(key) if isinstance(viewpoint, dict) else None
        if not isinstance(value, str) or not value.strip():
            raise DataError(
                f'{where}: expected "{key}" of a viewpoint to be a non-empty string, got {value!r}'
            )


def _check_weights(viewpoints: Sequence[dict[str, Any]], where: str) -> None:
    # A table of records holds null where one was not given.
    given = {own["id"]: own["weight"] for own in viewpoints if own.get("weight") is not None}
    for own in viewpoints:
        name, weight = own["id"], given.get(own["id"])
        if name in given and weight_of(own) is None:
            raise DataError(
                f'{where}: expected "weight" of viewpoint {name!r} to be a positive number, got '
                f"{short(weight)}; correct it, or leave it out of all viewpoints of the question"
            )
        if given and name not in given:
            raise DataError(
                f'{where}: expected "weight" for all viewpoints or for none, got none for '
                f"{name!r}; give it one, or leave it out of all viewpoints of the question"
            )


def weight_of(viewpoint: Any) -> float | None:
    """Return a viewpoint's weight; None where there is none, or one that is no positive number."""
    weight = viewpoint.get("weight") if isinstance(viewpoint, dict) else None
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        return None
    try:
        return float(weight) if 0 < float(weight) < math.inf else None
    except OverflowError:
        # An integer that no float can hold.
        return None


def normal(prompt: str) -> str:
    """Return a prompt for comparison: case folded, white space collapsed."""
    return " ".join(prompt.casefold().split())


def repeated(keys: Iterable[str]) -> tuple[int, int] | None:
    """Return where the first key stands that stands a second time, and where it does; from 0.

    Returns:
        Two positions; None where all keys differ.
    """
    seen: dict[str, int] = {}
    for position, key in enumerate(keys):
        first = seen.setdefault(key, position)
        if first != position:
            return first, position
    return None


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the records of a file with the numbers of their lines or items; see `read_rows`.

    Raises:
        DataError: As `read_rows`.
    """
    for row in read_rows(path):
        yield row.number, row.value


def _sha(path: Path, docs: Sequence[Mapping[str, Any]]) -> str:
    content = path.read_bytes()
    has_tags = any(TAGS in doc for doc in docs)
    return hashlib.sha256(without_tags(content) if has_tags else content).hexdigest()[:8]


def _doc(row: Row) -> dict[str, Any]:
    record, where = row.value, row.where
    if record.get("prompt") is None:
        _refuse_other_turns([turn.role for turn in turns_of(record)], where)
    prompt = prompt_of(record, where)
    if prompt is None:
        raise DataError(
            f'{where}: expected "prompt" or "messages" with exactly one user message, got '
            f"{', '.join(sorted(record)) or 'no key'}"
        )
    if not normalised(prompt).strip():
        raise DataError(f'{where}: expected "prompt" to be a non-empty string, got {prompt!r}')
    rest = {key: value for key, value in record.items() if key not in ("id", "prompt", "messages")}
    if TAGS in rest:
        rest[TAGS] = list(checked_tags(record, where))
    return {"id": identifier(record, where) or f"line-{row.number:04d}", "prompt": prompt, **rest}


def _refuse_other_turns(roles: Sequence[str], where: str) -> None:
    if "system" in roles:
        raise DataError(
            f"{where}: expected messages with exactly one user message, got a system message "
            "beside it; take it out of the file and give it to lm_eval as --system_instruction"
        )
    if roles and set(roles) != {"user"}:
        raise DataError(
            f"{where}: expected messages with exactly one user message, got "
            f'{", ".join(roles[:6])}; give the text that is to be asked as "prompt"'
        )


def _require_distinct_ids(docs: list[dict[str, Any]], path: Path) -> None:
    if twice := repeated(doc["id"] for doc in docs):
        first, second = twice
        raise DataError(
            f"{path}: expected every id once, got {docs[first]['id']!r} for prompts {first + 1} "
            f"and {second + 1}"
        )

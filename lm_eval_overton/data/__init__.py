"""Packaged prompts, and the user's own: read and checked before any model is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from lm_eval_overton.errors import DataError

__all__ = ["PromptSet", "load_prompts", "load_viewpoints", "normal", "packaged_path", "read_jsonl"]

# Raised with any change to a packaged file that can move a score.
PACKAGED_VERSIONS = {"open_ended": 1, "contested": 1}


@dataclass(frozen=True)
class PromptSet:
    """Prompts in order, with what identifies them in a signature.

    `docs` hold at least `id` and `prompt`; `sha` is the beginning of the sha256 of the file.
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


def packaged_path(name: str) -> Path:
    """Return the path of a packaged JSON-lines file by its bare name."""
    return Path(str(resources.files("lm_eval_overton") / "data" / f"{name}.jsonl"))


def load_prompts(source: str) -> PromptSet:
    """Load a packaged prompt set by name, or the user's own file by path.

    Args:
        source: `open_ended` or the path of a JSON-lines file. A line of it holds `prompt`, or
            `messages` with one user message; `id` and further keys are optional.

    Returns:
        The prompts in file order.

    Raises:
        DataError: With file and line, if a line is malformed, an id is used twice or there is
            no prompt.
    """
    if source in PACKAGED_VERSIONS:
        path, name, version = packaged_path(source), source, PACKAGED_VERSIONS[source]
    else:
        path, name, version = Path(source), Path(source).stem, None
    docs = [_doc(row, path, line) for line, row in read_jsonl(path)]
    _require_distinct_ids(docs, path)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return PromptSet(name, version, sha, docs)


def load_viewpoints(source: str) -> PromptSet:
    """Load questions with viewpoints: the packaged `contested`, or the user's own file.

    Args:
        source: As for `load_prompts`; each line also holds `viewpoints`, a list of at least two
            objects with `id`, `side` and `text`.

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
    return found


def _check_viewpoint(viewpoint: Any, where: str) -> None:
    for key in ("id", "side", "text"):
        value = viewpoint.get(key) if isinstance(viewpoint, dict) else None
        if not isinstance(value, str) or not value.strip():
            raise DataError(
                f'{where}: expected "{key}" of a viewpoint to be a non-empty string, got {value!r}'
            )


def normal(prompt: str) -> str:
    """Return a prompt for comparison: case folded, white space collapsed."""
    return " ".join(prompt.casefold().split())


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the objects of a JSON-lines file with their line numbers; blank lines are skipped.

    Raises:
        DataError: If the file is not there, cannot be read, holds no line, or a line holds no
            JSON object.
    """
    try:
        # Not splitlines(): JSON strings may hold U+2028 and other line separators as they are.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "text that is not UTF-8"
        raise DataError(f"{path}: expected a readable JSON-lines file, got {reason}") from error
    numbered = [(i, line) for i, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise DataError(f"{path}: expected at least one line of JSON, got an empty file")
    for number, line in numbered:
        yield number, _json_object(line, f"{path}:{number}")


def _json_object(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: expected a JSON object, got {line[:40]!r} ({error})") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: expected a JSON object, got {type(row).__name__}")
    return row


def _doc(row: dict[str, Any], path: Path, line: int) -> dict[str, Any]:
    where = f"{path}:{line}"
    prompt = row["prompt"] if "prompt" in row else _single_user_message(row, where)
    if not isinstance(prompt, str) or not prompt.strip():
        raise DataError(f'{where}: expected "prompt" to be a non-empty string, got {prompt!r}')
    identifier = row.get("id", f"line-{line:04d}")
    if not isinstance(identifier, str | int) or isinstance(identifier, bool):
        raise DataError(f'{where}: expected "id" to be a string or an integer, got {identifier!r}')
    rest = {key: value for key, value in row.items() if key not in ("id", "prompt", "messages")}
    return {"id": str(identifier), "prompt": prompt, **rest}


def _single_user_message(row: dict[str, Any], where: str) -> Any:
    messages = row.get("messages")
    if (
        isinstance(messages, list)
        and len(messages) == 1
        and isinstance(messages[0], dict)
        and messages[0].get("role") == "user"
    ):
        return messages[0].get("content")
    keys = ", ".join(sorted(row)) or "no key"
    raise DataError(
        f'{where}: expected "prompt" or "messages" with exactly one user message, got {keys}'
    )


def _require_distinct_ids(docs: list[dict[str, Any]], path: Path) -> None:
    seen: dict[str, int] = {}
    for position, doc in enumerate(docs, start=1):
        first = seen.setdefault(doc["id"], position)
        if first != position:
            raise DataError(
                f"{path}: expected every id once, got {doc['id']!r} for prompts {first} and "
                f"{position}"
            )

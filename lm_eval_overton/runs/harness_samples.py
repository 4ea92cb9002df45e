"""The harness's logged samples, of every version since 0.4.0 and as Python hands them out."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_overton.data.asked import content_text
from lm_eval_overton.data.rows import Row, short
from lm_eval_overton.data.tags import TAGS, read_tags
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entries import Entry

__all__ = ["SENTINEL", "is_sample", "read_samples"]

logger = logging.getLogger("lm_eval.overton")

# The stop sequence that makes sample i of a prompt a request of its own.
SENTINEL = re.compile(r"<[0-9a-f]{8}\.\d+>")


def is_sample(record: Mapping[str, Any]) -> bool:
    """Tell whether a record is a logged sample of the harness."""
    return "resps" in record


def read_samples(path: Path, rows: Sequence[Row]) -> tuple[list[Entry], tuple[str, ...], str]:
    """Return the responses of one task's samples, the stop sequences and the first of its requests.

    Args:
        path: The file, for messages.
        rows: All samples of the task; those of a second filter repeat the first one's responses.

    Raises:
        DataError: With the place of the sample that is none of a generation task.
    """
    own = _of_one_filter(path, rows)
    _require_prompts_alike(own)
    settings = [_generation(row) for row in own]
    ids = _ids([row.value for row in own])
    entries = [_entry(row, key) for row, key in zip(own, ids, strict=True)]
    until = settings[0].get("until") or []
    stops = [until] if isinstance(until, str) else until
    kept = tuple(s for s in stops if s and not SENTINEL.fullmatch(s))
    sent = next((str(request[0]) for request in _requests(own[0].value)), "")
    return entries, kept, sent


def _of_one_filter(path: Path, rows: Sequence[Row]) -> list[Row]:
    for row in rows:
        if not isinstance(row.value.get("resps"), list) or not isinstance(
            row.value.get("doc"), dict
        ):
            raise DataError(
                f'{row.where}: expected "resps" and "doc" of a harness sample, got neither'
            )
    name = rows[0].value.get("filter")
    own = [row for row in rows if row.value.get("filter") == name]
    return own if name is not None else _once(path, own)


def _once(path: Path, rows: Sequence[Row]) -> list[Row]:
    """Return each document once where older versions logged it again for each filter."""
    first: dict[Any, Row] = {}
    for row in rows:
        known = first.setdefault(str(row.value.get("doc_id", row.number)), row)
        if known.value["resps"] != row.value["resps"]:
            return list(rows)
    if len(first) < len(rows):
        logger.warning(
            "%s: %d lines are %d documents with the same responses each, as the harness logs them "
            "for several filters: each counts once",
            path,
            len(rows),
            len(first),
        )
    return list(first.values())


def _ids(records: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return what tells the documents apart: ids of their own where each has one, else numbers."""
    numbers = [record.get("doc_id") for record in records]
    named = [record["doc"].get("id") for record in records]
    own = [number if key is None else key for key, number in zip(named, numbers, strict=True)]
    if not all(isinstance(key, str | int) and not isinstance(key, bool) for key in own):
        return numbers
    return own if None in numbers or len(set(own)) >= len(set(map(str, numbers))) else numbers


def _prompt(row: Row) -> str | None:
    asked = row.value["doc"].get("prompt")
    return asked if asked and isinstance(asked, str) else None


def _require_prompts_alike(rows: Sequence[Row]) -> None:
    # The request of a document holds more than its prompt: one of the two would be another text.
    lacking = [row for row in rows if _prompt(row) is None]
    if lacking and len(lacking) < len(rows):
        raise DataError(
            f'{lacking[0].where}: expected "prompt" in every "doc" or in none, got a document '
            "without among others with one; correct it, or write the file again"
        )


def _entry(row: Row, key: Any) -> Entry:
    record = row.value
    flat = list(_flat(record["resps"], row.where))
    lost = _lost(record, flat, row.where)
    flat = [None if is_lost else response for response, is_lost in zip(flat, lost, strict=True)]
    tags = read_tags(record["doc"].get(TAGS)) or ()
    return Entry(None if key is None else str(key), _prompt(row) or _asked(row), flat, tags=tags)


def _lost(record: Mapping[str, Any], flat: Sequence[str | None], where: str) -> list[bool]:
    """Tell which responses are missing, each of which the harness writes as the word "None"."""
    written = [response == "None" for response in flat]
    if record.get("failed_rate"):
        return written
    # Where that share is no metric of the run, what the filter left tells the two apart.
    kept = list(_flat(record.get("filtered_resps") or [], where)) if any(written) else []
    if len(kept) != len(flat):
        return [False for _ in flat]
    return [is_none and not text for is_none, text in zip(written, kept, strict=True)]


def _flat(value: Any, where: str) -> Iterator[str | None]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item, where)
    elif value is None or isinstance(value, str):
        yield value
    else:
        raise DataError(
            f"{where}: expected responses of text, got {type(value).__name__} {short(value)} in "
            '"resps"; name the samples of a generation task'
        )


# ---------------------------------------------------------------------------------------- requests


def _requests(record: Mapping[str, Any]) -> list[list[Any]]:
    """Return the arguments of each request; those of later versions are objects."""
    arguments = record.get("arguments")
    values = list(arguments.values()) if isinstance(arguments, Mapping) else arguments or []
    listed = [list(one.values()) if isinstance(one, Mapping) else one for one in values]
    return [one for one in listed if isinstance(one, list) and one]


def _generation(row: Row) -> Mapping[str, Any]:
    """Return the settings of a sample's requests, which only those for a text have."""
    requests = _requests(row.value)
    if any(len(request) < 2 or not isinstance(request[1], Mapping) for request in requests):
        raise DataError(f"{row.where}: expected samples of a generation task, got likelihoods")
    if len({json.dumps(request[0], default=str) for request in requests}) > 1:
        raise DataError(
            f"{row.where}: expected one question per document, got {len(requests)} requests with "
            "different ones; their responses are not samples of one prompt"
        )
    return requests[0][1] if requests else {}


def _asked(row: Row) -> str | None:
    """Return the question of a sample's request: the last user message where it is a chat."""
    requests = _requests(row.value)
    context = requests[0][0] if requests else None
    if isinstance(context, list) and len(context) == 1 and isinstance(context[0], str):
        # The harness's own class for a chat in JSON is logged as a list of its one field.
        context = context[0]
    turns = _turns(context)
    asked = [turn.get("content") for turn in turns if turn.get("role") == "user"]
    if asked:
        return content_text(asked[-1], row.where)
    return context if isinstance(context, str) and context else None


def _turns(context: Any) -> list[Mapping[str, Any]]:
    if isinstance(context, str) and context.lstrip().startswith("[{"):
        try:
            context = json.loads(context)
        except (ValueError, RecursionError):
            return []
    if not isinstance(context, list) or not all(isinstance(one, Mapping) for one in context):
        return []
    return context

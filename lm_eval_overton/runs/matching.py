"""Which responses answer which prompt."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lm_eval_overton.data import PromptSet, normal, repeated
from lm_eval_overton.data.tags import TAGS
from lm_eval_overton.errors import DataError, NoAnswersError
from lm_eval_overton.runs.entries import Entry, Given
from lm_eval_overton.runs.responses import Recorded, Responses
from lm_eval_overton.settings.signature import short_hash

__all__ = ["match_prompts"]

logger = logging.getLogger("lm_eval.overton")

Doc = Mapping[str, Any]


def match_prompts(found: Responses, prompts: PromptSet | None) -> Recorded:
    """Return the responses by prompt id.

    Records of one prompt without an id, or with the same one, are one prompt, whose responses are
    joined. A prompt with an empty list of responses is one all of whose samples failed.

    Args:
        found: What `read_responses` returned.
        prompts: The prompts that were answered; None if the file itself says what was asked.

    Returns:
        The prompts that have responses, in the order of `prompts` or of the file.

    Raises:
        DataError: If responses cannot be matched to prompts, or one id stands for two prompts.
    """
    entries, left_out = _filled(_joined(found), found), 0
    if prompts is None:
        prompts = _own_prompts(found, entries)
        by_id = {doc["id"]: own for doc, own in zip(prompts.docs, entries, strict=True)}
    elif all(entry.id is None and entry.prompt is None for entry in entries):
        by_id = _aligned(found, entries, prompts)
    else:
        by_id, left_out = _looked_up(found, entries, prompts)
    docs = [doc for doc in prompts.docs if doc["id"] in by_id]
    # Of a survey that was answered in replies, questions with more options have more of them.
    if not {"answers", "survey"} <= set(found.settings):
        _say_uneven(found, [len(by_id[doc["id"]].responses) for doc in docs])
    if not docs:
        raise NoAnswersError(
            f"{found.path}: expected responses to at least one prompt of {prompts.name}, got none "
            "with the same id or text"
        )
    return Recorded(
        PromptSet(prompts.name, prompts.version, prompts.sha, docs),
        {key: own.responses for key, own in by_id.items()},
        found.stops,
        found.frame,
        found.generation,
        prompts,
        {key: own.finish_reasons for key, own in by_id.items() if own.finish_reasons},
        left_out,
        found.opened,
        found.trimmed,
        {key: own.given for key, own in by_id.items()},
    )


def _say_uneven(found: Responses, counts: Sequence[int]) -> None:
    if len(set(counts)) > 1:
        logger.warning(
            "%s: from %d to %d responses to a prompt; a line may be lost or doubled; what is there "
            "is used",
            found.path,
            min(counts),
            max(counts),
        )


# --------------------------------------------------------------------------- records to one prompt


def _joined(found: Responses) -> list[Entry]:
    """Return the entries with those to one prompt joined, in the order of the first of each."""
    groups: dict[Any, list[Entry]] = {}
    for position, entry in enumerate(found.entries):
        own = (entry.id, None if entry.id is not None else entry.prompt)
        groups.setdefault(position if own == (None, None) else own, []).append(entry)
    for entries in groups.values():
        _require_one_prompt(found, entries)
    if len(groups) < len(found.entries):
        logger.warning(
            "%s: %d records are %d prompts: the responses to one prompt are joined",
            found.path,
            len(found.entries),
            len(groups),
        )
    return [_join(entries) for entries in groups.values()]


def _require_one_prompt(found: Responses, entries: Sequence[Entry]) -> None:
    asked = dict.fromkeys(entry.prompt for entry in entries if entry.prompt is not None)
    if len(asked) > 1:
        first, second, *_ = (f"{prompt[:40]!r}" for prompt in asked)
        raise DataError(
            f"{found.path}: expected every id once, or the same prompt each time, got "
            f"{entries[0].id!r} more than once, for {first} and {second}; give each prompt an id "
            "of its own"
        )


def _join(entries: Sequence[Entry]) -> Entry:
    if len(entries) == 1:
        return entries[0]
    reasons = [reason for entry in entries for reason in _reasons(entry)]
    return replace(
        entries[0],
        prompt=next((entry.prompt for entry in entries if entry.prompt is not None), None),
        responses=[response for entry in entries for response in entry.responses],
        finish_reasons=reasons if any(reasons) else None,
        # The classes of one record are not those of another.
        given=Given(),
        tags=next((entry.tags for entry in entries if entry.tags), ()),
    )


def _reasons(entry: Entry) -> Iterable[str | None]:
    return entry.finish_reasons or [None] * len(entry.responses)


def _filled(entries: Sequence[Entry], found: Responses) -> list[Entry]:
    """Return the entries with an empty list of responses as so many that failed."""
    n = found.n_samples or max((len(entry.responses) for entry in entries), default=0)
    if not n:
        raise DataError(
            f"{found.path}: expected a response to at least one prompt, got empty lists alone; "
            "write null for a request that failed"
        )
    empty = sum(not entry.responses for entry in entries)
    if empty:
        logger.warning(
            "%s: %d of %d prompts have an empty list of responses: each counts as %d that failed",
            found.path,
            empty,
            len(entries),
            n,
        )
    return [entry if entry.responses else _failed(entry, n) for entry in entries]


def _failed(entry: Entry, n: int) -> Entry:
    return replace(entry, responses=[None] * n, given=Given())


# ------------------------------------------------------------------------------ entries to prompts


def _own_prompts(found: Responses, entries: Sequence[Entry]) -> PromptSet:
    if any(entry.prompt is None for entry in entries):
        raise DataError(
            f'{found.path}: expected "prompt" in every line, or --prompts FILE with one prompt '
            "per line of responses or with its id, got neither"
        )
    ids = [entry.id or f"line-{i:04d}" for i, entry in enumerate(entries, start=1)]
    if twice := repeated(ids):
        again = ids[twice[0]]
        raise DataError(f"{found.path}: expected every id once, got {again!r} more than once")
    _say_apart(found, entries)
    docs = [_doc(i, entry) for i, entry in zip(ids, entries, strict=True)]
    about = found.data or {}
    sha = about.get("sha") or short_hash([doc["prompt"] for doc in docs])
    return PromptSet(about.get("name") or found.path.stem, about.get("version"), sha, docs)


def _doc(key: str, entry: Entry) -> dict[str, Any]:
    doc: dict[str, Any] = {"id": key, "prompt": entry.prompt}
    return {**doc, TAGS: list(entry.tags)} if entry.tags else doc


def _say_apart(found: Responses, entries: Sequence[Entry]) -> None:
    n = len({entry.prompt for entry in entries})
    if n < len(entries):
        logger.warning(
            "%s: %d prompts have %d different texts: those with ids of their own stay apart; give "
            "them one id, or none, to join their responses",
            found.path,
            len(entries),
            n,
        )


def _aligned(found: Responses, entries: Sequence[Entry], prompts: PromptSet) -> dict[str, Entry]:
    if len(entries) != len(prompts.docs):
        raise DataError(
            f"{found.path}: expected one line of responses for each of the {len(prompts.docs)} "
            f"prompts of {prompts.name}, got {len(entries)}"
        )
    return {doc["id"]: entry for doc, entry in zip(prompts.docs, entries, strict=True)}


def _looked_up(
    found: Responses, entries: Sequence[Entry], prompts: PromptSet
) -> tuple[dict[str, Entry], int]:
    """Return the entries by prompt id, and how many answer none of the prompts."""
    by_id: dict[str, Doc] = {doc["id"]: doc for doc in prompts.docs}
    by_text: dict[str, list[Doc]] = {}
    for doc in prompts.docs:
        by_text.setdefault(normal(doc["prompt"]), []).append(doc)
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.id is None and entry.prompt is None:
            raise DataError(
                f'{found.path}: expected "id" or "prompt" in every line or in none, got some '
                "without; name the prompt of each"
            )
        # An id alone may be a line number that another file uses for another prompt.
        same = [] if entry.prompt is None else by_text.get(normal(entry.prompt), [])
        own = by_id.get(entry.id or "") if entry.prompt is None else _chosen(found, entry, same)
        if own is not None:
            groups.setdefault(own["id"], []).append(entry)
    for key, answers in groups.items():
        _require_one_id(found, key, answers, prompts)
    left_out = len(entries) - sum(map(len, groups.values()))
    return {key: _join(answers) for key, answers in groups.items()}, left_out


def _chosen(found: Responses, entry: Entry, same: Sequence[Doc]) -> Doc | None:
    """Return which of the prompts of one text an entry answers."""
    if len(same) < 2:
        return same[0] if same else None
    named = [doc for doc in same if doc["id"] == entry.id]
    if not named:
        raise DataError(
            f"{found.path}: expected the id of one of the prompts "
            f"{', '.join(doc['id'] for doc in same[:4])}, which have one text, got {entry.id!r}; "
            "give the line the id of its prompt"
        )
    return named[0]


def _require_one_id(
    found: Responses, key: str, entries: Sequence[Entry], prompts: PromptSet
) -> None:
    ids = list(dict.fromkeys(entry.id for entry in entries if entry.id is not None))
    if len(ids) > 1:
        raise DataError(
            f"{found.path}: expected one id for the prompt {key} of {prompts.name}, got {ids[0]!r} "
            f"and {ids[1]!r}; give lines of one prompt one id, or none, to join their responses, "
            "or the prompts file a prompt for each id"
        )

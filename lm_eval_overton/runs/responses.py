"""Responses that exist already: read from any of the files that may hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lm_eval_overton.data import PromptSet, normal, read_jsonl
from lm_eval_overton.errors import DataError
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import reasoning_rule
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.samples import Cleaning, asks_summary_first

__all__ = [
    "DEFAULT_TASK",
    "IN_CONTEXT",
    "Entry",
    "Recorded",
    "Responses",
    "match_prompts",
    "read_responses",
    "sampled_task",
]

# The stop sequence that makes sample i of a prompt a request of its own.
SENTINEL = re.compile(r"<[0-9a-f]{8}\.\d+>")
HEADER = "overton_generations"
# Whose responses are meant where a file holds those of several tasks and not of the one asked for.
DEFAULT_TASK = "overton_diversity"
# How the names of tasks begin that put examples or hints before a prompt.
IN_CONTEXT = "overton_icl_"
# What stands for the frame where a file does not name it; names of frames that ask for a summary
# first end alike.
RECORDED, RECORDED_SUMMARY_FIRST = "recorded", "recorded-summary-answer"


# A response, and why it ended.
Answer = tuple[str | None, str | None]


@dataclass(frozen=True)
class Entry:
    """The responses to one prompt, and why each ended; what a file does not say is None."""

    id: str | None
    prompt: str | None
    responses: list[str | None]
    finish_reasons: list[str | None] | None = None

    @property
    def answers(self) -> list[Answer]:
        """Each response with why it ended."""
        reasons = self.finish_reasons or [None] * len(self.responses)
        return list(zip(self.responses, reasons, strict=True))


@dataclass(frozen=True)
class Responses:
    """All entries of a file, and what it says of how they were made.

    `task` is the task that asked for them; None where the file does not say. `opened` tells that
    the prompts end with the opening mark of a thought, `trimmed` that the harness cut off the
    thoughts that came to their end.
    """

    path: Path
    entries: list[Entry]
    stops: tuple[str, ...] = ()
    frame: str = RECORDED
    generation: Mapping[str, Any] = field(default_factory=dict)
    n_samples: int | None = None
    data: Mapping[str, Any] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    task: str | None = None
    opened: bool = False
    trimmed: bool = False

    def cleaning(
        self,
        stops: Sequence[str] | None = None,
        *names: str,
        settings: Mapping[str, Any] | None = None,
    ) -> Cleaning:
        """Return how the responses are cleaned.

        Args:
            stops: Stop sequences in place of those that the file says; None: those.
            names: What else they are called after, beside their frame.
            settings: Settings of the run in place of those that the file says; None: those.
        """
        rule = reasoning_rule(self.settings if settings is None else settings, self.task or "")
        rule = replace(rule, opened=self.opened, trimmed=self.trimmed)
        stops = self.stops if stops is None else stops
        return Cleaning.of(stops, self.frame, *names, reasoning=rule)


@dataclass(frozen=True)
class Recorded:
    """Responses matched to prompts: what a task scores instead of asking a model.

    `asked` holds all prompts, `prompts` those that have responses; `finish_reasons` say by prompt
    id why each response ended, where a file knows it. `opened` and `trimmed` are as in `Responses`.
    """

    prompts: PromptSet
    responses: Mapping[str, Sequence[str | None]]
    stops: Sequence[str] = ()
    frame: str = RECORDED
    generation: Mapping[str, Any] = field(default_factory=dict)
    asked: PromptSet | None = None
    finish_reasons: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    opened: bool = False
    trimmed: bool = False


def read_responses(path: Path, task: str | None = None) -> Responses:
    """Read a responses file, a harness `samples_*.jsonl` or our own generations file.

    Args:
        path: The file.
        task: Which task's rows of a generations file to take, if it holds several; those of
            `overton_diversity` if it has none of this task.

    Returns:
        The entries in file order; a failed response is None.

    Raises:
        DataError: With file and line, if a line cannot be understood.
    """
    rows = list(read_jsonl(path))
    first = rows[0][1]
    if HEADER in first:
        return _from_generations(path, first, rows[1:], task)
    if "resps" in first:
        return _from_harness(path, rows)
    return Responses(path, [_plain_entry(row, f"{path}:{line}") for line, row in rows])


def sampled_task(path: Path) -> str | None:
    """Return the task whose samples a file of the harness holds; None for any other file."""
    begin, _, rest = path.stem.partition("_")
    return rest.rpartition("_")[0] or None if begin == "samples" else None


def _frame_of(task: str | None) -> str:
    return RECORDED_SUMMARY_FIRST if task and asks_summary_first(task) else RECORDED


def _plain_entry(row: Mapping[str, Any], where: str) -> Entry:
    responses = row.get("responses")
    if not isinstance(responses, list) or not all(
        response is None or isinstance(response, str) for response in responses
    ):
        raise DataError(
            f'{where}: expected "responses" to be a list of strings and nulls, got '
            f"{_describe(row, 'responses')}"
        )
    for key in ("prompt", "id"):
        if row.get(key) is not None and not isinstance(row[key], str | int):
            raise DataError(f'{where}: expected "{key}" to be a string, got {row[key]!r}')
    identifier = row.get("id")
    prompt = row.get("prompt")
    return Entry(
        None if identifier is None else str(identifier),
        None if prompt is None else str(prompt),
        responses,
        _reasons(row.get("finish_reasons"), len(responses)),
    )


def _reasons(given: Any, n: int) -> list[str | None] | None:
    """Return why n responses ended, where a row says it of each."""
    known = isinstance(given, list) and len(given) == n
    return given if known and all(r is None or isinstance(r, str) for r in given) else None


def _describe(row: Mapping[str, Any], key: str) -> str:
    if key not in row:
        return f"the keys {', '.join(sorted(map(str, row))) or 'none'}"
    value = row[key]
    if isinstance(value, list):
        odd = next(v for v in value if v is not None and not isinstance(v, str))
        return f"an item of type {type(odd).__name__}"
    return type(value).__name__


def _from_generations(
    path: Path, header: Mapping[str, Any], rows: list[tuple[int, dict[str, Any]]], task: str | None
) -> Responses:
    tasks = list(dict.fromkeys(str(row.get("task")) for _, row in rows))
    named = [name for name in (task, DEFAULT_TASK) if name in tasks]
    chosen = named[0] if named else tasks[0] if len(tasks) == 1 else None
    if chosen is None:
        raise DataError(
            f"{path}: expected generations of {task or 'one task'}, got those of "
            f"{', '.join(tasks) or 'none'}; choose with --task"
        )
    about = (header.get("tasks") or {}).get(chosen, {})
    entries = [
        _plain_entry(row, f"{path}:{line}") for line, row in rows if row.get("task") == chosen
    ]
    return Responses(
        path,
        entries,
        tuple(about.get("stops") or ()),
        str(about.get("frame") or _frame_of(chosen)),
        about.get("generation") or {},
        about.get("n_samples"),
        about.get("data"),
        about.get("settings") or {},
        chosen,
        bool((about.get("reasoning") or {}).get("opened")),
        bool((about.get("reasoning") or {}).get("trimmed")),
    )


def _from_harness(path: Path, rows: list[tuple[int, dict[str, Any]]]) -> Responses:
    name = rows[0][1].get("filter")
    own = [(line, row) for line, row in rows if row.get("filter") == name]
    entries = [_harness_entry(row, f"{path}:{line}") for line, row in own]
    kwargs = _first_request(own[0][1]).get("arg_1") or {}
    if not isinstance(kwargs, dict):
        raise DataError(f"{path}: expected samples of a generation task, got likelihoods")
    until = kwargs.get("until") or []
    stops = tuple(s for s in ([until] if isinstance(until, str) else until) if s)
    kept = tuple(s for s in stops if not SENTINEL.fullmatch(s))
    task = sampled_task(path)
    sent = str(_first_request(own[0][1]).get("arg_0") or "")
    opened = Reasoning().opened_by(sent).opened
    return Responses(path, entries, kept, _frame_of(task), task=task, opened=opened)


def _harness_entry(row: Mapping[str, Any], where: str) -> Entry:
    resps, doc = row.get("resps"), row.get("doc")
    if not isinstance(resps, list) or not isinstance(doc, dict):
        raise DataError(f'{where}: expected "resps" and "doc" of a harness sample, got neither')
    flat: list[str | None] = list(_flatten(resps))
    if row.get("failed_rate"):
        # The harness writes a missing response as the word "None".
        flat = [None if response == "None" else response for response in flat]
    prompt = doc.get("prompt") or _first_request(row).get("arg_0")
    identifier = doc.get("id", row.get("doc_id"))
    return Entry(
        None if identifier is None else str(identifier),
        None if prompt is None else str(prompt),
        flat,
    )


def _first_request(row: Mapping[str, Any]) -> Mapping[str, Any]:
    arguments = row.get("arguments")
    first = arguments.get("gen_args_0") if isinstance(arguments, dict) else None
    return first if isinstance(first, dict) else {}


def _flatten(value: Any) -> Iterable[str | None]:
    if isinstance(value, list):
        for item in value:
            yield from _flatten(item)
    else:
        yield None if value is None else str(value)


def match_prompts(found: Responses, prompts: PromptSet | None) -> Recorded:
    """Return the responses by prompt id.

    Args:
        found: What `read_responses` returned.
        prompts: The prompts that were answered; None if the file itself says what was asked.

    Returns:
        The prompts that have responses, in the order of `prompts` or of the file.

    Raises:
        DataError: If responses cannot be matched to prompts.
    """
    if prompts is None:
        prompts = _own_prompts(found)
        pairs = zip(prompts.docs, found.entries, strict=True)
        answers = {doc["id"]: entry.answers for doc, entry in pairs}
    elif all(entry.id is None and entry.prompt is None for entry in found.entries):
        answers = _aligned(found, prompts)
    else:
        answers = _looked_up(found, prompts)
    docs = [doc for doc in prompts.docs if answers.get(doc["id"])]
    if not docs:
        raise DataError(
            f"{found.path}: expected responses to at least one prompt of {prompts.name}, got none "
            "with the same id or text"
        )
    kept = PromptSet(prompts.name, prompts.version, prompts.sha, docs)
    return Recorded(
        kept,
        {key: [response for response, _ in own] for key, own in answers.items()},
        found.stops,
        found.frame,
        found.generation,
        prompts,
        {key: [reason for _, reason in own] for key, own in answers.items()},
        found.opened,
        found.trimmed,
    )


def _own_prompts(found: Responses) -> PromptSet:
    if any(entry.prompt is None for entry in found.entries):
        raise DataError(
            f'{found.path}: expected "prompt" in every line, or --prompts FILE with one prompt '
            "per line of responses, got neither"
        )
    ids = [entry.id or f"line-{i:04d}" for i, entry in enumerate(found.entries, start=1)]
    if len(set(ids)) < len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise DataError(f"{found.path}: expected every id once, got {twice!r} more than once")
    docs = [{"id": i, "prompt": entry.prompt} for i, entry in zip(ids, found.entries, strict=True)]
    about = found.data or {}
    sha = about.get("sha") or short_hash([doc["prompt"] for doc in docs])
    return PromptSet(about.get("name") or found.path.stem, about.get("version"), sha, docs)


def _aligned(found: Responses, prompts: PromptSet) -> dict[str, list[Answer]]:
    if len(found.entries) != len(prompts.docs):
        raise DataError(
            f"{found.path}: expected one line of responses for each of the {len(prompts.docs)} "
            f"prompts of {prompts.name}, got {len(found.entries)}"
        )
    pairs = zip(prompts.docs, found.entries, strict=True)
    return {doc["id"]: entry.answers for doc, entry in pairs}


def _looked_up(found: Responses, prompts: PromptSet) -> dict[str, list[Answer]]:
    by_id = {doc["id"]: doc for doc in prompts.docs}
    by_text = {normal(doc["prompt"]): doc for doc in prompts.docs}
    answers: dict[str, list[Answer]] = {}
    for entry in found.entries:
        by_own_text = by_text.get(normal(entry.prompt)) if entry.prompt else None
        # An id alone may be a line number that another file uses for another prompt.
        by_own_id = by_id.get(entry.id) if entry.id and entry.prompt is None else None
        doc = by_own_text or by_own_id
        if doc is not None:
            answers.setdefault(doc["id"], []).extend(entry.answers)
    return answers

"""Responses that exist already: read from any of the files that may hold them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lm_eval_overton.data import PromptSet
from lm_eval_overton.data.rows import Row, read_rows, short
from lm_eval_overton.errors import DataError, NoAnswersError
from lm_eval_overton.runs.entries import Entry, Given
from lm_eval_overton.runs.harness_samples import is_sample, read_samples
from lm_eval_overton.runs.shapes import listed, one_generator, read_entry
from lm_eval_overton.settings.task import eliciting_rule, reasoning_rule
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.samples import Cleaning, asks_summary_first

__all__ = [
    "DEFAULT_TASK",
    "IN_CONTEXT",
    "Recorded",
    "Responses",
    "read_responses",
    "sampled_task",
]

logger = logging.getLogger("lm_eval.overton")

HEADER = "overton_generations"
# Whose responses are meant where a file holds those of several tasks and not of the one asked for.
DEFAULT_TASK = "overton_diversity"
# How the names of tasks begin that put examples or hints before a prompt.
IN_CONTEXT = "overton_icl_"
# What stands for the frame where a file does not name it; names of frames that ask for a summary
# first end alike.
RECORDED, RECORDED_SUMMARY_FIRST = "recorded", "recorded-summary-answer"

# What the first line of a generations file says of a task, and of which kind it is.
ABOUT = {
    "stops": list,
    "frame": str,
    "generation": dict,
    "n_samples": int,
    "n_prompts": int,
    "data": dict,
    "settings": dict,
    "reasoning": dict,
}
# A list of strings as JSON or Python writes it.
WRITTEN_LIST = re.compile(r"\s*\[\s*([\"']).*\1\s*\]\s*", re.DOTALL)
KINDS = {list: "a list", str: "a string", dict: "an object", int: "an integer"}


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
        own = self.settings if settings is None else settings
        rule = reasoning_rule(own, self.task or "")
        rule = replace(rule, opened=self.opened, trimmed=self.trimmed)
        how = eliciting_rule(own, self.task or "")
        stops = self.stops if stops is None else stops
        return Cleaning.of(stops, self.frame, *names, reasoning=rule, eliciting=how)


@dataclass(frozen=True)
class Recorded:
    """Responses matched to prompts: what a task scores instead of asking a model.

    `asked` holds all prompts, `prompts` those that have responses. `finish_reasons` says why
    responses ended, for the prompts of which the file says it; see `Entry`. `left_out` is how
    many prompts of the file are none of those that were asked. `opened` and `trimmed` are as in
    `Responses`; `given` is what a file says of responses beside their texts.
    """

    prompts: PromptSet
    responses: Mapping[str, Sequence[str | None]]
    stops: Sequence[str] = ()
    frame: str = RECORDED
    generation: Mapping[str, Any] = field(default_factory=dict)
    asked: PromptSet | None = None
    finish_reasons: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    left_out: int = 0
    opened: bool = False
    trimmed: bool = False
    given: Mapping[str, Given] = field(default_factory=dict)


def read_responses(path: Path, task: str | None = None) -> Responses:
    """Read responses of any shape, a harness `samples_*.jsonl` or our own generations file.

    Args:
        path: A file of any container that `read_rows` reads.
        task: Which task's rows to take of a file that holds several; those of
            `overton_diversity` if it has none of this task.

    Returns:
        The entries in file order; a failed response is None.

    Raises:
        DataError: With file and line, if a line cannot be understood.
    """
    rows = list(read_rows(path))
    first = rows[0].value
    if HEADER in first:
        return _from_generations(path, first, rows[1:], task)
    if is_sample(first):
        return _from_harness(path, rows, task)
    one_generator(rows, path)
    entries = [read_entry(row) for row in rows]
    _say_written_lists(path, entries)
    return Responses(path, entries)


def _say_written_lists(path: Path, entries: Sequence[Entry]) -> None:
    """Warn where each response is a list that was turned into text, as tables of text do."""
    texts = [text for entry in entries for text in entry.responses if text is not None]
    if texts and all(map(_is_written_list, texts)):
        logger.warning(
            "%s: every response is the text of a list, such as %s, and is scored as one answer; if "
            "its items are the answers, write them as a list",
            path,
            short(texts[0]),
        )


def _is_written_list(text: str) -> bool:
    return bool(WRITTEN_LIST.fullmatch(text))


def sampled_task(path: Path) -> str | None:
    """Return the task whose samples a file of the harness holds; None for any other file."""
    begin, _, rest = path.stem.partition("_")
    return rest.rpartition("_")[0] or None if begin == "samples" else None


def _frame_of(task: str | None) -> str:
    return RECORDED_SUMMARY_FIRST if task and asks_summary_first(task) else RECORDED


def _from_generations(
    path: Path, header: Mapping[str, Any], rows: Sequence[Row], task: str | None
) -> Responses:
    tasks = list(dict.fromkeys(str(row.value.get("task")) for row in rows))
    chosen = _chosen(tasks, task)
    if chosen is None:
        raise NoAnswersError(
            f"{path}: expected generations of {task or 'one task'}, got those of "
            f"{', '.join(tasks) or 'none'}; choose with --task"
        )
    about = _about(path, header, chosen)
    entries = [listed(row) for row in rows if row.value.get("task") == chosen]
    _say_lost(path, chosen, len(entries), about.get("n_prompts"))
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


def _about(path: Path, header: Mapping[str, Any], task: str) -> Mapping[str, Any]:
    """Return what the first line says of a task; what it leaves out or has null is not known."""
    tasks = _of_kind(path, "tasks", header.get("tasks"), dict)
    about: dict[str, Any] = _of_kind(path, task, tasks.get(task), dict)
    for key, kind in ABOUT.items():
        _of_kind(path, key, about.get(key), kind)
    if not all(isinstance(stop, str) for stop in about.get("stops") or ()):
        raise _header_error(path, "stops", "a list of strings", about["stops"])
    return about


def _of_kind(path: Path, key: str, value: Any, kind: type) -> Any:
    if value is None:
        return kind()
    # A truth value is an integer to Python.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _header_error(path, key, KINDS[kind], value)
    return value


def _header_error(path: Path, key: str, expected: str, value: Any) -> DataError:
    return DataError(
        f'{path}:1: expected "{key}" to be {expected}, got {short(value)}; correct it, or leave it '
        "out"
    )


def _chosen(tasks: Sequence[str], task: str | None) -> str | None:
    """Return whose rows to take; None where there are several and none is meant."""
    named = [name for name in (task, DEFAULT_TASK) if name in tasks]
    return named[0] if named else tasks[0] if len(tasks) == 1 else None


def _say_lost(path: Path, task: str, rows: int, asked: Any) -> None:
    # Files of before it was kept do not say how many prompts there were.
    if isinstance(asked, int) and asked != rows:
        logger.warning(
            "%s: %d lines of %s, %d by its own first line: the file lost or gained some; what is "
            "there is used",
            path,
            rows,
            task,
            asked,
        )


def _from_harness(path: Path, rows: Sequence[Row], task: str | None) -> Responses:
    groups = list(dict.fromkeys(row.group for row in rows if row.group))
    named = _chosen(groups, task) if groups else sampled_task(path)
    if groups and named is None:
        raise DataError(
            f"{path}: expected the samples of one task, got those of {', '.join(groups)}; write "
            'those of one alone, which stand under its name in "samples"'
        )
    own = [row for row in rows if not groups or row.group == named]
    entries, stops, sent = read_samples(path, own)
    opened = Reasoning().opened_by(sent).opened
    return Responses(path, entries, stops, _frame_of(named), task=named, opened=opened)

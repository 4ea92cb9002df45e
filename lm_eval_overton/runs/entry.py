"""Our part of a results file: written and read here alone.

It stands under `overton` in a task's metadata: an object with `format`, `signature`, `generations`,
`alarms`, `values`, `details` and, where a judge was asked, `judge`. Each of `values` (by metric,
and the prompts' ids under `prompts`) and `details` (of which each prompt's tags are a part) is the
JSON text of a list with one item per prompt. They are texts because the harness indents its file:
as plain lists, 45 metrics of 10,000 prompts would take 580,000 lines and 18 MB, as texts they take
60 lines and 10 MB; and a file of their own would be lost where a results file is copied. Format 1,
of version 0.1.0, is the same without its number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_overton.data.json_text import json_value
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.details import DETAIL, is_detail

__all__ = [
    "FORMAT",
    "KEY",
    "PROMPTS",
    "TOKENIZER",
    "Judging",
    "Part",
    "bad",
    "generations_of",
    "part_of",
    "read",
    "reason",
    "verdict_counts",
]

FORMAT = 2
KEY = "overton"
PROMPTS = "prompts"
# Among what is kept of a prompt: what is the same for models of one tokenizer.
TOKENIZER = "tokenizer"


@dataclass(frozen=True)
class Judging:
    """What a judge did for one task: its signature, and per judgement how many verdicts of each
    status came."""

    signature: str
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """What we add to a task's results.

    Attributes:
        signature: Every setting that can change a score, except the judge's.
        ids: The prompts' ids, in the order of all values.
        values: Per metric one value per prompt, None where it is undefined.
        details: Per prompt what is known of its samples; see `TaskResult`.
        generations: The generations file of the run, if it has one.
        alarms: What the run warned of.
        judge: What the judge did; None without one.
        judged: Names of the metrics that rest on the judge's verdicts.
    """

    signature: str
    ids: Sequence[str]
    values: Mapping[str, Sequence[float | None]]
    details: Sequence[Mapping[str, Any]]
    generations: Path | None = None
    alarms: Sequence[str] = ()
    judge: Judging | None = None
    judged: frozenset[str] = frozenset()

    def written(self) -> dict[str, Any]:
        """Return the object that stands in the results file."""
        columns = {PROMPTS: self.ids, **self.values}
        own = {
            "format": FORMAT,
            "signature": self.signature,
            "generations": None if self.generations is None else str(self.generations),
            "alarms": list(self.alarms),
            "values": {name: json.dumps(list(column)) for name, column in columns.items()},
            "details": json.dumps([dict(detail) for detail in self.details]),
        }
        if self.judge is None:
            return own
        counts = {name: dict(statuses) for name, statuses in self.judge.counts.items()}
        judge = {"signature": self.judge.signature, "counts": counts}
        return {**own, "judge": {**judge, "metrics": sorted(self.judged)}}


# ------------------------------------------------------------------------------- as it stands there


def part_of(config: Any) -> Any:
    """Return what stands in a task's configuration as our part, unchecked; None for nothing."""
    metadata = config.get("metadata") if isinstance(config, Mapping) else None
    return metadata.get(KEY) if isinstance(metadata, Mapping) else None


def generations_of(config: Any) -> Path | None:
    """Return the generations file that a task's configuration names; None if it names none."""
    part = part_of(config)
    named = part.get("generations") if isinstance(part, Mapping) else None
    return Path(named) if named and isinstance(named, str) else None


def verdict_counts(config: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
    """Return the verdicts of each status by judgement, of a configuration that was just written."""
    part = part_of(config)
    judge = part.get("judge") if isinstance(part, Mapping) else None
    return dict(judge.get("counts", {})) if isinstance(judge, Mapping) else {}


# ------------------------------------------------------------------------------------------ reading


def read(path: Path, task: str, config: Any) -> Part:
    """Return our part of a task's configuration, checked.

    Args:
        path: The results file, for messages.
        task: The task.
        config: Its configuration in the file.

    Raises:
        DataError: If the part is of a newer format, or holds something else than it should.
    """
    part = part_of(config)
    if isinstance(part, dict):
        _refuse_newer_format(path, task, part.get("format", 1))
    if not isinstance(part, dict) or not isinstance(part.get("values"), dict):
        raise bad(path, f"the values of every prompt of {task}", "none")
    signature = _text(path, f"{task}: signature", part.get("signature"))
    ids, values = _values(path, task, part["values"])
    place, judge = part.get("generations"), part.get("judge")
    return Part(
        signature=signature,
        ids=ids,
        values=values,
        details=_details(path, task, part.get("details"), len(ids)),
        generations=None if place is None else Path(_text(path, f"{task}: generations", place)),
        alarms=tuple(_texts(path, f"{task}: alarms", part.get("alarms") or [])),
        judge=_judging(path, task, judge),
        judged=_judged_names(path, task, judge),
    )


def _refuse_newer_format(path: Path, task: str, number: Any) -> None:
    if type(number) is not int or number < 1:
        raise bad(path, f"{task}: a whole number as format", _short(number))
    if number > FORMAT:
        raise DataError(
            f"{path}: expected {task} in format {FORMAT} or older, got format {number}; update "
            "lm-eval-overton"
        )


def _values(
    path: Path, task: str, given: Mapping[str, Any]
) -> tuple[tuple[str, ...], dict[str, list[float | None]]]:
    """Return the ids and the values of each metric."""
    if PROMPTS not in given:
        raise bad(path, f'{task}: the ids of the prompts in values["{PROMPTS}"]', "none")
    lists = {name: _list(path, f"{task}: {name}", text) for name, text in given.items()}
    ids = _texts(path, f"{task}: {PROMPTS}", lists.pop(PROMPTS))
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise bad(path, f"{task}: every id once", f"{twice!r} more than once")
    for name, own in lists.items():
        _require_numbers(path, f"{task}: {name}", own, len(ids))
    return tuple(ids), lists


def _require_numbers(path: Path, what: str, values: list[Any], n: int) -> None:
    _same_length(path, what, values, n)
    # A boolean is a number to numpy, and so is the text of one.
    wrong = set(map(type, values)) - {int, float, type(None)}
    if wrong:
        names = ", ".join(sorted(kind.__name__ for kind in wrong))
        raise bad(path, f"{what}: a number or null for each prompt", names)


def _details(path: Path, task: str, text: Any, n: int) -> tuple[Mapping[str, Any], ...]:
    """Return what is known of each prompt's samples; nothing in files of before it was kept."""
    if text is None:
        return tuple({} for _ in range(n))
    what = f"{task}: details"
    details = _list(path, what, text)
    _same_length(path, what, details, n)
    wrong = next((one for one in details if not is_detail(one)), None)
    if wrong is not None:
        raise bad(path, f"{what}: {DETAIL} for each prompt", _short(wrong))
    return tuple(details)


def _judging(path: Path, task: str, given: Any) -> Judging | None:
    if given is None:
        return None
    counts = given.get("counts", {}) if isinstance(given, dict) else None
    if not isinstance(counts, dict) or not all(_is_count(own) for own in counts.values()):
        raise bad(path, f"{task}: judge with signature and counts", _short(given))
    return Judging(_text(path, f"{task}: judge signature", given.get("signature")), counts)


def _is_count(value: Any) -> bool:
    return isinstance(value, dict) and all(type(number) is int for number in value.values())


def _judged_names(path: Path, task: str, judge: Any) -> frozenset[str]:
    if judge is None:
        return frozenset()
    return frozenset(_texts(path, f"{task}: judge metrics", judge.get("metrics") or []))


def _list(path: Path, what: str, text: Any) -> list[Any]:
    """Return the list that is written as JSON within a text."""
    try:
        value = json_value(text, parse_constant=_refuse_constant) if isinstance(text, str) else None
    except (ValueError, RecursionError) as error:
        raise bad(path, f"{what}: a list in JSON", reason(error)) from error
    if not isinstance(value, list):
        raise bad(path, f"{what}: the JSON text of a list", _short(text))
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name}, which is no JSON; undefined is null")


def _same_length(path: Path, what: str, values: Sequence[Any], n: int) -> None:
    if len(values) != n:
        raise bad(path, f"{what}: one value for each of {n} prompts", str(len(values)))


def _text(path: Path, what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise bad(path, f"{what}: a text", _short(value))
    return value


def _texts(path: Path, what: str, values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise bad(path, f"{what}: a list of texts", _short(values))
    return values


def bad(path: Path, expected: str, got: str) -> DataError:
    """Return the error of a results file that holds something else than it should."""
    return DataError(
        f"{path}: expected {expected}, got {got}; remove the file, or score the run again"
    )


def reason(error: Exception) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

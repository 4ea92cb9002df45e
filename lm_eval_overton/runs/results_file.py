"""One results file of the harness, read and checked: what it holds of our tasks."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lm_eval_overton.data.folders import task_files
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.places import samples_beside
from lm_eval_overton.stats import Array

__all__ = ["Judging", "ResultsFile", "TaskResult"]

PROMPTS = "prompts"
# How the names of our tasks begin.
OURS = "overton_"
# How the harness's keys of the values end that bound a judged metric.
WORST, BEST = "_worst,none", "_best,none"


@dataclass(frozen=True)
class Judging:
    """What a judge did for one task: its signature, and per judgement how many verdicts of each
    status came."""

    signature: str
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskResult:
    """One task of a finished run.

    Attributes:
        task: The task's name.
        model: What the results file calls the model.
        signature: Every setting that can change a score, except the judge's.
        ids: The prompts' ids, in the order of all values.
        values: Per metric one value per prompt, (n_prompts,), NaN where it is undefined.
        higher_is_better: Per metric; None where neither direction is better.
        details: Per prompt what is known of its samples: `sha` (of its responses), `covered` (per
            valid sample the positions of the viewpoints that it covers, None where the matcher
            could not tell), `verdicts` (per judgement one value per valid sample, None where there
            is no verdict).
        path: The results file.
        generations: The generations file of the run, if the results name one.
        samples: The harness's samples file beside the results, if there is one.
        alarms: What the run warned of.
        judge: What the judge did; None without one.
        judged: Names of the metrics that rest on the judge's verdicts.
        bounds: Per judged metric its means if all missing verdicts were the worst, and the best;
            NaN where undefined. They are over all prompts that the judge saw.
        reference_run: The run whose units were compared with, as the user named it.
    """

    task: str
    model: str
    signature: str
    ids: tuple[str, ...]
    values: Mapping[str, Array]
    higher_is_better: Mapping[str, bool | None]
    details: tuple[Mapping[str, Any], ...]
    path: Path
    generations: Path | None = None
    samples: Path | None = None
    alarms: tuple[str, ...] = ()
    judge: Judging | None = None
    judged: frozenset[str] = frozenset()
    reference_run: str | None = None
    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class ResultsFile:
    """A results file, of which each task is looked at once it is wanted.

    Raises:
        DataError: If it is no results file, here or when a task is taken from it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._whole = _read(path)

    @property
    def model(self) -> str:
        """What the file calls the model; empty if it names none."""
        return str(self._whole.get("model_name") or "")

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks that are ours, but of those that were only to be answered."""
        return [task for task in self._whole["configs"] if self._is_ours(task)]

    def _is_ours(self, task: str) -> bool:
        # Without values it may be of another version, or of the harness alone: `result` says so.
        named = task.startswith(OURS) and not self._is_unscored(task)
        return named or self._report(task) is not None

    def _is_unscored(self, task: str) -> bool:
        """Return whether `--predict_only` left the task's metrics out."""
        config = self._whole["configs"][task]
        metrics = config.get("metric_list") if isinstance(config, dict) else None
        return metrics == [{"metric": "bypass"}]

    def result(self, task: str) -> TaskResult:
        """Return one of the `tasks`.

        Raises:
            DataError: If the file holds something else than it should.
        """
        config, report = self._whole["configs"][task], self._report(task)
        if not isinstance(report, dict) or not isinstance(report.get("values"), dict):
            raise _bad(self.path, f"the values of every prompt of {task}", "none")
        _refuse_nan(self.path, task, [config, _object(self._whole, "results").get(task)])
        return _task_result(self, self._whole, task, config, report)

    def _report(self, task: str) -> Any:
        config = self._whole["configs"][task]
        metadata = config.get("metadata") if isinstance(config, dict) else None
        return metadata.get("overton") if isinstance(metadata, dict) else None


def _read(path: Path) -> dict[str, Any]:
    try:
        # Other tasks in the file may hold a bare NaN; in ours it is refused further on.
        whole = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _bad(path, "a results file in JSON", _reason(error)) from error
    if not isinstance(whole, dict) or not isinstance(whole.get("configs"), dict):
        raise _bad(path, 'an object with "configs"', "something else")
    return whole


def _refuse_nan(path: Path, task: str, parts: Sequence[Any]) -> None:
    try:
        json.dumps(parts, allow_nan=False)
    except ValueError as error:
        raise _bad(path, f"{task}: null for what is undefined", "NaN or Infinity") from error


def _object(whole: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = whole.get(key)
    return value if isinstance(value, dict) else {}


def _task_result(
    file: ResultsFile, whole: Mapping[str, Any], task: str, config: Any, report: Mapping[str, Any]
) -> TaskResult:
    path = file.path
    signature = _text(path, f"{task}: signature", report.get("signature"))
    _refuse_newer(path, task, signature)
    ids, values = _values(path, task, report["values"])
    directions = _object(_object(whole, "higher_is_better"), task)
    place = report.get("generations")
    samples = samples_beside(path, task)
    reference = config["metadata"].get("reference_run")
    return TaskResult(
        task=task,
        model=file.model,
        signature=signature,
        ids=ids,
        values=values,
        higher_is_better={name: _direction(directions.get(name)) for name in values},
        details=_details(path, task, report.get("details"), len(ids)),
        path=path,
        generations=None if place is None else Path(_text(path, f"{task}: generations", place)),
        samples=samples if samples.is_file() else None,
        alarms=tuple(_texts(path, f"{task}: alarms", report.get("alarms") or [])),
        judge=_judging(path, task, report.get("judge")),
        judged=_judged_names(path, task, report.get("judge")),
        reference_run=None if reference is None else str(reference),
        bounds=_bounds(_object(_object(whole, "results"), task)),
    )


def _refuse_newer(path: Path, task: str, signature: str) -> None:
    version, known = signature.partition("|")[0].rpartition("@")[2], _versions().get(task)
    if known is not None and version.isdecimal() and float(version) > known:
        raise DataError(
            f"{path}: expected {task} of version {known} or older, got version {version}; update "
            "lm-eval-overton"
        )


@cache
def _versions() -> dict[str, int]:
    """Return the version of each packaged task."""
    import yaml

    # This loader takes the tags that only the harness knows for plain text.
    read = {path.stem: yaml.load(path.read_text("utf-8"), yaml.BaseLoader) for path in task_files()}
    return {task: int(config["metadata"]["version"]) for task, config in read.items()}


def _bounds(results: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    """Return worst and best value of each metric that has both, NaN where they are undefined."""
    names = [key.removesuffix(WORST) for key in results if key.endswith(WORST)]
    return {
        name: (_number(results[f"{name}{WORST}"]), _number(results[f"{name}{BEST}"]))
        for name in names
        if f"{name}{BEST}" in results
    }


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else math.nan


def _direction(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _values(
    path: Path, task: str, given: Mapping[str, Any]
) -> tuple[tuple[str, ...], dict[str, Array]]:
    """Return the ids, and the values of each metric, (n_prompts,)."""
    if PROMPTS not in given:
        raise _bad(path, f'{task}: the ids of the prompts in values["{PROMPTS}"]', "none")
    lists = {name: _list(path, f"{task}: {name}", text) for name, text in given.items()}
    ids = _texts(path, f"{task}: {PROMPTS}", lists.pop(PROMPTS))
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise _bad(path, f"{task}: every id once", f"{twice!r} more than once")
    values = {name: _floats(path, f"{task}: {name}", own, len(ids)) for name, own in lists.items()}
    return tuple(ids), values


def _floats(path: Path, what: str, values: list[Any], n: int) -> Array:
    _same_length(path, what, values, n)
    # A boolean is a number to numpy, and so is the text of one.
    wrong = set(map(type, values)) - {int, float, type(None)}
    if wrong:
        names = ", ".join(sorted(kind.__name__ for kind in wrong))
        raise _bad(path, f"{what}: a number or null for each prompt", names)
    try:
        floats = np.array(values, dtype=np.float64)
    except OverflowError:
        floats = np.array([math.inf])
    if np.isinf(floats).any():
        raise _bad(path, f"{what}: finite numbers", "one that is too large")
    return floats


def _details(path: Path, task: str, text: Any, n: int) -> tuple[Mapping[str, Any], ...]:
    """Return what is known of each prompt's samples; nothing in files of before it was kept."""
    if text is None:
        return tuple({} for _ in range(n))
    what = f"{task}: details"
    details = _list(path, what, text)
    _same_length(path, what, details, n)
    wrong = next((one for one in details if not _is_detail(one)), None)
    if wrong is not None:
        expected = (
            '{"sha": text, "covered": lists of positions or null, "verdicts": lists by judgement}'
        )
        raise _bad(path, f"{what}: {expected} for each prompt", _short(wrong))
    return tuple(details)


def _is_detail(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    covered, verdicts = value.get("covered", []), value.get("verdicts", {})
    return (
        isinstance(value.get("sha", ""), str)
        and isinstance(covered, list)
        and all(own is None or _are_positions(own) for own in covered)
        and isinstance(verdicts, dict)
        and all(isinstance(own, list) for own in verdicts.values())
    )


def _are_positions(value: Any) -> bool:
    return isinstance(value, list) and all(type(i) is int for i in value)


def _judging(path: Path, task: str, given: Any) -> Judging | None:
    if given is None:
        return None
    counts = given.get("counts", {}) if isinstance(given, dict) else None
    if not isinstance(counts, dict) or not all(_is_count(own) for own in counts.values()):
        raise _bad(path, f"{task}: judge with signature and counts", _short(given))
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
        value = json.loads(text, parse_constant=_refuse_constant) if isinstance(text, str) else None
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"{what}: a list in JSON", _reason(error)) from error
    if not isinstance(value, list):
        raise _bad(path, f"{what}: the JSON text of a list", _short(text))
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name}, which is no JSON; undefined is null")


def _same_length(path: Path, what: str, values: Sequence[Any], n: int) -> None:
    if len(values) != n:
        raise _bad(path, f"{what}: one value for each of {n} prompts", str(len(values)))


def _text(path: Path, what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _bad(path, f"{what}: a text", _short(value))
    return value


def _texts(path: Path, what: str, values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _bad(path, f"{what}: a list of texts", _short(values))
    return values


def _bad(path: Path, expected: str, got: str) -> DataError:
    return DataError(
        f"{path}: expected {expected}, got {got}; remove the file, or score the run again"
    )


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

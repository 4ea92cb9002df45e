"""One results file of the harness, read and checked: what it holds of our tasks."""

from __future__ import annotations

import json
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from lm_eval_overton.data import packaged_tags
from lm_eval_overton.data.folders import task_files
from lm_eval_overton.data.json_text import json_value
from lm_eval_overton.data.tags import TAGS
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.entry import Judging, Part, bad, part_of, read, reason
from lm_eval_overton.runs.places import samples_beside
from lm_eval_overton.runs.short_paths import without_folders
from lm_eval_overton.settings.signature import fields
from lm_eval_overton.stats import Array

__all__ = ["ResultsFile", "TaskResult", "number"]

# How the names of our tasks begin.
OURS = "overton_"
# How the harness's keys of the values end that bound a judged metric.
WORST, BEST = "_worst,none", "_best,none"
# How names of files end that hold responses.
RESPONSES = (".jsonl", ".jsonl.gz", ".parquet", ".csv")
# What the harness says of how a file was made.
MADE = ("date", "transformers_version")
# What rounding may add to a value.
TOLERANCE = 1e-6
ANY = (-math.inf, math.inf)


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
        details: Per prompt what is known of its samples: `sha` (of its responses), `reference_sha`
            (of the reference run's), `tags` (of the prompt), `covered` (per valid sample the
            positions of the viewpoints that it covers, None where the matcher could not tell),
            `classes` (of each of the first n valid samples its class; None where they have none),
            `ratings` (one per valid sample, None where it is not known) with their `scale` (`most`,
            the best rating, and `bar`, the least that reaches the quality bar), `verdicts` (per
            judgement one value per valid sample, None where there is no verdict); of a question
            that was asked by log-probability, `question`, `shares` (by option, None where not
            known), `refusal` (positions of the options that are no opinion) and `groups` (columns
            of one value per group of people, as `Opinion.by_group` has them).
        path: The results file.
        generations: The generations file of the run, if the results name one.
        samples: The harness's samples file beside the results, if there is one.
        alarms: What the run warned of.
        judge: What the judge did; None without one.
        judged: Names of the metrics that rest on the judge's verdicts.
        bounds: Per judged metric its means if all missing verdicts were the worst, and the best;
            NaN where undefined. They are over all prompts that the judge saw.
        reference_run: The run whose units were compared with, as the user named it.
        settings: What the task was asked for, by the keys of `--metadata`.
        parameters: How many the model has; None where the file does not say it.
        made: When the file was written, and with which versions, as far as it says: `MADE`.
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
    settings: Mapping[str, Any] = field(default_factory=dict)
    parameters: int | None = None
    made: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        n, own = len(self.ids), len(self.values)
        return f"TaskResult({self.task!r}, {self.model!r}, {n} prompts, {own} metrics)"

    @property
    def tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of each prompt by its id.

        Files of before they were kept have those of packaged prompts, which are known by the hash.
        """
        kept = [tuple(detail.get(TAGS) or ()) for detail in self.details]
        if any(kept):
            return dict(zip(self.ids, kept, strict=True))
        packaged = packaged_tags(fields(self.signature).get("data", ""))
        return {key: packaged.get(key, ()) for key in self.ids}

    def of_prompts(self, keys: Container[str]) -> TaskResult:
        """Return what the result is on some of its prompts, by their ids."""
        at = [i for i, key in enumerate(self.ids) if key in keys]
        return replace(
            self,
            ids=tuple(self.ids[i] for i in at),
            values={name: own[at] for name, own in self.values.items()},
            details=tuple(self.details[i] for i in at),
        )


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

    @property
    def unscored(self) -> list[str]:
        """The names of our tasks that were only to be answered."""
        named = [task for task in self._whole["configs"] if task.startswith(OURS)]
        return [task for task in named if task not in self.tasks and self._is_unscored(task)]

    def _is_ours(self, task: str) -> bool:
        # Without values it may be of another version, or of the harness alone: `result` says so.
        named = task.startswith(OURS) and not self._is_unscored(task)
        return named or part_of(self._whole["configs"][task]) is not None

    def _is_unscored(self, task: str) -> bool:
        """Return whether `--predict_only` left the task's metrics out."""
        config = self._whole["configs"][task]
        metrics = config.get("metric_list") if isinstance(config, dict) else None
        return metrics == [{"metric": "bypass"}]

    def aggregates(self, task: str) -> Mapping[str, Any]:
        """Return the numbers that the file's own table has of a task, by the harness's keys."""
        return _object(_object(self._whole, "results"), task)

    def counts(self, task: str) -> Mapping[str, Any]:
        """Return how many prompts the harness says a task has, and how many it asked."""
        return _object(_object(self._whole, "n-samples"), task)

    def result(self, task: str, ranges: Mapping[str, tuple[float, float]]) -> TaskResult:
        """Return one of the `tasks`.

        Args:
            task: Its name.
            ranges: Per metric the least and the greatest value that it can have.

        Raises:
            DataError: If the file holds something else than it should.
        """
        config = self._whole["configs"][task]
        part = read(self.path, task, config)
        _refuse_nan(self.path, task, [config, _object(self._whole, "results").get(task)])
        result = _task_result(self, self._whole, task, config, part)
        for name, values in result.values.items():
            _refuse_outside(self.path, f"{task}: {name}", values, ranges.get(name, ANY))
        return result


def _read(path: Path) -> dict[str, Any]:
    try:
        # Other tasks in the file may hold a bare NaN; in ours it is refused further on.
        whole = json_value(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        if path.name.endswith(RESPONSES):
            raise DataError(
                f"{path}: expected a results file in JSON, got a file of responses; score it with "
                f"`overton score {path} -o DIR` and name DIR"
            ) from error
        raise bad(path, "a results file in JSON", reason(error)) from error
    if not isinstance(whole, dict) or not isinstance(whole.get("configs"), dict):
        raise bad(path, 'an object with "configs"', "something else")
    return whole


def _refuse_nan(path: Path, task: str, parts: Sequence[Any]) -> None:
    try:
        json.dumps(parts, allow_nan=False)
    except ValueError as error:
        raise bad(path, f"{task}: null for what is undefined", "NaN or Infinity") from error


def _object(whole: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = whole.get(key)
    return value if isinstance(value, dict) else {}


def _task_result(
    file: ResultsFile, whole: Mapping[str, Any], task: str, config: Any, part: Part
) -> TaskResult:
    _refuse_newer(file.path, task, part.signature)
    directions = _object(_object(whole, "higher_is_better"), task)
    samples = samples_beside(file.path, task)
    reference = config["metadata"].get("reference_run")
    return TaskResult(
        task=task,
        model=file.model,
        signature=part.signature,
        ids=tuple(part.ids),
        values={
            name: _floats(file.path, f"{task}: {name}", own) for name, own in part.values.items()
        },
        higher_is_better={name: _direction(directions.get(name)) for name in part.values},
        details=tuple(part.details),
        path=file.path,
        generations=part.generations,
        samples=samples if samples.is_file() else None,
        alarms=tuple(map(without_folders, part.alarms)),
        judge=part.judge,
        judged=part.judged,
        reference_run=None if reference is None else str(reference),
        settings=config["metadata"],
        made={key: whole[key] for key in MADE if key in whole},
        bounds=_bounds(_object(_object(whole, "results"), task)),
        parameters=_parameters(_object(whole, "config").get("model_num_parameters")),
    )


def _parameters(value: Any) -> int | None:
    # The harness writes -1 for a model that does not say it.
    return value if type(value) is int and value > 0 else None


def _floats(path: Path, what: str, values: Sequence[float | None]) -> Array:
    try:
        floats = np.array(values, dtype=np.float64)
    except OverflowError:
        floats = np.array([math.inf])
    if np.isinf(floats).any():
        raise bad(path, f"{what}: finite numbers", "one that is too large")
    return floats


def _refuse_outside(path: Path, what: str, values: Array, bounds: tuple[float, float]) -> None:
    low, high = bounds
    outside = values[(values < low - TOLERANCE) | (values > high + TOLERANCE)]
    if outside.size:
        raise bad(path, f"{what} from {low:g} to {high:g}", repr(float(outside[0])))


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
        name: (number(results[f"{name}{WORST}"]), number(results[f"{name}{BEST}"]))
        for name in names
        if f"{name}{BEST}" in results
    }


def number(value: Any) -> float:
    """Return a number of a results file; NaN for what is none."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else math.nan


def _direction(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None

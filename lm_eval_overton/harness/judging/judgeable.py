"""What of a finished run can be judged: its tasks, and which files of theirs belong together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.replay import task_class, task_names
from lm_eval_overton.metrics.measures import judgements_of
from lm_eval_overton.runs.entry import generations_of
from lm_eval_overton.runs.places import age, find_responses, samples_beside
from lm_eval_overton.runs.responses import DEFAULT_TASK, sampled_task

__all__ = ["Judgeable", "find_judgeable"]


@dataclass(frozen=True)
class Judgeable:
    """A task's responses, and the results file that came of them.

    Attributes:
        task: The task's name.
        responses: The file of its responses.
        results: The results file; None for responses without one.
        model: What that calls the model.
        metadata: The task's metadata there.
    """

    task: str
    responses: Path
    results: Path | None = None
    model: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def find_judgeable(place: Path, only: str | None) -> list[Judgeable]:
    """Return what there is to judge of each task of a run that a judge is of use for.

    Args:
        place: A run's folder, or a file of samples, generations or responses.
        only: The one task to judge; None: all.

    Raises:
        SettingsError: If there is no judged task of that name.
        DataError: If a task has results of several models, or no responses.
    """
    return [_find(place, task) for task in _tasks(place, only)]


def _tasks(place: Path, only: str | None) -> list[str]:
    known = [name for name in task_names() if judgements_of(task_class(name)[0].KIND)]
    if only is not None:
        if only not in known:
            raise SettingsError(f"--task: expected one of {', '.join(known)}, got {only!r}")
        return [only]
    there = [task for task in known if task in _named_in(place)]
    # A plain file of responses says no task.
    return there or [DEFAULT_TASK]


def _named_in(place: Path) -> set[str]:
    if place.is_file():
        return _named_in_file(place)
    results = [name for path in place.rglob("results_*.json") for name in _configs(_read(path))]
    generations = [
        name for path in place.rglob("generations.jsonl") for name in _named_in_file(path)
    ]
    return {*results, *generations}


def _named_in_file(path: Path) -> set[str]:
    sampled = sampled_task(path)
    if sampled:
        return {sampled}
    with path.open(encoding="utf-8", errors="replace") as file:
        try:
            header = json.loads(file.readline())
        except ValueError:
            return set()
    tasks = header.get("tasks") if isinstance(header, dict) else None
    return set(tasks) if isinstance(tasks, dict) else set()


def _read(path: Path) -> dict[str, Any]:
    """Return a results file; nothing for what is none."""
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return results if isinstance(results, dict) else {}


def _configs(results: Mapping[str, Any]) -> dict[str, Any]:
    configs = results.get("configs")
    return configs if isinstance(configs, dict) else {}


def _find(place: Path, task: str) -> Judgeable:
    # The results come first: samples of another model or another time may lie beside them.
    read = {} if place.is_file() else {p: _read(p) for p in place.rglob("results_*.json")}
    read = {path: results for path, results in read.items() if task in _configs(results)}
    if not read:
        return Judgeable(task, find_responses(place, task))
    newest = max(read, key=age)
    models = sorted({str(results.get("model_name")) for results in read.values()})
    if len(models) > 1:
        raise DataError(
            f"{place}: expected results of one model for {task}, got those of "
            f"{', '.join(models)}; give one model's folder, such as {newest.parent}"
        )
    config = _configs(read[newest])[task]
    responses = _responses(newest, task, config)
    metadata = config.get("metadata") or {}
    return Judgeable(task, responses, newest, read[newest].get("model_name"), metadata)


def _responses(results: Path, task: str, config: Any) -> Path:
    """Return the responses that a results file came of."""
    samples = samples_beside(results, task)
    if samples.is_file():
        return samples
    named = generations_of(config)
    if named and named.is_file():
        return named
    raise DataError(
        f"{results}: expected {samples.name} beside it or the generations that it names, got "
        f"neither ({named or 'it names none'}); name the file of the responses instead"
    )

"""What of a finished run can be judged: its tasks, and which files of theirs belong together."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lm_eval_overton.data.json_text import json_value
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.replay import task_class, task_names
from lm_eval_overton.metrics.measures import judgements_of
from lm_eval_overton.runs.entry import bad, generations_of, reason
from lm_eval_overton.runs.folder import GENERATIONS
from lm_eval_overton.runs.places import (
    age,
    find_responses,
    results_files,
    samples_beside,
    visible,
)
from lm_eval_overton.runs.responses import (
    DEFAULT_TASK,
    Responses,
    read_responses,
    sampled_task,
)

__all__ = ["Judgeable", "find_judgeable"]

logger = logging.getLogger("lm_eval.overton")


@dataclass(frozen=True)
class Judgeable:
    """A task's responses, and the results file that came of them.

    Attributes:
        task: The task's name.
        responses: The file of its responses.
        copy: Another file of the same responses, should that one be broken.
        results: The results file; None for responses without one.
        model: What that calls the model.
        metadata: The task's metadata there.
    """

    task: str
    responses: Path
    copy: Path | None = None
    results: Path | None = None
    model: Any = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> Responses:
        """Return the responses.

        Raises:
            DataError: If no file of them can be read.
        """
        try:
            return read_responses(self.responses, self.task)
        except DataError as error:
            if self.copy is None:
                raise
            logger.warning("passed over: %s", error)
            return read_responses(self.copy, self.task)


def find_judgeable(place: Path, only: str | None) -> Iterator[tuple[Judgeable, Responses]]:
    """Yield what there is to judge of each task of a run that a judge is of use for.

    Args:
        place: A run's folder, or a file of samples, generations or responses.
        only: The one task to judge; None: all.

    Raises:
        SettingsError: If there is no judged task of that name.
        DataError: If a task has results of several models, or no responses that can be read; where
            there are other tasks, after all of them.
    """
    run = _Place(place)
    failed: list[DataError] = []
    for task in run.tasks(only):
        try:
            judgeable = run.judgeable(task)
            found = judgeable.read()
        except DataError as error:
            failed.append(error)
            continue
        yield judgeable, found
    for further in failed[1:]:
        logger.error("not judged: %s", further)
    if failed:
        raise failed[0]


@dataclass(frozen=True)
class _Place:
    """A run's folder or a file of responses."""

    path: Path

    @cached_property
    def results(self) -> dict[Path, dict[str, Any]]:
        """The results files that can be read."""
        named = [] if self.path.is_file() else results_files(self.path)
        read = {path: _read(path) for path in named}
        return {path: whole for path, whole in read.items() if whole is not None}

    def tasks(self, only: str | None) -> list[str]:
        """Return the names of the tasks to judge."""
        known = [name for name in task_names() if judgements_of(task_class(name)[0].KIND)]
        if only is not None:
            if only not in known:
                raise SettingsError(f"--task: expected one of {', '.join(known)}, got {only!r}")
            return [only]
        named = self._named()
        # A plain file of responses says no task.
        return [task for task in known if task in named] or [DEFAULT_TASK]

    def _named(self) -> set[str]:
        if self.path.is_file():
            return _named_in_file(self.path)
        names = {name for whole in self.results.values() for name in _configs(whole)}
        # A task is judged by its responses, also where a broken file has its results.
        for pattern in ("samples_*.jsonl", GENERATIONS):
            names = names.union(*map(_named_in_file, visible(self.path, pattern)))
        return names

    def judgeable(self, task: str) -> Judgeable:
        """Return what there is to judge of a task."""
        # The results come first: samples of another model or another time may lie beside them.
        read = {path: whole for path, whole in self.results.items() if task in _configs(whole)}
        if not read:
            return Judgeable(task, find_responses(self.path, task))
        newest = max(read, key=age)
        models = sorted({str(whole.get("model_name")) for whole in read.values()})
        if len(models) > 1:
            raise DataError(
                f"{self.path}: expected results of one model for {task}, got those of "
                f"{', '.join(models)}; give one model's folder, such as {newest.parent}"
            )
        config = _configs(read[newest])[task]
        responses, *copies = _responses(newest, task, config)
        metadata = config.get("metadata") if isinstance(config, dict) else None
        return Judgeable(
            task,
            responses,
            copy=copies[0] if copies else None,
            results=newest,
            model=read[newest].get("model_name"),
            metadata=metadata if isinstance(metadata, dict) else {},
        )


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


def _read(path: Path) -> dict[str, Any] | None:
    """Return a results file; None, and a warning, for what is none."""
    try:
        whole = json_value(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("passed over: %s", bad(path, "a results file in JSON", reason(error)))
        return None
    return whole if isinstance(whole, dict) else None


def _configs(results: Mapping[str, Any]) -> dict[str, Any]:
    configs = results.get("configs")
    return configs if isinstance(configs, dict) else {}


def _responses(results: Path, task: str, config: Any) -> list[Path]:
    """Return the files of the responses that a results file came of."""
    samples, named = samples_beside(results, task), generations_of(config)
    there = [path for path in (samples, named) if path and path.is_file()]
    if there:
        return there
    raise DataError(
        f"{results}: expected {samples.name} beside it or the generations that it names, got "
        f"neither ({named or 'it names none'}); name the file of the responses instead"
    )

"""Whose answers: the recorded samples of a run, and how they were made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lm_eval_overton.data import PromptSet
from lm_eval_overton.errors import DataError, NoAnswersError
from lm_eval_overton.runs.answers import read_scored
from lm_eval_overton.runs.finished import FinishedRun, load_run
from lm_eval_overton.runs.folder import GENERATIONS
from lm_eval_overton.runs.matching import match_prompts
from lm_eval_overton.runs.places import find_responses, parse_run, results_files, samples_beside
from lm_eval_overton.runs.responses import (
    DEFAULT_TASK,
    RECORDED,
    Responses,
    read_responses,
    sampled_task,
)
from lm_eval_overton.runs.results_file import ResultsFile
from lm_eval_overton.runs.short_paths import short_model
from lm_eval_overton.settings.signature import fields, sign
from lm_eval_overton.text.samples import Cleaning, Sample

__all__ = ["MADE", "Source", "read_source"]

logger = logging.getLogger("lm_eval.overton")

# What of a run's signature says how its samples were drawn.
MADE = (
    *("frame", "system", "n", "elicit", "do_sample", "temp", "top_p", "top_k", "min_p"),
    *("rep", "max", "seed", "model_seed"),
)


@dataclass(frozen=True)
class Source:
    """The samples of a run.

    Attributes:
        name: Whose they are.
        prompts: The prompts that were answered.
        samples: By prompt id.
        cleaning: How a response became a sample.
        made: How they were drawn, by the fields of signatures (`MADE`), with the run's `task` and
            `model`; what is not known is not there.
    """

    name: str
    prompts: PromptSet
    samples: Mapping[str, Sequence[Sample]]
    cleaning: Cleaning
    made: Mapping[str, str]


def read_source(given: str, prompts: PromptSet | None, settings: Mapping[str, Any]) -> Source:
    """Return the samples of a run.

    Args:
        given: `NAME=PLACE` or a place: a run's folder, one of its results files, a samples,
            generations or responses file. A name that is one of the run's tasks chooses it, else it
            says whose the samples are.
        prompts: The prompts that were answered; None: what the file says.
        settings: What is to hold of how responses are read, in place of the run's own settings.

    Raises:
        DataError: If there are no samples, those of several tasks, or they cannot be read.
    """
    place, name = parse_run(given)
    run = _finished(place)
    if run is not None:
        task = _one_task(run, name)
        found, cleaning = read_scored(_by_generations(run, task), task, settings)
        signature, model = run.tasks[task].signature, run.tasks[task].model
    else:
        found = _read(place, name)
        cleaning = found.cleaning(settings={**found.settings, **settings})
        task, signature, model = found.task or "", _signature(found), ""
    label = name if name and name != task else _called(found.path, model)
    matched = match_prompts(found, prompts)
    ends = matched.finish_reasons
    samples = {key: cleaning.samples(own, ends.get(key)) for key, own in matched.responses.items()}
    made = {"task": task, "model": short_model(model), **_made(signature)}
    return Source(
        label, matched.prompts, samples, cleaning, {key: own for key, own in made.items() if own}
    )


def _finished(place: Path) -> FinishedRun | None:
    """Return the run whose results lie at a place; None where there are but responses."""
    task = sampled_task(place)
    if place.is_file() and task is not None:
        own = [path for path in place.parent.iterdir() if samples_beside(path, task) == place]
        return next(filter(None, (_scored(path, task) for path in own if path != place)), None)
    if place.is_dir():
        return load_run(place, {}) if results_files(place) else None
    try:
        ResultsFile(place)
    except DataError:
        return None
    return load_run(place, {})


def _scored(results: Path, task: str) -> FinishedRun | None:
    try:
        run = load_run(results, {})
    except DataError as error:
        logger.info("%s says nothing of its samples (%s)", results, error)
        return None
    return run if task in run.tasks else None


def _one_task(run: FinishedRun, name: str | None) -> str:
    """Return the task whose samples are meant: those that sample say how many."""
    sampled = [task for task, own in run.tasks.items() if "n" in fields(own.signature)]
    for task in (name, DEFAULT_TASK):
        if task in sampled:
            return str(task)
    if len(sampled) != 1:
        raise DataError(
            f"{run.place}: expected the samples of one task, got those of "
            f"{', '.join(sampled) or 'none'}; choose one with TASK=PLACE, or name a file of samples"
        )
    return sampled[0]


def _by_generations(run: FinishedRun, task: str) -> FinishedRun:
    """Return a run whose own file is read, if it is there: it says how samples ended."""
    own = run.tasks[task]
    if own.generations is None or not own.generations.is_file():
        return run
    return replace(run, tasks={**run.tasks, task: replace(own, samples=None)})


def _read(place: Path, name: str | None) -> Responses:
    task = name or DEFAULT_TASK
    try:
        return read_responses(find_responses(place, task), task)
    except NoAnswersError as error:
        raise NoAnswersError(f"{error}; here as TASK=PLACE") from error


def _called(path: Path, model: str) -> str:
    if model:
        return Path(model).name or model
    return path.parent.name if path.name == GENERATIONS else path.stem


def _signature(found: Responses) -> str:
    """Return what a file of responses says of how they were made, as results say it."""
    known = {
        "frame": None if found.frame == RECORDED else found.frame,
        "n": found.n_samples,
        "elicit": found.settings.get("elicit"),
    }
    return sign(found.task or "", "", known, found.generation)


def _made(signature: str) -> dict[str, str]:
    signed = fields(signature)
    return {key: signed[key] for key in MADE if key in signed}

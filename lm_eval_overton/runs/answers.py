"""The responses behind a run, as its scores saw them: the one reader of what a run answered."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lm_eval_overton.data import (
    PACKAGED_VERSIONS,
    PromptSet,
    load_prompts,
    normal,
    read_jsonl,
    repeated,
)
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.matching import match_prompts
from lm_eval_overton.runs.places import find_responses, newest, parse_run, visible
from lm_eval_overton.runs.responses import (
    DEFAULT_TASK,
    HEADER,
    Responses,
    read_responses,
    sampled_task,
)
from lm_eval_overton.settings.signature import fields
from lm_eval_overton.text.forms import FENCE
from lm_eval_overton.text.samples import Cleaning, Sample, scored_texts

__all__ = [
    "Answers",
    "Reader",
    "Run",
    "Samples",
    "cleaned_answers",
    "is_given",
    "read_answers",
    "read_run",
    "read_scored",
    "shared_task",
    "valid_texts",
]

logger = logging.getLogger("lm_eval.overton")

# How the name ends of a run that was shown a summary of reference sample 0.
HINTED = "summary"

Samples = Mapping[str, Sequence[Sample]]
Viewpoint = Mapping[str, Any]


@dataclass(frozen=True)
class Answers:
    """What a run answered: prompts, raw responses and viewpoints by prompt id.

    `cleaning` is how a response is cleaned; `path` is where all of them are.
    """

    path: Path
    prompts: Mapping[str, str]
    responses: Mapping[str, Sequence[str | None]]
    finish_reasons: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    cleaning: Cleaning = field(default_factory=Cleaning)
    viewpoints: Mapping[str, Sequence[Viewpoint]] = field(default_factory=dict)

    def samples(self, prompt: str) -> list[Sample]:
        """Return the cleaned samples of a prompt; none if the file has none."""
        raws = self.responses.get(prompt, ())
        return self.cleaning.samples(raws, self.finish_reasons.get(prompt))

    def all_samples(self) -> dict[str, list[Sample]]:
        """Return the cleaned samples of every prompt, by its id; warn of those without a text.

        For a run of ours its own metrics say how many these are, for one that others are compared
        with nothing else does.
        """
        found = {key: self.samples(key) for key in self.prompts}
        statuses = Counter(sample.status for own in found.values() for sample in own)
        total, scored = statuses.total(), statuses.pop("valid", 0)
        if statuses:
            logger.warning(
                "%s: %d of %d responses hold no answer (%s) and do not count",
                self.path,
                total - scored,
                total,
                ", ".join(f"{n} {status}" for status, n in statuses.items()),
            )
        return found


Reader = Callable[[FinishedRun, str], Answers]


@dataclass(frozen=True)
class Run:
    """A run that others are compared with by its responses: its name and its samples by prompt.

    `hint_source` is the index of the reference sample that its hints were built from and that
    does not count for it.
    """

    name: str
    samples: Samples
    hint_source: int | None = None


def cleaned_answers(found: Responses, prompts: PromptSet | None, cleaning: Cleaning) -> Answers:
    """Return what a file of responses holds.

    Args:
        found: What `read_responses` returned.
        prompts: The prompts that were answered; None if the file says it.
        cleaning: How the responses are cleaned.

    Raises:
        DataError: If responses cannot be matched to prompts.
    """
    matched = match_prompts(found, prompts)
    texts = {doc["id"]: doc["prompt"] for doc in matched.prompts.docs}
    return Answers(found.path, texts, matched.responses, matched.finish_reasons, cleaning)


def read_answers(run: FinishedRun, task: str) -> Answers:
    """Read the responses of one task of a run.

    Args:
        run: A finished run.
        task: One of its tasks.

    Returns:
        What the run's samples or generations file holds.

    Raises:
        DataError: If there is no such file, it is not of this task, or it cannot be read.
    """
    found, cleaning = read_scored(run, task)
    answers = cleaned_answers(found, None, cleaning)
    return replace(answers, viewpoints=_viewpoints(run.tasks[task], found.path))


def read_scored(
    run: FinishedRun, task: str, settings: Mapping[str, Any] | None = None
) -> tuple[Responses, Cleaning]:
    """Return the responses of one task of a run, and how they are cleaned.

    Args:
        run: A finished run.
        task: One of its tasks.
        settings: What is to hold in place of the run's own settings.

    Raises:
        DataError: As for `read_answers`.
    """
    result = run.tasks[task]
    found = read_responses(_responses_file(run, result), task)
    signed = fields(result.signature)
    stops = found.stops or _signed_stops(signed.get("stop", "none"))
    names = (signed.get("frame", ""), task)
    own = {**result.settings, **(settings or {})}
    return found, found.cleaning(stops, *names, settings=own)


def read_run(
    given: str, prompts: PromptSet | None, stops: Sequence[str] | None, preferred: str = ""
) -> Run:
    """Return a run by its responses alone, whether or not they were scored.

    Args:
        given: `NAME=PLACE` or a place: a run's folder, a samples, generations or responses file.
            A name or file name that ends in `summary` had a hint of reference sample 0, one that
            ends in `summary_cot` wrote a summary first. Of a place that holds several tasks, a
            name that is a task's chooses that task.
        prompts: The prompts that were answered; None if the files say it.
        stops: Stop sequences of the responses; None: what the file says.
        preferred: The task to take from a place that holds several and names none.

    Raises:
        SettingsError: If nothing stands on one side of the sign.
        DataError: If there is nothing that can be read, or several tasks to choose from.
    """
    place, name = parse_run(given)
    path = _one_tasks_file(place, name, preferred)
    found = read_responses(path, name)
    name = name or sampled_task(path) or path.stem
    answers = cleaned_answers(found, prompts, found.cleaning(stops, name))
    # Runs are matched by what was asked, whatever ids their files use.
    _require_distinct_texts(answers)
    own = answers.all_samples()
    samples = {normal(text): own[key] for key, text in answers.prompts.items()}
    hinted = name.endswith(HINTED) and not answers.cleaning.summary_first
    return Run(name, samples, 0 if hinted else None)


def _require_distinct_texts(answers: Answers) -> None:
    if twice := repeated(map(normal, answers.prompts.values())):
        ids = list(answers.prompts)
        raise DataError(
            f"{answers.path}: expected every prompt once, since runs are matched by their "
            f"texts, got one text for {ids[twice[0]]!r} and {ids[twice[1]]!r}; give its lines one "
            "id, or none, to join their responses"
        )


def _one_tasks_file(place: Path, name: str | None, preferred: str) -> Path:
    if not place.is_dir():
        return find_responses(place, "*")
    samples = list(visible(place, "samples_overton_*.jsonl"))
    for task in (name, preferred):
        samples = [path for path in samples if sampled_task(path) == task] or samples
    tasks = {str(sampled_task(path)) for path in samples}
    if len(tasks) > 1:
        raise DataError(
            f"{place}: expected the samples of one task, got those of {', '.join(sorted(tasks))}; "
            "name the file, or choose one with TASK=PLACE"
        )
    return newest(samples) or find_responses(place, "*")


def shared_task(runs: Sequence[FinishedRun]) -> str:
    """Return the task whose samples runs are compared by: overton_diversity, or the first of all
    that have samples.

    Args:
        runs: At least one.

    Raises:
        DataError: If they have no task with samples in common.
    """
    names = (DEFAULT_TASK, *runs[0].tasks)
    task = next((name for name in names if all(_is_sampled(run, name) for run in runs)), None)
    if task is None:
        held = "; ".join(
            f"{run.name} has {', '.join(map(_told, run.tasks.values()))}" for run in runs
        )
        raise DataError(f"expected the samples of a task that all runs have, got none: {held}")
    return task


def _is_sampled(run: FinishedRun, task: str) -> bool:
    return task in run.tasks and not is_given(run.tasks[task])


def is_given(own: TaskResult) -> bool:
    """Return whether a model was only asked how likely given answers are."""
    signed = fields(own.signature)
    return "whose" in signed or signed.get("answers") == "loglikelihood"


def _told(own: TaskResult) -> str:
    return f"{own.task} (log-probabilities alone)" if is_given(own) else own.task


def valid_texts(runs: Sequence[FinishedRun], task: str) -> list[dict[str, list[str]]]:
    """Return what each run answered to each prompt of a task, as it was scored.

    Raises:
        DataError: If the responses of one cannot be read.
    """
    return [_valid_texts(run, task) for run in runs]


def _valid_texts(run: FinishedRun, task: str) -> dict[str, list[str]]:
    answers = read_answers(run, task)
    return {key: scored_texts(answers.samples(key)) for key in run.tasks[task].ids}


def _responses_file(run: FinishedRun, result: TaskResult) -> Path:
    if result.samples is not None and result.samples.is_file():
        return result.samples
    if result.generations is not None and result.generations.is_file():
        _require_task(result.generations, result.task)
        return result.generations
    raise DataError(
        f"{run.name}: expected the responses of {result.task}, got "
        f"{result.samples or result.generations or 'no file'}; run with --log_samples, or keep the "
        "generations file that the log names"
    )


def _require_task(path: Path, task: str) -> None:
    try:
        with path.open(encoding="utf-8") as file:
            header = json.loads(file.readline())
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected a readable generations file, got none") from error
    if isinstance(header, dict) and HEADER in header and task not in (header.get("tasks") or {}):
        raise DataError(
            f"{path}: expected generations of {task}, got those of "
            f"{', '.join(header.get('tasks') or {}) or 'none'}; run with --log_samples"
        )


def _signed_stops(word: str) -> tuple[str, ...]:
    """Return the stop sequences that a signature names; one that it only hashes is unknown."""
    items = () if word == "none" else word.split("+")
    return tuple(FENCE if item == "fence" else item for item in items)


def _viewpoints(result: TaskResult, path: Path) -> dict[str, Sequence[Viewpoint]]:
    if not any(details.get("covered") for details in result.details):
        return {}
    name = fields(result.signature).get("data", "").partition(":")[0].rpartition("-")[0]
    if name in PACKAGED_VERSIONS:
        return _given(load_prompts(name).docs)
    docs = (row.get("doc") for _, row in read_jsonl(path))
    return _given([doc for doc in docs if isinstance(doc, dict)])


def _given(docs: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Viewpoint]]:
    return {str(doc["id"]): doc["viewpoints"] for doc in docs if "viewpoints" in doc}

"""A finished run as the comparison commands want it: samples by prompt id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm_eval_overton.comparison.recover import Run
from lm_eval_overton.data import PromptSet, normal
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.places import find_responses, newest, parse_run, sampled_task
from lm_eval_overton.runs.responses import match_prompts, read_responses
from lm_eval_overton.text.samples import Cleaning

__all__ = ["finished_run"]

# What a strategy's name says of how its responses are read.
SUMMARY = "summary"


def finished_run(
    given: str, prompts: PromptSet | None, stops: Sequence[str] | None, preferred: str = ""
) -> Run:
    """Return a finished run.

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
    path = _responses_file(place, name, preferred)
    recorded = match_prompts(read_responses(path, name), prompts)
    name = name or sampled_task(path) or path.stem
    cleaning = Cleaning.of(recorded.stops if stops is None else stops, name)
    samples = {
        # Runs are matched by what was asked, whatever ids their files use.
        normal(doc["prompt"]): cleaning.samples(recorded.responses[doc["id"]])
        for doc in recorded.prompts.docs
    }
    hinted = name.endswith(SUMMARY) and not cleaning.summary_first
    return Run(name, samples, 0 if hinted else None)


def _responses_file(place: Path, name: str | None, preferred: str) -> Path:
    if not place.is_dir():
        return find_responses(place, "*")
    samples = list(place.rglob("samples_overton_*.jsonl"))
    for task in (name, preferred):
        samples = [path for path in samples if sampled_task(path) == task] or samples
    tasks = {str(sampled_task(path)) for path in samples}
    if len(tasks) > 1:
        raise DataError(
            f"{place}: expected the samples of one task, got those of {', '.join(sorted(tasks))}; "
            "name the file, or choose one with TASK=PLACE"
        )
    return newest(samples) or find_responses(place, "*")

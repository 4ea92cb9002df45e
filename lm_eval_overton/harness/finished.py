"""A finished run as the comparison commands want it: samples by prompt id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm_eval_overton.comparison.recover import Run
from lm_eval_overton.data import PromptSet, normal
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.reference import find_responses
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
        DataError: If there is nothing that can be read, or several tasks to choose from.
    """
    # A path may hold the sign too.
    name, separator, place = ("", "", given) if Path(given).exists() else given.partition("=")
    path = _responses_file(Path(place if separator else given), name, preferred)
    recorded = match_prompts(read_responses(path, name or None), prompts)
    name = name or _name(path)
    cleaning = Cleaning.of(recorded.stops if stops is None else stops, name)
    samples = {
        # Runs are matched by what was asked, whatever ids their files use.
        normal(doc["prompt"]): cleaning.samples(recorded.responses[doc["id"]])
        for doc in recorded.prompts.docs
    }
    hinted = name.endswith(SUMMARY) and not cleaning.summary_first
    return Run(name, samples, 0 if hinted else None)


def _responses_file(place: Path, name: str, preferred: str) -> Path:
    if not place.is_dir():
        return find_responses(place, "*")
    samples = sorted(place.rglob("samples_overton_*.jsonl"), key=lambda p: p.stat().st_mtime_ns)
    for task in (name, preferred):
        samples = [path for path in samples if _task(path) == task] or samples
    tasks = {_task(path) for path in samples}
    if len(tasks) > 1:
        raise DataError(
            f"{place}: expected the samples of one task, got those of {', '.join(sorted(tasks))}; "
            "name the file, or choose one with TASK=PLACE"
        )
    return samples[-1] if samples else find_responses(place, "*")


def _task(path: Path) -> str:
    # samples_<task>_<date>.jsonl
    return path.stem.removeprefix("samples_").rpartition("_")[0]


def _name(path: Path) -> str:
    return _task(path) if path.stem.startswith("samples_") else path.stem

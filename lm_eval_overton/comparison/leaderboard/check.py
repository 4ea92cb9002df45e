"""Whether a results file can join a leaderboard: what speaks against it, a line each.

A file that was changed by hand shows it where it says one thing twice: in its values and their
means, in its signature and its settings, in its results and the samples beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lm_eval_overton.comparison.aligned import verdict_counts
from lm_eval_overton.comparison.leaderboard.boards import boards_of
from lm_eval_overton.comparison.leaderboard.logged import sample_faults
from lm_eval_overton.comparison.leaderboard.settings import LEFT_OPEN, some
from lm_eval_overton.data import PACKAGED_VERSIONS, load_prompts
from lm_eval_overton.errors import DataError
from lm_eval_overton.metrics.measures import RANGES, REGISTRY
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.results_file import ResultsFile, TaskResult, number
from lm_eval_overton.runs.short_paths import short_model
from lm_eval_overton.settings.signature import METRICS, differing, fields
from lm_eval_overton.stats import Array, standard_error
from lm_eval_overton.version import __version__

__all__ = ["Checked", "check"]

# What the order of a sum may change.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Checked:
    """A results file: the model, its tasks in words, and why it cannot join; nothing if it can."""

    path: Path
    model: str
    tasks: tuple[str, ...]
    faults: tuple[str, ...]

    def __str__(self) -> str:
        """Return it in one line."""
        if self.faults:
            return f"{self.path}: cannot join: {'; '.join(self.faults)}"
        return f"{self.path}: can join: {self.model}, {'; '.join(self.tasks)}"


def check(path: Path, runs: Sequence[FinishedRun] = ()) -> Checked:
    """Return whether a results file can join a leaderboard, and why not.

    Args:
        path: The results file; its samples are looked at where they lie beside it.
        runs: The runs of the leaderboard, if it is known.
    """
    try:
        file = ResultsFile(path)
        results = [file.result(task, RANGES) for task in file.tasks]
    except DataError as error:
        return Checked(path, "", (), (str(error).removeprefix(f"{path}: "),))
    faults = [f"{own.task}: {fault}" for own in results for fault in _faults(file, own, runs)]
    faults += [f"{task}: expected scores, got answers alone" for task in file.unscored]
    if not results and not faults:
        faults.append("expected results of an overton task, got those of other tasks")
    if results and not file.model:
        faults.append("expected the model's name as model_name, got none")
    tasks = tuple(
        f"{own.task} ({len(own.ids)} prompts, {len(own.values)} metrics; "
        f"{'with' if own.samples else 'without'} its samples)"
        for own in results
    )
    return Checked(path, short_model(file.model), tasks, tuple(faults))


def _faults(file: ResultsFile, own: TaskResult, runs: Sequence[FinishedRun]) -> Iterator[str]:
    """Yield what speaks against a task of a file."""
    yield from _signature_faults(own)
    yield from _count_faults(file, own)
    yield from _metric_faults(own)
    yield from _aggregate_faults(file, own)
    yield from sample_faults(own)
    yield from _board_faults(own, runs)


# --------------------------------------------------------------------------------------- signature


def _signature_faults(own: TaskResult) -> Iterator[str]:
    """Yield where the signature says something else than what the file says beside it."""
    signed = fields(own.signature)
    said = {"task": f"{own.task}@{own.settings.get('version')}"}
    if "n_samples" in own.settings:
        said["n"] = str(own.settings["n_samples"])
    for key, value in said.items():
        if signed.get(key, value) != value:
            yield f"the signature's {key} is {signed[key]}, the settings say {value}"
    if _release(signed.get("v", "0")) > _release(__version__):
        yield (
            f"expected version {__version__} or older, got {signed['v']}; update lm-eval-overton"
        )
    yield from _prompt_faults(own, signed.get("data", ""))


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _prompt_faults(own: TaskResult, data: str) -> Iterator[str]:
    """Yield how prompts that claim to be packaged differ from these."""
    name = data.partition(":")[0].rpartition("-")[0]
    if name not in PACKAGED_VERSIONS:
        return
    packaged = load_prompts(name)
    known = {doc["id"] for doc in packaged.docs}
    # A task may ask only some of them.
    other = [key for key in own.ids if key not in known]
    if data == packaged.signature and other:
        yield f"expected prompts of {name}, got others: {some(other)}"


def _count_faults(file: ResultsFile, own: TaskResult) -> Iterator[str]:
    counts = file.counts(own.task)
    effective, original = counts.get("effective"), counts.get("original")
    if effective is not None and effective != len(own.ids):
        yield f"n-samples says {effective} prompts, there are values of {len(own.ids)}"
    elif original is not None and effective is not None and effective < original:
        yield f"expected all {original} prompts, got {effective}; run it without --limit"


# ----------------------------------------------------------------------------------------- metrics


def _metric_faults(own: TaskResult) -> Iterator[str]:
    """Yield metrics that this version does not know, or defines otherwise."""
    unknown = [m for m in own.values if m not in REGISTRY and m not in verdict_counts(own)]
    if unknown:
        yield f"metrics that version {__version__} does not know: {some(unknown)}"
    signed = _versions_of(fields(own.signature).get(METRICS, ""))
    other = [
        f"{metric} is of version {signed.get(metric, 1)}, here {REGISTRY[metric].version}"
        for metric in own.values
        if metric in REGISTRY and signed.get(metric, 1) != REGISTRY[metric].version
    ]
    if other:
        yield f"metrics of other versions: {some(other)}; score it anew"


def _versions_of(words: str) -> dict[str, int]:
    pairs = (word.rpartition("-") for word in words.split("+") if word)
    return {name: int(number) if number.isdecimal() else 0 for name, _, number in pairs}


def _aggregate_faults(file: ResultsFile, own: TaskResult) -> Iterator[str]:
    """Yield where the numbers of the file's table are not those of its values."""
    stated = file.aggregates(own.task)
    counts = verdict_counts(own)
    wrong = [
        f"{metric}{said}"
        for metric, values in own.values.items()
        if metric not in counts
        for said in _differing(metric, values, stated)
    ]
    if wrong:
        yield f"what the results say is not what their values give: {some(wrong)}"


def _differing(metric: str, values: Array, stated: Mapping[str, Any]) -> Iterator[str]:
    known = values[~np.isnan(values)]
    mean = float(known.mean()) if len(known) else math.nan
    given = {
        "": mean,
        "_stderr": standard_error(known),
        "_n": float(len(known)),
    }
    for suffix, expected in given.items():
        key = f"{metric}{suffix},none"
        # An undefined number is written in several ways, none of which is a number.
        value = number(stated.get(key))
        if not math.isnan(value) and not _is_close(value, expected):
            yield f"{suffix} is {value:g}, of its values {expected:g}"
        elif stated and not suffix and key not in stated and not math.isnan(expected):
            yield " is missing"


def _is_close(value: float, expected: float) -> bool:
    return math.isclose(value, expected, rel_tol=ROUNDING, abs_tol=ROUNDING)


# ------------------------------------------------------------------------------------------- board


def _board_faults(own: TaskResult, runs: Sequence[FinishedRun]) -> Iterator[str]:
    """Yield why a task has no place on the boards of other runs."""
    if not runs:
        return
    boards = [board for board in boards_of(runs) if board.task == own.task]
    if not boards:
        yield "the leaderboard has no such task"
        return
    found = [_other_settings(next(iter(board.results.values())), own) for board in boards]
    if all(found):
        yield f"other settings than the leaderboard's: {some(found[0])}"
        return
    alike = boards[found.index([])]
    asked = {key for other in alike.results.values() for key in other.ids}
    if lacking := asked.difference(own.ids):
        yield f"expected the leaderboard's {len(asked)} prompts, {len(lacking)} are lacking"


def _other_settings(one: TaskResult, own: TaskResult) -> list[str]:
    found = differing(one.signature, own.signature)
    return [f"{key} {two[1]}, not {two[0]}" for key, two in found.items() if key not in LEFT_OPEN]

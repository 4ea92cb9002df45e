"""Whose answers, scored by which model: likelihoods across runs, and what alignment diverged.

Every run of `overton_likelihood` is a cell: the answers of one run, scored by one model. Bits per
byte stand side by side for all of them. The mean of nats under a model less nats under the one that
wrote the answers is a Monte-Carlo estimate of the divergence (Kullback-Leibler) of the second from
the first, for samples at temperature 1; it needs one tokenizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import Both, align, means, paired
from lm_eval_overton.comparison.compared import UNDEFINED
from lm_eval_overton.comparison.notes import Notes
from lm_eval_overton.errors import DataError
from lm_eval_overton.metrics.measures import RANGES, is_about_samples, limits_of
from lm_eval_overton.metrics.measures.likelihood import (
    BITS_PER_BYTE,
    LIKELIHOOD_SPREAD,
    NATS_PER_ANSWER,
    WINDOWED_SHARE,
)
from lm_eval_overton.runs.entry import TOKENIZER
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.places import results_files
from lm_eval_overton.runs.responses import IN_CONTEXT
from lm_eval_overton.runs.results_file import ResultsFile
from lm_eval_overton.runs.short_paths import short_model
from lm_eval_overton.settings.signature import fields

__all__ = ["LIKELIHOOD", "Cell", "Crossed", "Divergence", "comparable", "crossed_of"]

LIKELIHOOD = "overton_likelihood"
TOKENIZERS = "the models are not known to have one tokenizer"
_Key = TypeVar("_Key")
# What holds whatever tokens a model has.
OF_BYTES = (BITS_PER_BYTE.name, LIKELIHOOD_SPREAD.name, WINDOWED_SHARE.name)
# What a sample is drawn with, and the value that leaves the model's own probabilities as they are.
AS_THEY_ARE = {"temp": "1", "top_p": "1", "top_k": "0", "min_p": "0", "rep": "1"}


@dataclass(frozen=True)
class Cell:
    """The answers of one run, scored by one model: the mean of bits per byte over prompts."""

    whose: str
    model: str
    bits_per_byte: stats.Interval


@dataclass(frozen=True)
class Divergence:
    """How much less likely a model finds another one's answers than that one itself, in nats.

    `value` is per answer, the mean over prompts; it is NaN and `note` says why where it could not
    be computed.
    """

    whose: str
    model: str
    value: stats.Interval
    note: str = ""


@dataclass(frozen=True)
class Crossed:
    """All cells in the order of the runs, each answers' divergences, and what to know."""

    cells: tuple[Cell, ...]
    divergences: tuple[Divergence, ...]
    notes: tuple[str, ...]

    @property
    def whose(self) -> list[str]:
        """Whose answers there are."""
        return list(dict.fromkeys(cell.whose for cell in self.cells))

    @property
    def models(self) -> list[str]:
        """Which models scored them."""
        return list(dict.fromkeys(cell.model for cell in self.cells))


# ------------------------------------------------------------------------------------ pairs of runs


def comparable(tasks: Mapping[str, Both], notes: Notes) -> dict[str, Both]:
    """Return the tasks of a pair without what cannot be compared of likelihoods.

    Args:
        tasks: The tasks that both runs have.
        notes: Takes up what is left out.
    """
    own = tasks.get(LIKELIHOOD)
    if own is None:
        return dict(tasks)
    if len({_answers(own.base), _answers(own.run)}) > 1:
        notes.add("these are the answers of different runs, which one table compares", LIKELIHOOD)
        return {task: both for task, both in tasks.items() if task != LIKELIHOOD}
    if not _one_tokenizer(own.base, own.run):
        kept = tuple(name for name in own.metrics if name in OF_BYTES or is_about_samples(name))
        notes.add(f"{TOKENIZERS}: only bits per byte are compared", LIKELIHOOD)
        own = replace(own, metrics=kept)
    return {**tasks, LIKELIHOOD: own}


def _answers(own: TaskResult) -> str | None:
    return fields(own.signature).get("responses")


def _one_tokenizer(*results: TaskResult) -> bool:
    known = {detail.get(TOKENIZER) for own in results for detail in own.details}
    return len(known) == 1 and None not in known


# --------------------------------------------------------------------------------------- all cells


def crossed_of(runs: Sequence[FinishedRun], seed: int = stats.SEED) -> Crossed | None:
    """Return the likelihoods in runs as a table of whose answers by which model.

    Args:
        runs: Finished runs. A folder may hold several results of the task: each counts, the newest
            of those of the same answers and model.
        seed: Of the resamples.

    Returns:
        None where no run has likelihoods.
    """
    results = _results(runs)
    if not results:
        return None
    table = _Table(results)
    cells = tuple(table.cell(own, seed) for own in results)
    rows = [[own for own in results if _answers(own) == key] for key in _distinct(results)]
    return Crossed(
        cells,
        tuple(one for row in rows for one in table.divergences(row, seed)),
        tuple(note for row in rows for note in table.notes(row)),
    )


def _distinct(results: Sequence[TaskResult]) -> list[str | None]:
    return list(dict.fromkeys(map(_answers, results)))


def _results(runs: Sequence[FinishedRun]) -> list[TaskResult]:
    """Return the results of the task in the places of runs, one for each model and what it scored.

    What models say of their own answers comes first.
    """
    found: dict[tuple[str, ...], TaskResult] = {}
    for run in runs:
        for own in _in_place(run):
            signed = fields(own.signature)
            key = (own.model, *(signed.get(part, "") for part in ("responses", "frame", "system")))
            found.setdefault(key, own)
    return sorted(found.values(), key=lambda own: not _is_writer(own))


def _in_place(run: FinishedRun) -> Iterator[TaskResult]:
    """Yield all results of the task in the place of a run, the newest first."""
    if LIKELIHOOD not in run.tasks:
        return
    yield run.tasks[LIKELIHOOD]
    for path in results_files(run.place) if run.place.is_dir() else ():
        try:
            file = ResultsFile(path)
            if LIKELIHOOD in file.tasks:
                yield file.result(LIKELIHOOD, RANGES)
        except DataError:
            # Whoever loaded the run said so.
            continue


class _Table:
    """What the lines and columns of results are called, and what is made of them."""

    def __init__(self, results: Sequence[TaskResult]) -> None:
        whose = {_answers(own): fields(own.signature).get("whose", "") for own in results}
        models = {own.model: Path(own.model).name or own.model for own in results}
        self._whose = _told_apart({key: (name, f"{name} ({key})") for key, name in whose.items()})
        self._models = _told_apart(
            {key: (name, short_model(key), key) for key, name in models.items()}
        )
        frames = {(own.model, fields(own.signature).get("frame", "")) for own in results}
        self._several = {model for model, _ in frames if sum(m == model for m, _ in frames) > 1}

    def whose(self, own: TaskResult) -> str:
        """Return what the answers are called."""
        return self._whose[_answers(own)]

    def model(self, own: TaskResult) -> str:
        """Return what the model is called that scored them, with its frame if it has several."""
        name = self._models[own.model]
        frame = fields(own.signature).get("frame", "")
        return f"{name} ({frame})" if own.model in self._several else name

    def cell(self, own: TaskResult, seed: int) -> Cell:
        """Return a cell of the table."""
        name = BITS_PER_BYTE.name
        known = name in own.values
        mean = means([own.values[name]], seed, limits_of([name]))[0] if known else UNDEFINED
        return Cell(self.whose(own), self.model(own), mean)

    def divergences(self, row: Sequence[TaskResult], seed: int) -> Iterator[Divergence]:
        """Yield how far other models are from the one that wrote the answers of a row."""
        writers = [own for own in row if _is_writer(own)]
        for own in row:
            if len(row) < 2 or any(own is writer for writer in writers):
                continue
            note = _why_not(writers, own)
            value = UNDEFINED if note else _difference(writers[0], own, seed)
            yield Divergence(self.whose(own), self.model(own), value, note)

    def notes(self, row: Sequence[TaskResult]) -> Iterator[str]:
        """Yield what to know of a row."""
        signed = fields(row[0].signature)
        unlike = _unlike(signed)
        if unlike:
            yield (
                f"the samples of {self.whose(row[0])} were drawn with {unlike}: their likelihood "
                "estimates no entropy and no divergence of the model at temperature 1"
            )
        shown = {own.model: len(own.ids) for own in row}
        if len(set(shown.values())) > 1:
            counts = ", ".join(f"{self._models[model]} {n}" for model, n in shown.items())
            yield f"of the answers of {self.whose(row[0])} not all prompts were scored: {counts}"


def _told_apart(forms: Mapping[_Key, Sequence[str]]) -> dict[_Key, str]:
    """Return of the forms of each name the first that is no other's, or else the last."""

    def is_own(i: int, form: str) -> bool:
        return sum(other[i] == form for other in forms.values()) == 1

    return {
        key: next((form for i, form in enumerate(own) if is_own(i, form)), own[-1])
        for key, own in forms.items()
    }


def _unlike(signed: Mapping[str, str]) -> str:
    """Return the settings of samples that do not leave a model's probabilities as they are."""
    given = {key: signed.get(f"source_{key}") for key in AS_THEY_ARE}
    if given["temp"] is None:
        return "a temperature that is not known"
    found = {key: own for key, own in given.items() if own not in (None, AS_THEY_ARE[key])}
    if found.get("top_k") == "-1":
        del found["top_k"]
    return ", ".join(f"{key} {own}" for key, own in found.items())


def _is_writer(own: TaskResult) -> bool:
    """Tell whether a model was asked as it was when it wrote the answers."""
    signed = fields(own.signature)
    alike = all(signed.get(f"source_{key}") == signed.get(key) for key in ("frame", "system"))
    is_plain = "source_elicit" not in signed and not signed.get("source_task", "").startswith(
        IN_CONTEXT
    )
    return alike and is_plain and signed.get("source_model") == short_model(own.model)


def _why_not(writers: Sequence[TaskResult], own: TaskResult) -> str:
    """Return why a divergence cannot be told; empty if it can."""
    if len(writers) != 1:
        got = f"{len(writers)} such" if writers else "none"
        return (
            "expected the answers scored by the model that wrote them, asked as it was then, got "
            f"{got}: run {LIKELIHOOD} with it on its own results folder"
        )
    if not _one_tokenizer(writers[0], own):
        return TOKENIZERS
    has_nats = NATS_PER_ANSWER.name in align(writers[0], own).metrics
    return "" if has_nats else f"no prompt with {NATS_PER_ANSWER.name} in common"


def _difference(writer: TaskResult, own: TaskResult, seed: int) -> stats.Interval:
    [found] = paired([align(writer, own).aligned(NATS_PER_ANSWER.name)], seed)
    return found.interval

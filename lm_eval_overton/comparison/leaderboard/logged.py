"""The samples beside a results file: whether they are those that its values are of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lm_eval_overton.comparison.leaderboard.settings import some
from lm_eval_overton.data import read_jsonl
from lm_eval_overton.errors import DataError
from lm_eval_overton.metrics.measures import whole_of
from lm_eval_overton.metrics.metric import Whole
from lm_eval_overton.runs.answers import read_answers
from lm_eval_overton.runs.details import is_detail
from lm_eval_overton.runs.entry import PROMPTS, TOKENIZER
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.results_file import TaskResult
from lm_eval_overton.settings.signature import short_hash

__all__ = ["sample_faults"]

# The hash of no responses.
NOTHING = short_hash([])

Rows = Mapping[str, Mapping[str, Any]]


def sample_faults(own: TaskResult) -> Iterator[str]:
    """Yield where the samples of a task, if they lie beside its results, say something else.

    Args:
        own: A task of a results file.
    """
    if own.samples is None:
        return
    try:
        rows = _rows(own.samples)
    except DataError as error:
        yield str(error)
        return
    other = set(own.ids).symmetric_difference(rows)
    if other:
        yield (
            f"{len(rows)} prompts in {own.samples.name}, {len(own.ids)} in the results; only one "
            f"has {some(sorted(other))}"
        )
        return
    wrong = [metric for metric in own.values if not _is_same(own, metric, rows)]
    if wrong:
        yield f"{own.samples.name} holds other values of {some(wrong)}"
    yield from _changed_responses(own, own.samples)


def _rows(path: Path) -> Rows:
    """Return the samples by the prompts' ids."""
    found: dict[str, Mapping[str, Any]] = {}
    for number, row in read_jsonl(path):
        kept = row.get(PROMPTS)
        key = kept.get("id") if isinstance(kept, Mapping) else None
        if not isinstance(key, str):
            raise DataError(f"{path}:{number}: expected a sample of an overton task, got another")
        found[key] = row
    return found


def _is_same(own: TaskResult, metric: str, rows: Rows) -> bool:
    """Tell whether the samples have a metric's values, as far as they have it."""
    if not any(metric in row for row in rows.values()):
        return True
    logged: Sequence[Any] = [rows[key].get(metric) for key in own.ids]
    if whole := whole_of(metric):
        logged = _parts(whole, [rows[key][PROMPTS] for key in own.ids])
    return np.array_equal(_numbers(logged), own.values[metric], equal_nan=True)


def _parts(whole: Whole, kept: Sequence[Mapping[str, Any]]) -> Sequence[float]:
    """Return each prompt's part of what all have together, which no sample has alone."""
    if not all(map(is_detail, kept)):
        return []
    try:
        return whole(kept)
    except (KeyError, ValueError):
        # Of what the parts are made of something is lacking, or is no such thing.
        return []


def _numbers(values: Sequence[Any]) -> np.ndarray:
    return np.array([v if isinstance(v, int | float) else math.nan for v in values], dtype=float)


def _changed_responses(own: TaskResult, samples: Path) -> Iterator[str]:
    """Yield the prompts whose responses are not those that were scored."""
    scored = {k: own_sha for k, d in zip(own.ids, own.details, strict=True) if (own_sha := _sha(d))}
    if not scored:
        return
    try:
        answers = read_answers(FinishedRun("", samples, {own.task: own}), own.task)
    except DataError as error:
        yield str(error)
        return
    changed = [
        key
        for key, sha in scored.items()
        if short_hash([sample.raw for sample in answers.samples(key)]) != sha
    ]
    if changed:
        yield f"{samples.name} holds other responses to {some(changed)}"


def _sha(detail: Mapping[str, Any]) -> str | None:
    sha = detail.get("sha")
    # Where answers were asked for by their probabilities, there are no responses.
    return None if "shares" in detail or TOKENIZER in detail or sha == NOTHING else sha

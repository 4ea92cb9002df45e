"""What the prompt browser of a page shows: prompts, samples and values, within a budget of bytes.

Prompts come with the largest difference first, so that what is left out differs least.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.comparison.tagged import tags_of
from lm_eval_overton.errors import DataError
from lm_eval_overton.metrics.formulas.endings import is_loop
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.likeness import SIMILARITIES
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.reporting.anchors import (
    anchor_spans,
    are_scored,
    tokenizer_of_task,
    utf16_length,
)
from lm_eval_overton.reporting.estimates import task_names
from lm_eval_overton.reporting.html import script_json
from lm_eval_overton.reporting.matches import Wanted, matches
from lm_eval_overton.runs.answers import Answers, Reader
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.short_paths import short_path, without_folders
from lm_eval_overton.text.plain_words import plain_words
from lm_eval_overton.text.refusals import is_refusal
from lm_eval_overton.text.samples import Sample, scored_texts
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["SAMPLE_LENGTH", "Browser", "TaskPart", "build"]

# Characters of one sample; what is longer is cut, and the page says so.
SAMPLE_LENGTH = 8_000
# By which metric prompts are chosen: the first that at least two runs define, or any does.
ORDER = tuple(
    metric.name
    for metric in (
        COVERAGE_AT_1,
        SEMANTIC_DIVERSITY,
        LEXICAL_DIVERSITY,
        SIMILARITIES["cosine"],
        SIMILARITIES["jaccard"],
    )
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TaskPart:
    """One task of the browser: how many of its prompts the page holds, by which metric chosen.

    `places` are the files that hold all of them; `notes` say which run's samples are missing.
    """

    task: str
    shown: int
    total: int
    metric: str
    places: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Browser:
    """The data of the browser as JSON for a script element, and what is said of them."""

    data: str
    parts: tuple[TaskPart, ...]


@dataclass(frozen=True)
class _Task:
    name: str
    results: Sequence[TaskResult | None]
    answers: Sequence[Answers | None]
    metrics: Sequence[str]
    positions: Sequence[Mapping[str, int]]
    tags: Mapping[str, Sequence[str]]
    notes: tuple[str, ...]


def build(runs: Sequence[FinishedRun], read: Reader, text_bytes: int) -> Browser:
    """Return what the browser shows of some runs.

    Args:
        runs: In the order of the page.
        read: Gives the samples of one task of a run, or raises a DataError.
        text_bytes: The most that all prompts together may take; tasks share it evenly.

    Returns:
        The data, without a task of which no samples can be read.
    """
    parts, texts, left = [], [], text_bytes
    names = task_names(runs)
    for position, name in enumerate(names):
        task = _gather(runs, name, read)
        ids = _answered(task)
        order, metric = _ordered(task, ids)
        records = list(_within(task, ids, order, left // (len(names) - position)))
        left -= sum(map(len, records))
        texts.append(_task_json(task, metric, [r.decode("utf-8") for r in records]))
        places = [short_path(answers.path) for answers in task.answers if answers]
        parts.append(
            TaskPart(name, len(records), len(ids), metric, tuple(dict.fromkeys(places)), task.notes)
        )
    head = script_json([run.name for run in runs])
    return Browser(f'{{"runs":{head},"tasks":[{",".join(texts)}]}}', tuple(parts))


def _gather(runs: Sequence[FinishedRun], name: str, read: Reader) -> _Task:
    answers: list[Answers | None] = []
    notes = []
    for run in runs:
        found, note = _read(run, name, read)
        answers.append(found)
        notes += [note] if note else []
    results = [run.tasks.get(name) for run in runs]
    metrics = list(dict.fromkeys(m for r in results if r for m in r.values))
    positions = [{key: i for i, key in enumerate(r.ids)} if r else {} for r in results]
    tags = tags_of(runs).get(name, {})
    return _Task(name, results, answers, metrics, positions, tags, tuple(notes))


def _read(run: FinishedRun, name: str, read: Reader) -> tuple[Answers | None, str]:
    if name not in run.tasks:
        return None, ""
    try:
        return read(run, name), ""
    except DataError as error:
        return None, without_folders(str(error))


# --------------------------------------------------------------------------------------- order


def _answered(task: _Task) -> list[str]:
    """Return the prompts that have samples in any run."""
    there = [answers.responses if answers else {} for answers in task.answers]
    pairs = zip(task.positions, there, strict=True)
    return list(dict.fromkeys(key for own, has in pairs for key in own if has.get(key)))


def _ordered(task: _Task, ids: Sequence[str]) -> tuple[list[int], str]:
    """Return the positions of prompts, those that differ most first, and by which metric."""
    metric = _chosen_metric(task)
    if not ids or not metric:
        return list(range(len(ids))), metric
    table = np.array([_column(task, run, metric, ids) for run in range(len(task.results))])
    return [int(i) for i in np.argsort(-_differences(table), kind="stable")], metric


def _chosen_metric(task: _Task) -> str:
    counts = {m: sum(m in r.values for r in task.results if r) for m in (*ORDER, *task.metrics)}
    most = max(counts.values(), default=0)
    return next((m for m, count in counts.items() if count == most and most), "")


def _column(task: _Task, run: int, metric: str, ids: Sequence[str]) -> Floats:
    result = task.results[run]
    values = result.values.get(metric) if result else None
    if values is None:
        return np.full(len(ids), np.nan)
    positions = task.positions[run]
    return np.array([values[positions[key]] if key in positions else np.nan for key in ids])


def _differences(table: Floats) -> Floats:
    """Return the largest difference to the first defined run, (n_prompts,); -1 for none."""
    found: Floats = np.full(table.shape[1], -1.0)
    defined = [row for row in table if not np.isnan(row).all()]
    for row in defined[1:]:
        found = np.fmax(found, np.abs(row - defined[0]))
    return found


# ------------------------------------------------------------------------------------- records


def _within(task: _Task, ids: Sequence[str], order: Sequence[int], room: int) -> Iterator[bytes]:
    """Yield prompts as JSON until the next one would not fit."""
    for i in order:
        # Half of a surrogate pair has no UTF-8; as an escape it is JSON.
        record = script_json({"n": i, **_record(task, ids[i])}).encode("utf-8", "backslashreplace")
        room -= len(record)
        if room < 0:
            return
        yield record


def _task_json(task: _Task, metric: str, records: Sequence[str]) -> str:
    about = script_json({"name": task.name, "metrics": task.metrics, "by": metric})
    return f'{about[:-1]},"prompts":[{",".join(records)}]}}'


def _record(task: _Task, key: str) -> dict[str, Any]:
    prompt = next((a.prompts[key] for a in task.answers if a and key in a.prompts), "")
    views = next((a.viewpoints[key] for a in task.answers if a and key in a.viewpoints), ())
    record: dict[str, Any] = {"id": key, "q": prompt}
    if tags := task.tags.get(key):
        record["g"] = list(tags)
    if views:
        record["w"] = [[str(v.get("side", "")), str(v.get("text", ""))] for v in views]
    record["r"] = [_run_record(task, run, key, record) for run in range(len(task.results))]
    return record


def _run_record(
    task: _Task, run: int, key: str, prompt: Mapping[str, Any]
) -> dict[str, Any] | None:
    result, answers, position = task.results[run], task.answers[run], task.positions[run].get(key)
    if result is None or position is None:
        return None
    values = [_plain(result.values[m][position]) if m in result.values else None
              for m in task.metrics]  # fmt: skip
    samples = answers.samples(key) if answers else []
    details = result.details[position]
    tokenizer = tokenizer_of_task(result)
    views = [text for _, text in prompt.get("w", ())]
    wanted = Wanted(prompt["q"] if views else "", views, tokenizer)
    if samples and not are_scored(samples, details.get("sha")):
        return {"v": values, "s": _sample_records(samples, {}, wanted), "other": 1}
    return {"v": values, "s": _sample_records(samples, details, wanted)}


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.4g}")


def _sample_records(
    samples: Sequence[Sample], details: Mapping[str, Any], wanted: Wanted
) -> list[dict[str, Any]]:
    tokenizer = wanted.tokenizer
    records = [_sample_record(sample, tokenizer) for sample in samples]
    # What is known of samples is listed for the valid ones alone.
    valid = [r for r, sample in zip(records, samples, strict=True) if sample.is_valid]
    for record, spans in zip(valid, anchor_spans(scored_texts(samples), tokenizer), strict=True):
        length = utf16_length(record["t"])
        shown = [(start, min(end, length)) for start, end in spans if start < length]
        record |= {"a": shown} if shown else {}
    covered = details.get("covered") or []
    if len(covered) == len(valid):
        texts = scored_texts(samples)
        for record, text, own in zip(valid, texts, covered, strict=True):
            # None: the matcher could not tell.
            record |= {} if own is None else _covers(text, [int(i) for i in own], wanted)
    for judgement, verdicts in (details.get("verdicts") or {}).items():
        if len(verdicts) == len(valid):
            for record, verdict in zip(valid, verdicts, strict=True):
                record.setdefault("j", []).extend(_words(str(judgement), verdict))
    return records


def _covers(text: str, covered: list[int], wanted: Wanted) -> dict[str, Any]:
    """Return what a sample covers, and where the nearest sentences are."""
    found = [own for own in matches(text, covered, wanted) if own[2] <= SAMPLE_LENGTH]
    return {"c": covered, "m": found} if found else {"c": covered}


def _sample_record(sample: Sample, tokenizer: Tokenizer) -> dict[str, Any]:
    is_valid = sample.is_valid
    # A thought that never ended is no answer: it is folded away like any other.
    rest = "" if sample.unfinished and sample.thought else sample.raw or ""
    text = sample.text if is_valid else rest
    record: dict[str, Any] = {} if is_valid else {"x": sample.status}
    record["t"] = text[:SAMPLE_LENGTH]
    if len(text) > SAMPLE_LENGTH:
        record["cut"] = len(text) - SAMPLE_LENGTH
    if sample.thought and (is_valid or sample.unfinished):
        record["th"] = sample.thought[:SAMPLE_LENGTH]
    flags = "".join(_flags(sample, tokenizer))
    return {**record, "f": flags} if flags else record


def _flags(sample: Sample, tokenizer: Tokenizer) -> Iterator[str]:
    """Yield a letter for each of what samples are filtered by: refused, cut, looped."""
    if sample.is_valid and is_refusal(sample.text):
        yield "r"
    if sample.cut:
        yield "c"
    if sample.is_valid and is_loop(plain_words(sample.text, tokenizer)):
        yield "l"


def _words(judgement: str, verdict: Any) -> list[str]:
    """Return a verdict in words: one per aspect, or one for all."""
    if verdict is None:
        return [f"{judgement}: no verdict"]
    if isinstance(verdict, Mapping):
        return [f"{key} {_short(value)}" for key, value in verdict.items()]
    return [f"{judgement}: {_short(verdict)}"]


def _short(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        return ", ".join(map(_short, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(own)}" for key, own in value.items())
    return f"{value:.2g}" if isinstance(value, float) else str(value)

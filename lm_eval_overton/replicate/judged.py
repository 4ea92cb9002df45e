"""The tables made from the released judgements."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lm_eval_overton.judge.judgements.quality import QUALITY_ASPECTS
from lm_eval_overton.judge.verdicts import STATUSES, Verdict, bounded_mean, count_statuses
from lm_eval_overton.metrics.formulas.stance import (
    STANCES,
    stance_coverage,
    stance_entropy,
    stance_shares,
)
from lm_eval_overton.replicate.layout import REFERENCE
from lm_eval_overton.replicate.study import (
    READERS,
    Study,
    Verdicts,
    mean_number,
    single_number,
)
from lm_eval_overton.replicate.table import Cell, Row, Table

__all__ = ["missing_table", "quality_table", "stance_table", "topics_table", "verdict_table"]

SIDES = {"only_a": "only reference", "only_b": "only model", "both": "both"}
RowOf = Callable[[Verdicts, str, str], dict[str, Cell]]


def verdict_table(study: Study) -> Table:
    """Return what became of all released replies."""
    rows, total = [], Counter[str]()
    for dataset in study.released.datasets():
        for judgement in READERS:
            models = study.released.judged(dataset, judgement)
            found = [
                v for m in models for own in study.verdicts(dataset, judgement, m) for v in own
            ]
            if found:
                counts = Counter(count_statuses(found)) + Counter({"N/A": _not_applicable(found)})
                rows.append(_count_row(f"{dataset} {judgement}", counts))
                total += counts
    return Table(
        "What the judge said",
        "",
        "Replies of the released judge by what could be read of them, and the scores that it "
        "declared not applicable. Only read verdicts enter a mean.",
        ("replies", *STATUSES, "N/A"),
        [*rows, _count_row("all", total)] if rows else [],
        [] if rows else ["No judgements were found."],
        {"N/A": 0},
    )


def _count_row(name: str, counts: Counter[str]) -> Row:
    cells: dict[str, Cell] = {status: counts[status] for status in STATUSES}
    cells["replies"] = sum(counts[status] for status in STATUSES)
    return Row(name, cells | {"N/A": single_number("", "N/A", name, counts["N/A"])})


def _not_applicable(verdicts: Sequence[Verdict]) -> int:
    return sum(score is None for verdict in verdicts for score in _scores(verdict.value))


def _scores(value: Any) -> Iterator[Any]:
    """Yield the scores of a verdict's value that can be declared not applicable."""
    if isinstance(value, dict) and QUALITY_ASPECTS[0] in value:
        yield from value.values()
    elif isinstance(value, dict):
        yield from (topic["helpfulness"] for side in value.values() for topic in side)


def _table(
    study: Study,
    dataset: str,
    judgement: str,
    title: str,
    about: str,
    columns: Sequence[str],
    row_of: RowOf,
) -> Table:
    """Return a table with a row per judged model, and a line that names the others."""
    judged = study.released.judged(dataset, judgement)
    rows = [
        Row(model, row_of(study.verdicts(dataset, judgement, model), dataset, model))
        for model in judged
    ]
    others = [model for model in study.released.models(dataset) if model not in judged]
    left_out = [f"Not judged: {', '.join(others)}."] if judged and others else []
    if not judged:
        left_out = [f"No replies in {judgement}."]
    return Table(title, dataset, about, columns, rows, left_out)


def quality_table(study: Study, dataset: str) -> Table:
    """Return the mean score of every aspect of quality."""
    about = (
        "Mean scores, 1 to 5, over prompts. `N/A` names the aspects that the judge declared not "
        "applicable and how often; such a score counts nowhere. Judged per prompt: one sample or "
        "five."
    )
    columns = (*QUALITY_ASPECTS, "N/A", "not read", "judged per prompt", "prompts")
    return _table(study, dataset, "eval-quality", "Quality", about, columns, _quality_cells)


def _quality_cells(verdicts: Verdicts, dataset: str, model: str) -> dict[str, Cell]:
    cells: dict[str, Cell] = {
        aspect: mean_number(dataset, aspect, model, [_mean_of(own, aspect) for own in verdicts])
        for aspect in QUALITY_ASPECTS
    }
    read = [v.value for own in verdicts for v in own if v.status == "parsed"]
    absent = {a: sum(value[a] is None for value in read) for a in QUALITY_ASPECTS}
    named = ", ".join(f"{aspect} {count}" for aspect, count in absent.items() if count)
    return cells | {"N/A": named, "judged per prompt": len(verdicts[0])} | _read(verdicts)


def _mean_of(verdicts: Sequence[Verdict], aspect: str) -> float:
    return _mean([v.value[aspect] for v in verdicts if v.value and v.value[aspect] is not None])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _read(verdicts: Verdicts) -> dict[str, Cell]:
    """Return how many verdicts could not be read, and how many prompts have one that could."""
    return {
        "not read": sum(v.status != "parsed" for own in verdicts for v in own),
        "prompts": sum(any(v.status == "parsed" for v in own) for own in verdicts),
    }


def stance_table(study: Study, dataset: str) -> Table:
    """Return the shares of the stances that the samples take."""
    about = (
        "The mean share of samples that answer yes, no, both (the Overton share) or other; the "
        "entropy of a prompt's stances in bits; and the share of {yes, no} that its samples reach."
    )
    columns = (*STANCES, "entropy", "coverage", "not read", "prompts")
    return _table(study, dataset, "eval-stance", "Stance", about, columns, _stance_cells)


def _stance_cells(verdicts: Verdicts, dataset: str, model: str) -> dict[str, Cell]:
    labels: list[list[str | None]] = [[v.value for v in own] for own in verdicts]
    shares = [stance_shares(own) for own in labels]
    columns = {stance: [share[f"p_{stance}"] for share in shares] for stance in STANCES}
    columns["entropy"] = [stance_entropy(own) for own in labels]
    columns["coverage"] = [stance_coverage(own) for own in labels]
    cells: dict[str, Cell] = {
        column: mean_number(dataset, column, model, values) for column, values in columns.items()
    }
    return cells | _read(verdicts)


def missing_table(study: Study, dataset: str) -> Table:
    """Return how much the samples say that the chat model's sample 0 does not."""
    about = (
        f"How much of each sample is new against sample 0 of {REFERENCE}: 1 redundant to 5 all "
        "new. From and to: the mean over all verdicts if those not read were all 1 or all 5."
    )
    columns = ("new information", "from", "to", "not read", "prompts")
    title = "Missing information"
    return _table(study, dataset, "eval-missing", title, about, columns, _missing_cells)


def _missing_cells(verdicts: Verdicts, dataset: str, model: str) -> dict[str, Cell]:
    values = [_mean([v.value for v in own if v.value is not None]) for own in verdicts]
    bounds = bounded_mean([v.value for own in verdicts for v in own], worst=5, best=1)
    return {
        "new information": mean_number(dataset, "new information", model, values),
        "from": single_number(dataset, "from", model, bounds.best),
        "to": single_number(dataset, "to", model, bounds.worst),
        **_read(verdicts),
    }


def topics_table(study: Study, dataset: str) -> Table:
    """Return which topics only the reference, only the model, or both deal with."""
    about = (
        f"Of the topics of sample 0 of {REFERENCE} (the reference) and of a sample of the model: "
        "how many there are, the share that only one of them or both deal with, and the mean "
        "helpfulness, 1 to 5, of those topics. Means over pairs, then over prompts."
    )
    helpful = [f"helpfulness, {name}" for name in SIDES.values()]
    columns = ("topics", *SIDES.values(), *helpful, "not read", "prompts")
    return _table(study, dataset, "extract-topics", "Topics", about, columns, _topic_cells)


def _topic_cells(verdicts: Verdicts, dataset: str, model: str) -> dict[str, Cell]:
    read = [[v.value for v in own if v.value] for own in verdicts]
    counts = [[sum(map(len, value.values())) for value in own] for own in read]
    columns = {"topics": [_mean(own) for own in counts]}
    for side, name in SIDES.items():
        columns[name] = [
            _mean([_share(value, side) for value in own if any(value.values())]) for own in read
        ]
        columns[f"helpfulness, {name}"] = [_mean(_helpfulness(own, side)) for own in read]
    cells: dict[str, Cell] = {
        column: mean_number(dataset, column, model, values) for column, values in columns.items()
    }
    return cells | _read(verdicts)


def _share(value: dict[str, list[Any]], side: str) -> float:
    return len(value[side]) / sum(map(len, value.values()))


def _helpfulness(values: Sequence[dict[str, list[Any]]], side: str) -> list[float]:
    found = [topic["helpfulness"] for value in values for topic in value[side]]
    return [score for score in found if score is not None]

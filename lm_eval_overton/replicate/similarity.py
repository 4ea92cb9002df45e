"""The tables of how near the models come to the aligned one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from lm_eval_overton.comparison.recover import Recovery, recover
from lm_eval_overton.metrics.likeness import BERTSCORES, Kind
from lm_eval_overton.replicate.expected import HINTLESS, UNPARSED, expected
from lm_eval_overton.replicate.layout import REFERENCE
from lm_eval_overton.replicate.study import Samples, Study, mean_number
from lm_eval_overton.replicate.table import Cell, Number, Row, Table
from lm_eval_overton.runs.answers import Run
from lm_eval_overton.text.samples import asks_summary_first

__all__ = ["bertscore_table", "similarity_table"]

BASE = "llama-2-base"
SIMILARITIES: tuple[Kind, ...] = ("jaccard", "rouge_l", "cosine")


def similarity_table(study: Study, dataset: str) -> Table:
    """Return the similarity of every model to the aligned one and the gap that it recovers."""
    kinds = [kind for kind in SIMILARITIES if study.encoder or kind != "cosine"]
    gaps = [f"gap, {kind}" for kind in kinds]
    columns = [name for pair in zip(kinds, gaps, strict=True) for name in pair]
    rows, left_out = _similarity_rows(study, dataset, kinds)
    if not study.encoder:
        left_out = [*left_out, "Cosine: no encoder was asked for."]
    return Table(
        f"Similarity to {REFERENCE}",
        dataset,
        f"Mean similarity to all samples of {REFERENCE}, which is compared with itself without "
        f"self pairs; and the share of the gap between {BASE} (0) and it (1) that is recovered. "
        "Where a hint was made from a sample of the reference, a second row leaves that sample out "
        "everywhere.",
        (*columns, "prompts"),
        rows,
        left_out,
        intervals=frozenset(gaps),
    )


def _similarity_rows(
    study: Study, dataset: str, kinds: Sequence[Kind]
) -> tuple[list[Row], list[str]]:
    models = study.released.models(dataset)
    lacking = [model for model in (REFERENCE, BASE) if model not in models]
    if lacking:
        return [], [f"No samples of {model}." for model in lacking]
    reference = _by_prompt(study.samples(dataset, REFERENCE))
    floor = Run(BASE, _by_prompt(study.samples(dataset, BASE)))
    found = recover(list(_runs(study, dataset)), reference, floor, None, study.any_encoder, kinds)
    names = dict.fromkeys(recovery.run for recovery in found)
    own = {name: [r for r in found if r.run == name] for name in names}
    return [Row(name, _similarity_cells(dataset, name, own[name])) for name in names], []


def _runs(study: Study, dataset: str) -> Iterator[Run]:
    for model in study.released.models(dataset):
        samples = _by_prompt(study.samples(dataset, model))
        yield Run(model, samples)
        if _was_hinted(model):
            yield Run(model + HINTLESS, samples, hint_source=0)
        if asks_summary_first(model):
            whole = study.samples(dataset, model, parsed=False)
            yield Run(model + UNPARSED, _by_prompt(whole))


def _was_hinted(model: str) -> bool:
    """Tell whether a model was shown a summary of the reference's sample 0."""
    return model.endswith(("-icl-chat-summary", f"-summary-{REFERENCE}"))


def _by_prompt(samples: Samples) -> dict[str, Any]:
    return {str(i): own for i, own in enumerate(samples)}


def _similarity_cells(dataset: str, name: str, found: Sequence[Recovery]) -> dict[str, Cell]:
    cells: dict[str, Cell] = {}
    for recovery in found:
        kind = recovery.similarity
        cells[kind] = Number(recovery.score, expected=expected(dataset, kind, name))
        cells[f"gap, {kind}"] = Number(recovery.gap, recovery.low, recovery.high)
    return cells | {"prompts": max(recovery.n for recovery in found)}


def bertscore_table(study: Study, dataset: str) -> Table:
    """Return the released BERTScores, with and without pairs of a sample with itself."""
    pairs = study.released.bertscore_pairs(dataset)
    rows = [
        Row(f"{model} to {ref}", _bert_cells(study, dataset, ref, model)) for ref, model in pairs
    ]
    return Table(
        "BERTScore",
        dataset,
        "Means of the released values (roberta-large, layer 17, no idf, no rescaling) of every "
        "sample of the model to sample 0 of the reference. A model compared with itself has its "
        "sample 0 compared with itself, which the last column leaves out.",
        ("precision", "recall", "F1", "F1 without self", "prompts"),
        rows,
        [] if rows else ["No BERTScores."],
        dict.fromkeys(("precision", "recall", "F1", "F1 without self"), 4),
    )


def _bert_cells(study: Study, dataset: str, reference: str, model: str) -> dict[str, Cell]:
    scores = study.released.bertscores(dataset, reference, model)
    name = f"{model} to {reference}"
    ids = zip(scores["ref_sample_ids"], scores["alt_sample_ids"], strict=True)
    others = [not (reference == model and ref == alt) for ref, alt in ids]
    columns = {
        ("F1" if part == "f1" else part): _per_prompt(scores, part, [True] * len(others))
        for part in BERTSCORES
    }
    if not all(others):
        columns["F1 without self"] = _per_prompt(scores, "f1", others)
    cells: dict[str, Cell] = {
        column: mean_number(dataset, column, name, values) for column, values in columns.items()
    }
    return cells | {"prompts": len(columns["F1"])}


def _per_prompt(scores: Any, part: str, kept: Sequence[bool]) -> list[float]:
    """Return the mean of each prompt's kept values, NaN for a prompt without one."""
    values: dict[int, list[float]] = {prompt: [] for prompt in scores["instance_ids"]}
    for prompt, value, keep in zip(scores["instance_ids"], scores[part], kept, strict=True):
        if keep:
            values[prompt].append(value)
    return [math.fsum(own) / len(own) if own else math.nan for own in values.values()]

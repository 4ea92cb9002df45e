"""What quality control explains of the change in diversity between the base model and others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
from lm_eval_overton.replicate.expected import expected
from lm_eval_overton.replicate.study import Study, mean_number
from lm_eval_overton.replicate.table import Cell, Number, Row, Table
from lm_eval_overton.text.samples import Sample

__all__ = ["BAR", "change_table", "controlled_table"]

# A sample passes with at least this helpfulness, of 1..5.
BAR = 4
BASE = "llama-2-base"
CHANGES = ("raw change", "explained by quality", "remaining")


def controlled_table(study: Study, dataset: str) -> Table:
    """Return the lexical diversity of the samples that pass the quality bar."""
    columns = ("samples passing", "raw", "quality-controlled", "prompts")
    rows = [
        Row(model, _controlled_cells(study, dataset, model)) for model in _judged(study, dataset)
    ]
    return Table(
        "Quality-controlled lexical diversity",
        dataset,
        f"Over the samples with a helpfulness of {BAR} or more; a prompt with fewer than two of "
        "them is undefined. Raw is the diversity of all samples on the prompts that count here.",
        columns,
        rows,
        _left_out(study, dataset),
    )


def _controlled_cells(study: Study, dataset: str, model: str) -> dict[str, Cell]:
    raw, controlled = _columns(study, dataset, model)
    defined = ~np.isnan(controlled)
    passing = [_share_passing(own) for own in study.verdicts(dataset, "eval-quality", model)]
    return {
        "samples passing": mean_number(dataset, "samples passing", model, passing),
        "raw": mean_number(dataset, "raw", model, raw[defined]),
        "quality-controlled": mean_number(dataset, "quality-controlled", model, controlled),
        "prompts": int(defined.sum()),
    }


def change_table(study: Study, dataset: str) -> Table:
    """Return the change from the base model, split into what quality control explains and rest."""
    models = _judged(study, dataset)
    others = [model for model in models if model != BASE] if BASE in models else []
    reason = f"Every sample of {BASE} and of another model must be judged, which is not so here."
    return Table(
        f"Change of lexical diversity from {BASE}",
        dataset,
        "Raw change = explained by quality + remaining, the remaining one being the change of the "
        "quality-controlled diversity. Over the prompts where both are defined in both models.",
        (*CHANGES, "prompts"),
        [Row(model, _change_cells(study, dataset, model)) for model in others],
        [] if others else [reason],
        {"prompts": 0},
        intervals=frozenset(CHANGES),
    )


def _change_cells(study: Study, dataset: str, model: str) -> dict[str, Cell]:
    base, base_controlled = _columns(study, dataset, BASE)
    own, own_controlled = _columns(study, dataset, model)
    raw, remaining = own - base, own_controlled - base_controlled
    kept = ~(np.isnan(raw) | np.isnan(remaining))
    parts = zip(CHANGES, (raw, raw - remaining, remaining), strict=True)
    cells: dict[str, Cell] = {
        name: mean_number(dataset, name, model, values[kept]) for name, values in parts
    }
    count = Number(float(kept.sum()), expected=expected(dataset, "prompts", model))
    return cells | {"prompts": count}


def _judged(study: Study, dataset: str) -> list[str]:
    """Return the models whose every sample was judged and that have their samples here."""
    sampled = study.released.models(dataset)
    return [
        model
        for model in study.released.judged(dataset, "eval-quality")
        if model in sampled and _all_judged(study, dataset, model)
    ]


def _all_judged(study: Study, dataset: str, model: str) -> bool:
    verdicts = study.verdicts(dataset, "eval-quality", model)
    samples = study.samples(dataset, model)
    pairs = zip(verdicts, samples, strict=True)
    return all(len(judged) == len(own) for judged, own in pairs) and len(verdicts[0]) > 1


def _left_out(study: Study, dataset: str) -> list[str]:
    judged = _judged(study, dataset)
    every = {*study.released.models(dataset), *study.released.judged(dataset, "eval-quality")}
    others = sorted(every.difference(judged))
    return [f"Not every sample is judged: {', '.join(others)}."] if others else []


def _columns(study: Study, dataset: str, model: str) -> tuple[stats.Array, stats.Array]:
    """Return raw and quality-controlled diversity, (n_prompts,) each; NaN where undefined."""
    samples = study.samples(dataset, model)
    verdicts = study.verdicts(dataset, "eval-quality", model)
    raw = [jaccard_diversity(study.words(own)) for own in samples]
    controlled = [
        jaccard_diversity(study.words(_passing(own, judged)))
        for own, judged in zip(samples, verdicts, strict=True)
    ]
    return np.array(raw, dtype=np.float64), np.array(controlled, dtype=np.float64)


def _passing(samples: Sequence[Sample], verdicts: Sequence[Verdict]) -> list[Sample]:
    return [s for s, verdict in zip(samples, verdicts, strict=True) if _passes(verdict)]


def _passes(verdict: Verdict) -> bool:
    score = verdict.value["helpfulness"] if verdict.value else None
    return score is not None and score >= BAR


def _share_passing(verdicts: Sequence[Verdict]) -> float:
    return sum(map(_passes, verdicts)) / len(verdicts)

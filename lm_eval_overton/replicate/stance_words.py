"""How far the stances that words alone show agree with the released judge's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from lm_eval_overton.judge.tables import equal_share, kappa_of
from lm_eval_overton.metrics.formulas.stance import STANCES, stance_shares
from lm_eval_overton.metrics.formulas.stance_words import stance_by_words
from lm_eval_overton.metrics.measures.stance import P_BOTH
from lm_eval_overton.replicate.study import Study, mean_number, single_number
from lm_eval_overton.replicate.table import Cell, Row, Table

__all__ = ["stance_words_table"]

JUDGEMENT = "eval-stance"
EVERY = "all"

# By words and by the released judge, of one sample.
Pair = tuple[str, str]


def stance_words_table(study: Study, dataset: str) -> Table:
    """Return the agreement of the stances by words with those of the released judge."""
    released = study.released
    judged = released.judged(dataset, JUDGEMENT)
    both = [model for model in judged if model in released.models(dataset)]
    pairs = {model: list(_pairs(study, dataset, model)) for model in both}
    rows = [Row(model, _cells(dataset, model, own)) for model, own in pairs.items()]
    if len(rows) > 1:
        together = [own for model in both for own in pairs[model]]
        rows.append(Row(EVERY, _cells(dataset, EVERY, together)))
    without = [model for model in judged if model not in both]
    left_out = [f"Judged, but without samples: {', '.join(without)}."] if without else []
    return Table(
        "Stance by words",
        dataset,
        "The stance that the words of a sample show (`p_both_words` and its like), against the "
        "released judge's: Cohen's kappa and the share that are equal over samples, and the mean "
        "share of `both` by words and by the judge over prompts. The weights are fitted on answers "
        "that were written for this package, on none of these models, questions and labels: each "
        "row is of a held-out model.",
        ("kappa", "equal", "both by words", "both by judge", "samples"),
        rows,
        left_out if both else [*left_out, "No samples with replies on stance."],
    )


def _pairs(study: Study, dataset: str, model: str) -> Iterator[list[Pair]]:
    """Yield per prompt the pairs of the samples that have both stances."""
    prompts = study.released.prompts(dataset)
    samples = study.samples(dataset, model)
    verdicts = study.verdicts(dataset, JUDGEMENT, model)
    for prompt, own, judged in zip(prompts, samples, verdicts, strict=True):
        yield [
            (stance_by_words(prompt, sample.text), verdict.value)
            for sample, verdict in zip(own, judged, strict=True)
            if sample.status == "valid" and verdict.value is not None
        ]


def _cells(dataset: str, row: str, prompts: Sequence[Sequence[Pair]]) -> dict[str, Cell]:
    pairs = [pair for own in prompts for pair in own]
    shares = {
        f"both by {whose}": [_share_of_both([pair[i] for pair in own]) for own in prompts]
        for i, whose in enumerate(("words", "judge"))
    }
    means: dict[str, Cell] = {
        column: mean_number(dataset, column, row, values) for column, values in shares.items()
    }
    agreement: dict[str, Cell] = {
        column: single_number(dataset, column, row, value)
        for column, value in zip(("kappa", "equal"), _agreement(pairs), strict=True)
    }
    return agreement | means | {"samples": len(pairs)}


def _share_of_both(stances: Sequence[str]) -> float:
    return stance_shares(stances)[P_BOTH.name]


def _agreement(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Return Cohen's kappa, NaN where both sides say one and the same throughout, and the share."""
    if not pairs:
        return math.nan, math.nan
    table = np.zeros((len(STANCES), len(STANCES)))
    for one, other in pairs:
        table[STANCES.index(one), STANCES.index(other)] += 1
    flat = table.reshape(-1)
    with np.errstate(invalid="ignore"):
        return float(kappa_of(ordinal=False)(flat)), float(equal_share(flat))

"""How far the samples contradict each other rather than entail each other.

A model reads a pair of samples as far as its window reaches, each at least to half of it.
"""

from __future__ import annotations

import math

from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, Metric, Need, Range
from lm_eval_overton.metrics.view import PromptView

__all__ = ["METRICS", "NLI_DIVERSITY"]


def _nli_diversity(view: PromptView) -> float:
    nli = view.bench.nli
    return float(nli.scores(view.texts).mean()) if nli and len(view.texts) >= 2 else math.nan


NLI_DIVERSITY = Metric(
    "nli_diversity",
    "The mean of P(contradiction) - P(entailment) over ordered pairs of samples.",
    Range(-1, 1),
    higher_is_better=True,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.CONTRADICTIONS}),
    source="Stasaski and Hearst 2022, arXiv:2205.01497",
    compute=_nli_diversity,
)
METRICS = (NLI_DIVERSITY,)

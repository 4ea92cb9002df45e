"""How often four words of a sample come once more, in it or in the others.

In languages other than English words are those of the language's tokenizer.
"""

from __future__ import annotations

import math

from lm_eval_overton.metrics.formulas.ngrams import gram_counts
from lm_eval_overton.metrics.formulas.repetition import self_repetition
from lm_eval_overton.metrics.grams import plain_grams
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, Metric, Need, Range
from lm_eval_overton.metrics.view import PromptView

__all__ = ["METRICS", "SELF_REPETITION"]

_WORDS = 4


def _self_repetition(view: PromptView) -> float:
    counts = gram_counts(plain_grams(view, _WORDS))
    return view.at_n(lambda chosen: self_repetition(counts[list(chosen)]))


SELF_REPETITION = Metric(
    "self_repetition",
    "The log of how often the runs of four words of a sample come again in n samples.",
    Range(0, math.inf),
    higher_is_better=False,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.TOKENS}),
    grows_with_n=True,
    source="Salkar et al. 2022, arXiv:2210.08145",
    compute=_self_repetition,
)
METRICS = (SELF_REPETITION,)

"""Distinct n-grams over those that random draws of as many are expected to give.

In languages other than English words are those of the language's tokenizer.
"""

from __future__ import annotations

import math

from lm_eval_overton.metrics.formulas.ngrams import gram_counts
from lm_eval_overton.metrics.formulas.repetition import expectation_adjusted_distinct
from lm_eval_overton.metrics.grams import plain_grams
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, Metric, Need, Range
from lm_eval_overton.metrics.view import PromptView

__all__ = ["EAD", "METRICS"]


def _ead(view: PromptView, n: int) -> float:
    counts = gram_counts(plain_grams(view, n))
    return view.at_n(lambda chosen: expectation_adjusted_distinct(counts[list(chosen)]))


def _metric(n: int, grams: str) -> Metric:
    return Metric(
        f"ead_{n}",
        f"The distinct {grams} of n samples over those expected of as many random draws.",
        Range(0, math.inf, "above 0"),
        higher_is_better=True,
        family=BETWEEN,
        tasks=(DIVERSITY,),
        needs=frozenset({Need.TOKENS}),
        grows_with_n=True,
        source="Liu et al. 2022, arXiv:2202.13587",
        compute=lambda view: _ead(view, n),
    )


EAD = (_metric(1, "words"), _metric(2, "pairs of words"))
METRICS = EAD

"""How near the samples are to a reference model's, on whole texts and on their first 100 words.

A `..._ceiling` compares the reference's samples with each other.
"""

from __future__ import annotations

import math
from functools import partial

from lm_eval_overton.metrics.likeness import Kind
from lm_eval_overton.metrics.metric import ICL, LIKENESS, SHARE, Metric, Need, Range
from lm_eval_overton.metrics.view import PromptView

__all__ = ["CEILINGS", "COSINE", "JACCARD", "METRICS", "SIMILARITIES"]

_SAYS: dict[Kind, str] = {
    "jaccard": "The mean Jaccard similarity of content words",
    "rouge_l": "The mean ROUGE-L F",
    "cosine": "The mean cosine of embeddings",
    "length_ratio": "The mean ratio of lengths in words",
}
_RANGES: dict[Kind, Range] = {"cosine": Range(-1, 1), "length_ratio": Range(0, math.inf)}
_NEEDS: dict[Kind, Need] = {"cosine": Need.REFERENCE_EMBEDDINGS}


def _similarity(view: PromptView, kind: Kind, short: bool) -> float:
    return view.likeness.of(kind, short)


def _ceiling(view: PromptView, kind: Kind, short: bool) -> float:
    return view.likeness.ceiling(kind, short)


def _pair(kind: Kind, short: bool) -> tuple[Metric, Metric]:
    """Return a similarity to the reference, and the reference's to itself."""
    name, words = (f"{kind}_100w", ", first 100 words") if short else (kind, "")
    own = Metric(
        name,
        f"{_SAYS[kind]} between sample and reference{words}.",
        _RANGES.get(kind, SHARE),
        # Longer than the reference is no better than shorter.
        higher_is_better=None if kind == "length_ratio" else True,
        family=LIKENESS,
        tasks=(ICL,),
        needs=frozenset({Need.REFERENCE, _NEEDS.get(kind, Need.TOKENS)}),
        on_leaderboard=not short and kind != "length_ratio",
        compute=partial(_similarity, kind=kind, short=short),
    )
    ceiling = Metric(
        f"{name}_ceiling",
        f"{_SAYS[kind]} between the reference's own samples{words}.",
        own.range,
        higher_is_better=None,
        family=LIKENESS,
        tasks=(ICL,),
        needs=own.needs,
        is_baseline=True,
        compute=partial(_ceiling, kind=kind, short=short),
    )
    return own, ceiling


_PAIRS = {(kind, short): _pair(kind, short) for kind in _SAYS for short in (False, True)}

# On whole texts, by kind.
SIMILARITIES = {kind: _PAIRS[kind, False][0] for kind in _SAYS}
CEILINGS = {kind: _PAIRS[kind, False][1] for kind in _SAYS}
COSINE, JACCARD = SIMILARITIES["cosine"], SIMILARITIES["jaccard"]
METRICS = tuple(metric for pair in _PAIRS.values() for metric in pair)

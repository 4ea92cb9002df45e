"""Runs of words that the samples of a prompt have in common: anchors, and any that are shared.

Texts in scripts that put no space between words are taken apart by the tokenizer of their
language. A sample of fewer than five words has no run, whatever the others say: read these beside
`duplicate_share` where answers are that short.
"""

from __future__ import annotations

from functools import partial

from lm_eval_overton.metrics.formulas.shared_spans import (
    SPAN,
    Floats,
    chance_of_enough,
    needed_of_anchors,
    opening,
    share_of_tokens,
    sharers,
)
from lm_eval_overton.metrics.grams import plain_grams
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, SHARE, Compute, Metric, Need
from lm_eval_overton.metrics.view import PromptView

__all__ = ["ANCHOR_OPENING", "ANCHOR_SHARE", "METRICS", "SHARED_SPAN_SHARE"]


def _shared(view: PromptView, needed: int) -> list[Floats]:
    """Return per sample the chance of each token to be shared with enough of n samples."""
    n, samples = view.bench.n, len(view.texts)
    if n < 2 or samples < n:
        return []
    chance = chance_of_enough(samples, n, needed)
    return [chance[own] for own in sharers(plain_grams(view, SPAN))]


def _anchors(view: PromptView, opens: bool) -> float:
    shared = _shared(view, needed_of_anchors(view.bench.n))
    return share_of_tokens([opening(own) for own in shared] if opens else shared)


def _of_spans(name: str, says: str, compute: Compute) -> Metric:
    return Metric(
        name,
        says,
        SHARE,
        higher_is_better=False,
        family=BETWEEN,
        tasks=(DIVERSITY,),
        needs=frozenset({Need.TOKENS}),
        grows_with_n=True,
        source="Li et al. 2024, arXiv:2407.02446",
        compute=compute,
    )


ANCHOR_SHARE = _of_spans(
    "anchor_share",
    "The share of a sample's words in runs of five that half of n - 1 others hold too.",
    partial(_anchors, opens=False),
)
ANCHOR_OPENING = _of_spans(
    "anchor_opening",
    "`anchor_share` of the first tenth of each sample.",
    partial(_anchors, opens=True),
)
SHARED_SPAN_SHARE = _of_spans(
    "shared_span_share",
    "The share of a sample's words in runs of five that any of n - 1 others holds too.",
    lambda view: share_of_tokens(_shared(view, 1)),
)
METRICS = (ANCHOR_SHARE, ANCHOR_OPENING, SHARED_SPAN_SHARE)

"""Whose topics a judge finds in a sample and in the reference's first sample."""

from __future__ import annotations

from lm_eval_overton.metrics.metric import AGAINST_REFERENCE, DIVERSITY, SHARE, Compute, Metric
from lm_eval_overton.metrics.verdicts import filled, mean_of_known, values
from lm_eval_overton.metrics.view import PromptView

__all__ = ["METRICS", "TOPICS_DISAGREEMENT", "TOPIC_SHARES"]

_SIDES = {
    "only_reference": "that only the reference deals with",
    "both": "that both deal with",
    "only_sample": "that only the sample deals with",
}


def _mean(side: str) -> Compute:
    def mean(view: PromptView) -> float:
        shares = [known[side] if known else None for known in values(view, "topics", "shares")]
        return mean_of_known(filled(view, shares, 0.0, 1.0))

    return mean


def _share(side: str, words: str) -> Metric:
    return Metric(
        f"topics_{side}",
        f"The share of the topics of sample and reference {words}.",
        SHARE,
        higher_is_better=None,
        family=AGAINST_REFERENCE,
        tasks=(DIVERSITY,),
        judgement="topics",
        compute=_mean(side),
    )


TOPIC_SHARES = tuple(_share(side, words) for side, words in _SIDES.items())
TOPICS_DISAGREEMENT = Metric(
    "topics_disagreement",
    "How far the topic shares differ between the two orders in which the judge is asked.",
    SHARE,
    higher_is_better=None,
    family=AGAINST_REFERENCE,
    tasks=(DIVERSITY,),
    judgement="topics",
    compute=lambda view: mean_of_known(
        filled(view, values(view, "topics", "disagreement"), 1.0, 0.0)
    ),
)
METRICS = (*TOPIC_SHARES, TOPICS_DISAGREEMENT)

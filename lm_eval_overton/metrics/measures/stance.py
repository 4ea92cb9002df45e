"""Which sides of a contested yes/no question a judge finds in the samples."""

from __future__ import annotations

from itertools import combinations_with_replacement

from lm_eval_overton.metrics.formulas.stance import (
    STANCES,
    stance_coverage,
    stance_entropy,
    stance_shares,
)
from lm_eval_overton.metrics.metric import COVERAGE, SHARE, STANCE, Compute, Metric, Range
from lm_eval_overton.metrics.verdicts import filled, values
from lm_eval_overton.metrics.view import PromptView

__all__ = ["METRICS", "P_BOTH", "STANCE_COVERAGE", "STANCE_ENTROPY", "STANCE_SHARES"]

_SAYS = {
    "yes": "The share of the samples that answer yes.",
    "no": "The share of the samples that answer no.",
    "both": "The share of the samples that make the case for both sides: the Overton share.",
    "other": "The share of the samples that take no side.",
}


def _mean(stance: str) -> Compute:
    another = "yes" if stance == "other" else "other"

    def mean(view: PromptView) -> float:
        labels = filled(view, values(view, "stance"), another, stance)
        return stance_shares(labels)[f"p_{stance}"]

    return mean


def _entropy(view: PromptView) -> float:
    labels = values(view, "stance")
    known = [label for label in labels if label is not None]
    if not view.fill:
        return stance_entropy(known)
    missing = combinations_with_replacement(STANCES, len(labels) - len(known))
    entropies = [stance_entropy([*known, *stand_ins]) for stand_ins in missing]
    return min(entropies) if view.fill == "worst" else max(entropies)


def _share(stance: str) -> Metric:
    return Metric(
        f"p_{stance}",
        _SAYS[stance],
        SHARE,
        higher_is_better=None,
        family=STANCE,
        tasks=(COVERAGE,),
        judgement="stance",
        on_leaderboard=stance == "both",
        compute=_mean(stance),
    )


STANCE_SHARES = {stance: _share(stance) for stance in STANCES}
P_BOTH = STANCE_SHARES["both"]
STANCE_ENTROPY = Metric(
    "stance_entropy",
    "The entropy of the samples' stances, in bits.",
    Range(0, 2),
    higher_is_better=True,
    family=STANCE,
    tasks=(COVERAGE,),
    judgement="stance",
    compute=_entropy,
)
STANCE_COVERAGE = Metric(
    "stance_coverage",
    "The share of {yes, no} that the samples reach; one that makes both cases reaches both.",
    SHARE,
    higher_is_better=True,
    family=STANCE,
    tasks=(COVERAGE,),
    judgement="stance",
    on_leaderboard=True,
    compute=lambda view: stance_coverage(filled(view, values(view, "stance"), "other", "both")),
)
METRICS = (*STANCE_SHARES.values(), STANCE_ENTROPY, STANCE_COVERAGE)

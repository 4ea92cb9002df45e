"""How good a judge finds the samples."""

from __future__ import annotations

from lm_eval_overton.judge.judgements.quality import QUALITY_ASPECTS
from lm_eval_overton.metrics.metric import DIVERSITY, QUALITY, SHARE, Compute, Metric, Range
from lm_eval_overton.metrics.quality_bar import passes
from lm_eval_overton.metrics.verdicts import asked, filled, mean_of_known, values
from lm_eval_overton.metrics.view import PromptView

__all__ = ["ASPECTS", "HELPFULNESS", "METRICS", "QUALITY_PASS_SHARE"]


def _mean(aspect: str) -> Compute:
    return lambda view: mean_of_known(filled(view, values(view, "quality", aspect), 1, 5))


def _pass_share(view: PromptView) -> float:
    known = [passes(verdict, view.bench.bar) for verdict in asked(view, "quality")]
    return mean_of_known(filled(view, known, False, True))


def _aspect(name: str) -> Metric:
    return Metric(
        name,
        f"The judge's mean score for {name}.",
        Range(1, 5),
        higher_is_better=True,
        family=QUALITY,
        tasks=(DIVERSITY,),
        judgement="quality",
        on_leaderboard=name == "helpfulness",
        compute=_mean(name),
    )


ASPECTS = tuple(map(_aspect, QUALITY_ASPECTS))
HELPFULNESS = ASPECTS[0]
QUALITY_PASS_SHARE = Metric(
    "quality_pass_share",
    "The share of the samples whose helpfulness reaches the bar.",
    SHARE,
    higher_is_better=True,
    family=QUALITY,
    tasks=(DIVERSITY,),
    judgement="quality",
    compute=_pass_share,
)
METRICS = (*ASPECTS, QUALITY_PASS_SHARE)

"""BERTScore of the samples against a reference model's; only with a BERTScore model."""

from __future__ import annotations

from functools import partial

from lm_eval_overton.metrics.formulas.surface import share
from lm_eval_overton.metrics.likeness import BERTSCORES
from lm_eval_overton.metrics.metric import ICL, LIKENESS, SAMPLES, SHARE, Metric, Need, Range
from lm_eval_overton.metrics.view import PromptView

__all__ = ["METRICS"]

_SOURCE = "Zhang et al. 2020, arXiv:1904.09675"
_NEEDS = frozenset({Need.REFERENCE, Need.BERTSCORE})


def _part(view: PromptView, part: str) -> float:
    return view.likeness.bertscore(part)


def _cut(view: PromptView) -> float:
    assert view.bench.bert is not None
    return share(view.texts, view.bench.bert.is_cut)


def _bertscore(part: str) -> Metric:
    return Metric(
        f"bertscore_{part}",
        f"The mean BERTScore {part.replace('f1', 'F1')} of sample against reference.",
        Range(-1, 1),
        higher_is_better=True if part == "f1" else None,
        family=LIKENESS,
        tasks=(ICL,),
        needs=_NEEDS,
        source=_SOURCE,
        compute=partial(_part, part=part),
    )


METRICS = (
    *map(_bertscore, BERTSCORES),
    Metric(
        "bertscore_f1_ceiling",
        "The mean BERTScore F1 between the reference's own samples.",
        Range(-1, 1),
        higher_is_better=None,
        family=LIKENESS,
        tasks=(ICL,),
        needs=_NEEDS,
        is_baseline=True,
        source=_SOURCE,
        compute=lambda view: view.likeness.bertscore_ceiling(),
    ),
    Metric(
        "bertscore_cut_share",
        "The share of the samples that are longer than the BERTScore model's window.",
        SHARE,
        higher_is_better=None,
        family=SAMPLES,
        tasks=(ICL,),
        needs=_NEEDS,
        as_percent=True,
        source=_SOURCE,
        compute=_cut,
    ),
)

"""How much of a sample a judge finds new against the reference's first sample."""

from lm_eval_overton.metrics.metric import AGAINST_REFERENCE, DIVERSITY, Metric, Range
from lm_eval_overton.metrics.verdicts import filled, mean_of_known, values

__all__ = ["METRICS", "MISSING_INFO"]

MISSING_INFO = Metric(
    "missing_info",
    "How much of a sample the reference lacks, from 1, nothing, to 5, all of it.",
    Range(1, 5),
    higher_is_better=None,
    family=AGAINST_REFERENCE,
    tasks=(DIVERSITY,),
    judgement="missing",
    compute=lambda view: mean_of_known(filled(view, values(view, "missing"), 1, 5)),
)
METRICS = (MISSING_INFO,)

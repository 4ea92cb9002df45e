"""The share of word pairs that are not repeated."""

from lm_eval_overton.metrics.formulas.lexical import distinct_ratio
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, SHARE, Metric, Need

__all__ = ["DISTINCT_2", "METRICS"]

DISTINCT_2 = Metric(
    "distinct_2",
    "The distinct bigrams of n samples over all their bigrams.",
    SHARE,
    higher_is_better=True,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.TOKENS}),
    grows_with_n=True,
    source="Li et al. 2016, arXiv:1510.03055",
    compute=lambda view: view.at_n(
        lambda chosen: distinct_ratio([view.bigrams[i] for i in chosen])
    ),
)
METRICS = (DISTINCT_2,)

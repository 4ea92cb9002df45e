"""How much the words of the samples differ."""

from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, SHARE, Metric, Need

__all__ = ["LEXICAL_DIVERSITY", "METRICS"]

LEXICAL_DIVERSITY = Metric(
    "lexical_diversity",
    "One minus the mean pairwise Jaccard similarity of the samples' content words.",
    SHARE,
    higher_is_better=True,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.TOKENS}),
    on_leaderboard=True,
    compute=lambda view: jaccard_diversity(view.bags),
)
METRICS = (LEXICAL_DIVERSITY,)

"""How much the embeddings of the samples differ."""

from lm_eval_overton.metrics.formulas.semantic import cosine_diversity
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, Metric, Need, Range

__all__ = ["METRICS", "SEMANTIC_DIVERSITY"]

SEMANTIC_DIVERSITY = Metric(
    "semantic_diversity",
    "One minus the mean pairwise cosine of the samples' embeddings.",
    Range(0, 2),
    higher_is_better=True,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.EMBEDDINGS}),
    on_leaderboard=True,
    compute=lambda view: cosine_diversity(view.embeddings),
)
METRICS = (SEMANTIC_DIVERSITY,)

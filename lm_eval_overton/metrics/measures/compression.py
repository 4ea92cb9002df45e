"""How well the samples compress together."""

import math

from lm_eval_overton.metrics.formulas.surface import compression_ratio
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, Metric, Range

__all__ = ["COMPRESSION_RATIO", "METRICS"]

COMPRESSION_RATIO = Metric(
    "compression_ratio",
    "How many times smaller n samples become under zlib.",
    Range(0, math.inf, "above 0"),
    higher_is_better=False,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    grows_with_n=True,
    source="Shaib et al. 2024, arXiv:2403.00553",
    compute=lambda view: view.at_n(
        lambda chosen: compression_ratio([view.texts[i] for i in chosen])
    ),
)
METRICS = (COMPRESSION_RATIO,)

"""The effective number of different samples."""

import math

from lm_eval_overton.metrics.formulas.semantic import vendi_score
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, Metric, Need, Range

__all__ = ["METRICS", "VENDI"]

VENDI = Metric(
    "vendi",
    "The effective number of different samples among n.",
    Range(1, math.inf, "1 to n"),
    higher_is_better=True,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.EMBEDDINGS}),
    grows_with_n=True,
    source="Friedman and Dieng 2023, arXiv:2210.02410",
    compute=lambda view: view.at_n(lambda chosen: vendi_score(view.embeddings[list(chosen)])),
)
METRICS = (VENDI,)

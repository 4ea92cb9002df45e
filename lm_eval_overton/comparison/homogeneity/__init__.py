"""How alike the samples of several runs are."""

from lm_eval_overton.comparison.homogeneity.alike import COSINE, WORDS
from lm_eval_overton.comparison.homogeneity.runs import homogeneity_of
from lm_eval_overton.comparison.homogeneity.table import (
    GRAM,
    Cells,
    Homogeneity,
    Mixing,
    homogeneity,
)

__all__ = [
    "COSINE",
    "GRAM",
    "WORDS",
    "Cells",
    "Homogeneity",
    "Mixing",
    "homogeneity",
    "homogeneity_of",
]

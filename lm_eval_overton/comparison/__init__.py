"""What alignment changed: finished runs side by side, from their stored per-prompt values.

The first run is the base; every other run is compared with it, prompt by prompt.
"""

from lm_eval_overton.comparison.by_tag import ByTag, TagRow, by_tag
from lm_eval_overton.comparison.compared import (
    SAMPLES_TABLE,
    Compared,
    Gain,
    Pair,
    Row,
    Shift,
)
from lm_eval_overton.comparison.fail_on import fails
from lm_eval_overton.comparison.homogeneity import Homogeneity, homogeneity, homogeneity_of
from lm_eval_overton.comparison.likelihood import Crossed, crossed_of
from lm_eval_overton.comparison.pairs import compare

__all__ = [
    "SAMPLES_TABLE",
    "ByTag",
    "Compared",
    "Crossed",
    "Gain",
    "Homogeneity",
    "Pair",
    "Row",
    "Shift",
    "TagRow",
    "by_tag",
    "compare",
    "crossed_of",
    "fails",
    "homogeneity",
    "homogeneity_of",
]

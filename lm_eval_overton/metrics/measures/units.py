"""Units that the samples themselves hold: how many in one sample, how many in n together.

On a model's own units, coverage at n is 1 by construction: read the index beside the counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.coverage import overton_index, units_at_1, units_at_n
from lm_eval_overton.metrics.metric import DIVERSITY, WITHIN, Metric, Need, Range
from lm_eval_overton.metrics.view import PromptView

__all__ = [
    "METRICS",
    "OVERTON_INDEX_CLUSTERS",
    "OVERTON_INDEX_WORDS",
    "UNITS_AT_1_CLUSTERS",
    "UNITS_AT_1_WORDS",
    "UNITS_AT_N_CLUSTERS",
    "UNITS_AT_N_WORDS",
]

Pool = Callable[[PromptView], npt.NDArray[np.bool_]]

_COUNT = Range(0, math.inf)
_INDEX = Range(0, 1, "1/n to 1")
_CAUTION = "One repeated answer has index 1: read it beside the counts."


def _known(pool: npt.NDArray[np.bool_], units: float) -> float:
    """Return a number of units of a pool; undefined, as the index is, where there are none."""
    return units if pool.shape[1] else math.nan


def _units_at_1(unit: str, what: str, need: Need, pool: Pool) -> Metric:
    return Metric(
        f"units_at_1_{unit}",
        f"The number of {what} in one sample.",
        _COUNT,
        higher_is_better=None,
        family=WITHIN,
        tasks=(DIVERSITY,),
        needs=frozenset({need}),
        compute=lambda view: _known(pool(view), units_at_1(pool(view))),
    )


def _units_at_n(unit: str, what: str, need: Need, pool: Pool) -> Metric:
    return Metric(
        f"units_at_n_{unit}",
        f"The number of {what} in n samples together.",
        _COUNT,
        higher_is_better=None,
        family=WITHIN,
        tasks=(DIVERSITY,),
        needs=frozenset({need}),
        grows_with_n=True,
        compute=lambda view: _known(pool(view), units_at_n(pool(view), view.bench.n)),
    )


def _overton_index(unit: str, what: str, need: Need, pool: Pool) -> Metric:
    return Metric(
        f"overton_index_{unit}",
        f"The share of n samples' {what} that one sample holds. {_CAUTION}",
        _INDEX,
        higher_is_better=None,
        family=WITHIN,
        tasks=(DIVERSITY,),
        needs=frozenset({need}),
        grows_with_n=True,
        compute=lambda view: overton_index(pool(view), view.bench.n),
    )


def _words(view: PromptView) -> npt.NDArray[np.bool_]:
    return view.word_pool


def _clusters(view: PromptView) -> npt.NDArray[np.bool_]:
    return view.cluster_pool


_OF_WORDS = ("words", "content words", Need.TOKENS, _words)
_OF_CLUSTERS = ("clusters", "sentence clusters", Need.SENTENCES, _clusters)

UNITS_AT_1_WORDS = replace(_units_at_1(*_OF_WORDS), on_leaderboard=True)
UNITS_AT_N_WORDS = replace(_units_at_n(*_OF_WORDS), on_leaderboard=True)
OVERTON_INDEX_WORDS = replace(_overton_index(*_OF_WORDS), on_leaderboard=True)
# Version 1 took headings, rows of tables and abbreviations for sentences.
UNITS_AT_1_CLUSTERS = replace(_units_at_1(*_OF_CLUSTERS), version=2)
UNITS_AT_N_CLUSTERS = replace(_units_at_n(*_OF_CLUSTERS), version=2)
OVERTON_INDEX_CLUSTERS = replace(_overton_index(*_OF_CLUSTERS), version=2)
METRICS = (
    UNITS_AT_1_WORDS,
    UNITS_AT_N_WORDS,
    OVERTON_INDEX_WORDS,
    UNITS_AT_1_CLUSTERS,
    UNITS_AT_N_CLUSTERS,
    OVERTON_INDEX_CLUSTERS,
)

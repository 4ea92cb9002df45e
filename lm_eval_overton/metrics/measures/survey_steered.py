"""What a model makes of being asked to answer as each of several groups would."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from lm_eval_overton.metrics.formulas.steering import adaptability, structure
from lm_eval_overton.metrics.formulas.survey import js_distance
from lm_eval_overton.metrics.metric import OPINION, SURVEY, Metric, Need, Range
from lm_eval_overton.metrics.opinion import Array, Opinion
from lm_eval_overton.metrics.view import PromptView

__all__ = ["METRICS"]

OURS = "our own, after Santurkar et al. 2023, arXiv:2303.17548"


def _adaptability(own: Opinion, steered: Array, people: Array) -> float:
    plain = 1 - js_distance(own.shares, people)
    return adaptability(1 - js_distance(steered, people), plain)


def _structure(own: Opinion, steered: Array, people: Array) -> float:
    return structure(steered, people)


def _steered(name: str, says: str, low: float, value: Callable[..., float]) -> Metric:
    def compute(view: PromptView) -> float:
        own = view.prompt.opinion
        groups = [] if own is None else [one for one in own.steered if one in own.people]
        if own is None or not groups:
            return math.nan
        steered = np.array([own.as_group(group) for group in groups])
        return value(own, steered, np.array([own.people[group] for group in groups]))

    return Metric(
        name,
        says,
        Range(low, 1, "" if math.isfinite(low) else "at most 1"),
        higher_is_better=True,
        family=OPINION,
        tasks=(SURVEY,),
        needs=frozenset({Need.LIKELIHOODS, Need.PEOPLE, Need.STEERED}),
        source=OURS,
        compute=compute,
    )


METRICS = (
    _steered(
        "steer_adaptability",
        "Which part of what was missing to groups it makes up for when asked to answer as they do.",
        -math.inf,
        _adaptability,
    ),
    _steered(
        "steer_structure",
        "Rank correlation of distances between answers as groups and between the groups' own.",
        -1,
        _structure,
    ),
)

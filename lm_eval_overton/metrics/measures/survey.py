"""What a model would answer to survey questions, and how near that is to what people answered."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lm_eval_overton.metrics.formulas import survey as formulas
from lm_eval_overton.metrics.metric import (
    OF_OPTIONS,
    OPINION,
    SHARE,
    STEERABLE,
    SURVEY,
    SURVEY_SAMPLED,
    SURVEY_VERBALIZED,
    Compute,
    Metric,
    Need,
    Range,
)
from lm_eval_overton.metrics.opinion import Opinion, distance_of_uniform
from lm_eval_overton.metrics.replies import Replies
from lm_eval_overton.metrics.view import PromptView

__all__ = [
    "ANSWER_MASS",
    "FIRST_LABEL_BIAS",
    "LITTLE_MASS",
    "METRICS",
    "OPINION_ENTROPY",
    "REPLIES_REFUSED",
    "REPLIES_UNREADABLE",
    "STEER_GAIN",
    "SURVEY_GAIN",
    "SURVEY_MATCH",
]

DURMUS = "Durmus et al. 2023, arXiv:2306.16388"
SANTURKAR = "Santurkar et al. 2023, arXiv:2303.17548"
MEISTER = "Meister et al. 2024, arXiv:2411.05403"
DOMINGUEZ = "Dominguez-Olmedo et al. 2023, arXiv:2306.07951"

SURVEYS = (SURVEY, SURVEY_SAMPLED, SURVEY_VERBALIZED)
# Between orders of few sampled replies more differs by chance than by order.
WITHOUT_NOISE = (SURVEY, SURVEY_VERBALIZED, STEERABLE)

Own = Callable[[Opinion], float]


def _of(value: Own) -> Compute:
    """Return what computes a value of prompts that were asked by log-probability."""
    return lambda view: math.nan if view.prompt.opinion is None else value(view.prompt.opinion)


def _of_replies(value: Callable[[Replies], float]) -> Compute:
    return lambda view: math.nan if view.prompt.replies is None else value(view.prompt.replies)


def _match(shares: Callable[[Opinion], Any]) -> Own:
    """Return the mean over groups of the likeness to them of what a question says."""
    return lambda own: own.over_groups(lambda groups: 1 - formulas.js_distance(shares(own), groups))


def _tv(own: Opinion) -> float:
    return own.over_groups(lambda groups: formulas.total_variation(own.shares, groups))


def _ordinal(shares: Callable[[Opinion], Any]) -> Own:
    """Return the same on a scale; undefined where the options are not on one."""

    def mean(own: Opinion) -> float:
        places = own.positions
        if places is None:
            return math.nan
        return own.over_groups(lambda groups: 1 - formulas.transport(shares(own), groups, places))

    return mean


def _gain(own: Opinion) -> float:
    """Return a question's part of the gain, of which the mean over questions is the whole."""
    if not own.unit > 0:
        return math.nan
    distances = formulas.total_variation(own.shares, own.groups)
    mine = math.fsum(own.weights * distances)
    return (distance_of_uniform(own.question) - mine) / own.unit


def _noise(view: PromptView) -> float:
    own = view.prompt.opinion
    if own is None:
        return math.nan
    known = list(own.noise_floors(view.bench.seed).values())
    return float(np.mean(known)) if known else math.nan


def _entropy(own: Opinion) -> float:
    return float(formulas.normalised_entropy(own.shares))


def _entropy_gap(own: Opinion) -> float:
    return own.over_groups(lambda groups: _entropy(own) - formulas.normalised_entropy(groups))


def _mode_match(own: Opinion) -> float:
    found = [formulas.mode_match(own.shares, group) for group in own.groups]
    known = [not math.isnan(value) for value in found]
    if not any(known):
        return math.nan
    return float(np.average(np.array(found)[known], weights=own.weights[known]))


def _steered(value: Callable[[Opinion, str], float]) -> Own:
    """Return the mean over the groups that the model was asked to answer as."""

    def mean(own: Opinion) -> float:
        groups = [group for group in own.steered if group in own.people]
        return float(np.mean([value(own, group) for group in groups])) if groups else math.nan

    return mean


def _steer_match(own: Opinion, group: str) -> float:
    return 1 - float(formulas.js_distance(own.as_group(group), own.people[group]))


def _steer_gain(own: Opinion, group: str) -> float:
    plain = 1 - float(formulas.js_distance(own.shares, own.people[group]))
    return _steer_match(own, group) - plain


def _opinion(name: str, says: str, compute: Compute, *needs: Need, **changes: Any) -> Metric:
    given = {
        "higher_is_better": None,
        "range": SHARE,
        "source": DURMUS,
        "tasks": SURVEYS,
        **changes,
    }
    return Metric(
        name,
        says,
        family=OPINION,
        needs=frozenset({Need.LIKELIHOODS, *needs}),
        compute=compute,
        **given,
    )


def _floor(name: str, says: str, shares: Callable[[Opinion], Any]) -> Metric:
    return _opinion(name, says, _of(_match(shares)), Need.PEOPLE, is_baseline=True)


def _ordinal_floor(name: str, says: str, shares: Callable[[Opinion], Any]) -> Metric:
    value, needs = _of(_ordinal(shares)), (Need.PEOPLE, Need.SCALE)
    return _opinion(name, says, value, *needs, is_baseline=True, source=SANTURKAR)


SURVEY_MATCH = _opinion(
    "survey_match",
    "One minus the Jensen-Shannon distance (base 2) to people's shares, the mean over groups.",
    _of(_match(lambda own: own.shares)),
    Need.PEOPLE,
    higher_is_better=True,
    on_leaderboard=True,
)
SURVEY_GAIN = _opinion(
    "survey_gain",
    "How much nearer to people than a uniform guess the mean is: 1 is equal, 0 no nearer.",
    _of(_gain),
    Need.PEOPLE,
    higher_is_better=True,
    range=Range(-math.inf, math.inf, "the mean at most 1"),
    source="Hu et al. 2025, arXiv:2510.17516",
)
STEER_GAIN = _opinion(
    "steer_gain",
    "Likeness to a group when asked to answer as it would, less the likeness when not asked to.",
    _of(_steered(_steer_gain)),
    Need.PEOPLE,
    Need.STEERED,
    higher_is_better=True,
    range=Range(-1, 1),
    source=SANTURKAR,
)
# Where less of the probability lies on the answers, their shares say little of what is said.
LITTLE_MASS = 0.5
ANSWER_MASS = _opinion(
    "answer_mass",
    "The probability, or part of the replies, that the options have; the rest says other things.",
    _of(lambda own: formulas.answer_mass(own.logs)),
    tasks=OF_OPTIONS,
    source=DOMINGUEZ,
)
FIRST_LABEL_BIAS = _opinion(
    "first_label_bias",
    "How much more than its part the first label gets, whatever option stands at it.",
    _of(lambda own: formulas.first_label_bias(own.of_labels)),
    tasks=OF_OPTIONS,
    range=Range(-1, 1),
    source=DOMINGUEZ,
)
OPINION_ENTROPY = _opinion(
    "opinion_entropy",
    "The entropy of the shares of options as a part of the greatest possible.",
    _of(_entropy),
    tasks=OF_OPTIONS,
    source=MEISTER,
)
REPLIES_REFUSED = _opinion(
    "replies_refused",
    "The share of the replies that refuse to choose, which all else leaves out.",
    _of_replies(lambda own: own.part(own.refused)),
    tasks=(SURVEY_SAMPLED, SURVEY_VERBALIZED),
    source=SANTURKAR,
)
REPLIES_UNREADABLE = _opinion(
    "replies_unreadable",
    "The share of the replies that neither choose nor refuse, which all else leaves out.",
    _of_replies(lambda own: own.part(own.unreadable)),
    tasks=(SURVEY_SAMPLED, SURVEY_VERBALIZED),
    source=MEISTER,
)
METRICS = (
    SURVEY_MATCH,
    _floor(
        "survey_match_uniform",
        "The likeness to people's shares of equal shares.",
        lambda own: formulas.uniform(own.groups.shape[1]),
    ),
    _floor(
        "survey_match_majority",
        "The likeness to each group's shares of all for its most frequent option.",
        lambda own: formulas.one_hot(own.groups),
    ),
    _floor(
        "survey_match_others",
        "The likeness to each group's shares of the mean of the other groups.",
        lambda own: own.others,
    ),
    _floor(
        "survey_match_ceiling",
        "The likeness to each group's shares of the mean of all: what one opinion can reach.",
        lambda own: own.all_groups,
    ),
    _opinion(
        "survey_noise_floor",
        "The mean Jensen-Shannon distance of a group's shares to those of as many drawn from it.",
        _noise,
        Need.PEOPLE,
        Need.RESPONDENTS,
        is_baseline=True,
    ),
    SURVEY_GAIN,
    _opinion(
        "survey_tv",
        "Half the sum of the absolute differences to people's shares, the mean over groups.",
        _of(_tv),
        Need.PEOPLE,
        higher_is_better=False,
        source=MEISTER,
    ),
    _opinion(
        "survey_match_ordinal",
        "One minus the 1-Wasserstein distance to people's shares over the length of the scale.",
        _of(_ordinal(lambda own: own.shares)),
        Need.PEOPLE,
        Need.SCALE,
        higher_is_better=True,
        source=SANTURKAR,
    ),
    _ordinal_floor(
        "survey_match_ordinal_uniform",
        "The likeness on the scale to people's shares of equal shares.",
        lambda own: formulas.uniform(own.groups.shape[1]),
    ),
    _ordinal_floor(
        "survey_match_ordinal_majority",
        "The likeness on the scale to each group's shares of all for its most frequent option.",
        lambda own: formulas.one_hot(own.groups),
    ),
    _ordinal_floor(
        "survey_match_ordinal_others",
        "The likeness on the scale to each group's shares of the mean of the other groups.",
        lambda own: own.others,
    ),
    _opinion(
        "mode_match",
        "Whether its greatest share is of people's most frequent option; undefined for two such.",
        _of(_mode_match),
        Need.PEOPLE,
        higher_is_better=True,
    ),
    OPINION_ENTROPY,
    _opinion(
        "entropy_gap",
        "That entropy less the same of people's shares: below 0 where opinions have collapsed.",
        _of(_entropy_gap),
        Need.PEOPLE,
        range=Range(-1, 1),
        source=MEISTER,
    ),
    _opinion(
        "steer_match",
        "Likeness to a group when asked to answer as it would.",
        _of(_steered(_steer_match)),
        Need.PEOPLE,
        Need.STEERED,
        higher_is_better=True,
        source=SANTURKAR,
    ),
    STEER_GAIN,
    _opinion(
        "survey_refusal_share",
        "The share of the options that refuse, which all else leaves out.",
        _of(lambda own: own.refused),
        Need.REFUSALS,
        source=SANTURKAR,
    ),
    ANSWER_MASS,
    REPLIES_REFUSED,
    REPLIES_UNREADABLE,
    FIRST_LABEL_BIAS,
    _opinion(
        "order_spread",
        "The mean over options of the standard deviation of their shares over orders.",
        _of(lambda own: formulas.order_spread(own.of_options)),
        tasks=WITHOUT_NOISE,
        range=Range(0, 0.5),
        source=DOMINGUEZ,
    ),
    _opinion(
        "order_agreement",
        "The share of orders in which the option wins that wins in most of them.",
        _of(lambda own: formulas.agreement(own.of_options)),
        tasks=WITHOUT_NOISE,
        source=DOMINGUEZ,
    ),
)

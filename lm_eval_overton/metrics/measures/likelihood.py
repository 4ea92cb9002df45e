"""How likely the evaluated model finds recorded answers, its own or another model's.

On a model's own samples at temperature 1, `nats_per_answer` estimates the entropy of what it says
up to where it ends; on those of another model, the cross entropy: the difference of the two is the
divergence of the other model from this one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval_overton.metrics.formulas import likelihood as formulas
from lm_eval_overton.metrics.formulas.likelihood import Likelihood
from lm_eval_overton.metrics.metric import (
    LIKELIHOOD,
    UNDER_THE_MODEL,
    Metric,
    Need,
    Range,
)

__all__ = [
    "BITS_PER_BYTE",
    "LIKELIHOOD_SPREAD",
    "METRICS",
    "NATS_PER_ANSWER",
    "NATS_PER_TOKEN",
    "WINDOWED_SHARE",
]

SHANNON = "Shannon 1951, doi:10.1002/j.1538-7305.1951.tb01366.x"
PILE = "The Pile, Gao et al. 2020, arXiv:2101.00027"

Of = Callable[[Sequence[Likelihood]], float]


def _metric(name: str, says: str, of: Of, **changes: Any) -> Metric:
    given = {"range": Range(0, math.inf), "source": SHANNON, **changes}
    return Metric(
        name,
        says,
        higher_is_better=None,
        family=UNDER_THE_MODEL,
        tasks=(LIKELIHOOD,),
        compute=lambda view: of(view.prompt.likelihoods),
        needs=frozenset({Need.ANSWER_LIKELIHOODS}),
        **given,
    )


def _length(own: Likelihood) -> float:
    return math.nan if own.n_tokens is None else own.n_tokens


BITS_PER_BYTE = _metric(
    "bits_per_byte",
    "How unlikely an answer is for each of its bytes, the mean over answers: across tokenizers.",
    lambda texts: formulas.mean(texts, formulas.bits_per_byte),
    on_leaderboard=True,
    source=PILE,
)
NATS_PER_TOKEN = _metric(
    "nats_per_token",
    "How unlikely an answer is for each of the model's tokens, the mean over answers.",
    lambda texts: formulas.mean(texts, formulas.nats_per_token),
)
NATS_PER_ANSWER = _metric(
    "nats_per_answer",
    "How unlikely a whole answer is, its end left out: an entropy on own samples at temperature 1.",
    lambda texts: formulas.mean(texts, formulas.nats),
)
WINDOWED_SHARE = _metric(
    "windowed_share",
    "The share of the answers that the model's context does not hold at once with the prompt.",
    formulas.windowed_share,
    range=Range(0, 1),
    as_percent=True,
    source=PILE,
)
LIKELIHOOD_SPREAD = _metric(
    "likelihood_spread",
    "The standard deviation of the bits per byte between the answers to a prompt.",
    lambda texts: formulas.spread(texts, formulas.bits_per_byte),
    source=PILE,
)
METRICS = (
    BITS_PER_BYTE,
    NATS_PER_TOKEN,
    NATS_PER_ANSWER,
    LIKELIHOOD_SPREAD,
    _metric(
        "tokens_per_answer",
        "The mean length of an answer in the model's tokens.",
        lambda texts: formulas.mean(texts, _length),
    ),
    WINDOWED_SHARE,
)

"""How a model chooses where all answers are known: how many it gives, and how evenly."""

from __future__ import annotations

import math
from collections.abc import Callable

from lm_eval_overton.metrics.formulas import classes, closed_answers
from lm_eval_overton.metrics.formulas.closed_answers import Array, Labels
from lm_eval_overton.metrics.formulas.subsets import at_fixed_n
from lm_eval_overton.metrics.formulas.survey import normalised_entropy
from lm_eval_overton.metrics.metric import (
    CLOSED,
    ENUMERABLE,
    EXACT,
    SHARE,
    Compute,
    Metric,
    Need,
    Range,
    Task,
)
from lm_eval_overton.metrics.view import PromptView

__all__ = [
    "ANSWER_COLLISION",
    "ANSWER_COVERAGE",
    "ANSWER_COVERAGE_VS_UNIFORM",
    "ANSWER_ENTROPY",
    "ANSWER_KL",
    "ANSWER_MATCH",
    "ANSWER_SET_MASS",
    "ANSWER_VALIDITY",
    "METRICS",
    "TOP_ANSWER_SHARE",
    "USABLE_UNIQUE",
]

VERBALIZED_SAMPLING = "Verbalized Sampling, Zhang et al. 2025, arXiv:2510.01171"


def _size(view: PromptView) -> int:
    return len(view.prompt.doc.get("answers") or ())


def _at_n(statistic: Callable[[Labels, int], float]) -> Compute:
    """Return a metric of n samples, of which those count that came, whatever they say."""

    def compute(view: PromptView) -> float:
        labels, size = view.prompt.given_answers, _size(view)
        if not size:
            return math.nan
        return at_fixed_n(
            len(labels),
            view.bench.n,
            lambda chosen: statistic([labels[i] for i in chosen], size),
            view.bench.seed,
        )

    return compute


def _of_shares(statistic: Callable[[Array, Array], float]) -> Compute:
    """Return a metric of how often each answer is given, or how probable it is if that is known."""

    def compute(view: PromptView) -> float:
        if not _size(view):
            return math.nan
        wanted = closed_answers.target(view.prompt.doc.get("weights"), _size(view))
        if view.prompt.answer_masses:
            return statistic(closed_answers.of_total(view.prompt.answer_masses), wanted)
        return _at_n(lambda own, size: statistic(closed_answers.shares(own, size), wanted))(view)

    return compute


def _metric(
    name: str,
    says: str,
    compute: Compute,
    *,
    range: Range = SHARE,
    higher_is_better: bool | None = True,
    grows_with_n: bool = True,
    tasks: tuple[Task, ...] = (ENUMERABLE,),
    needs: frozenset[Need] = frozenset({Need.ANSWERS}),
    source: str = VERBALIZED_SAMPLING,
) -> Metric:
    return Metric(
        name,
        says,
        range,
        higher_is_better=higher_is_better,
        family=CLOSED,
        tasks=tasks,
        compute=compute,
        needs=needs,
        grows_with_n=grows_with_n,
        source=source,
    )


ANSWER_VALIDITY = _metric(
    "answer_validity",
    "The share of the samples that give exactly one of the known answers.",
    lambda view: closed_answers.validity(view.prompt.given_answers),
    grows_with_n=False,
)
ANSWER_COVERAGE = _metric(
    "answer_coverage",
    "The share of the known answers that n samples give (not of viewpoints: `coverage_at_n`).",
    _at_n(closed_answers.coverage),
)
ANSWER_COVERAGE_VS_UNIFORM = _metric(
    "answer_coverage_vs_uniform",
    "`answer_coverage` over what n draws with equal chances cover: 1 is as random as a die.",
    _at_n(closed_answers.coverage_vs_uniform),
    range=Range(0, math.e / (math.e - 1)),
)
ANSWER_MATCH = _metric(
    "answer_match",
    "One minus the Jensen-Shannon distance (base 2) of the answers' shares to their chances.",
    _of_shares(closed_answers.match),
    tasks=(ENUMERABLE, EXACT),
    source="Endres and Schindelin 2003, doi:10.1109/TIT.2003.813506",
)
ANSWER_KL = _metric(
    "answer_kl",
    "The relative entropy of the answers' shares to their chances, in nats.",
    _of_shares(closed_answers.kl),
    range=Range(0, math.inf),
    higher_is_better=False,
    tasks=(ENUMERABLE, EXACT),
)
TOP_ANSWER_SHARE = _metric(
    "top_answer_share",
    "The share of the answer that is given most often, of all that give one.",
    _of_shares(lambda given, _: closed_answers.top_share(given)),
    higher_is_better=False,
    tasks=(ENUMERABLE, EXACT),
)
ANSWER_COLLISION = _metric(
    "answer_collision",
    "The share of pairs of valid samples that give the same answer; does not depend on n.",
    lambda view: classes.collision(closed_answers.valid(view.prompt.given_answers)),
    higher_is_better=False,
    grows_with_n=False,
    source="Simpson 1949, doi:10.1038/163688a0",
)
USABLE_UNIQUE = _metric(
    "usable_unique",
    "The distinct valid answers of n samples over n.",
    _at_n(lambda labels, _: closed_answers.unique(labels)),
)
ANSWER_ENTROPY = _metric(
    "answer_entropy",
    "The entropy of the answers' probabilities over the most it can be.",
    lambda view: (
        float(normalised_entropy(closed_answers.of_total(view.prompt.answer_masses)))
        if view.prompt.answer_masses
        else math.nan
    ),
    grows_with_n=False,
    tasks=(EXACT,),
    needs=frozenset({Need.ANSWER_MASSES}),
    source="Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x",
)
ANSWER_SET_MASS = _metric(
    "answer_set_mass",
    "The probability that a reply begins with one of the known answers at all.",
    # Half precision exceeds 1 by what it rounds.
    lambda view: (
        min(1.0, math.fsum(view.prompt.answer_masses)) if view.prompt.answer_masses else math.nan
    ),
    grows_with_n=False,
    tasks=(EXACT,),
    needs=frozenset({Need.ANSWER_MASSES}),
)
METRICS = (
    ANSWER_VALIDITY,
    ANSWER_COVERAGE,
    ANSWER_COVERAGE_VS_UNIFORM,
    ANSWER_MATCH,
    ANSWER_KL,
    TOP_ANSWER_SHARE,
    ANSWER_COLLISION,
    USABLE_UNIQUE,
    ANSWER_ENTROPY,
    ANSWER_SET_MASS,
)

"""Which metrics are read first, and in which order all of them read."""

from __future__ import annotations

from collections.abc import Iterable

from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.measures.classes import DISTINCT_K, UTILITY_K
from lm_eval_overton.metrics.measures.closed_answers import (
    ANSWER_COVERAGE,
    ANSWER_COVERAGE_VS_UNIFORM,
    ANSWER_ENTROPY,
    ANSWER_KL,
    ANSWER_MATCH,
    ANSWER_SET_MASS,
    ANSWER_VALIDITY,
    TOP_ANSWER_SHARE,
)
from lm_eval_overton.metrics.measures.coverage import (
    COVERAGE_AT_1,
    COVERAGE_AT_1_WEIGHTED,
    COVERAGE_AT_N,
    COVERAGE_ECHO,
    OVERTON_INDEX,
    STANCE_BALANCE,
)
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.likelihood import (
    BITS_PER_BYTE,
    LIKELIHOOD_SPREAD,
    NATS_PER_ANSWER,
    NATS_PER_TOKEN,
    WINDOWED_SHARE,
)
from lm_eval_overton.metrics.measures.likeness import CEILINGS, SIMILARITIES
from lm_eval_overton.metrics.measures.quality import QUALITY_PASS_SHARE
from lm_eval_overton.metrics.measures.quality_controlled import LEXICAL_DIVERSITY_QC
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.metrics.measures.stance import P_BOTH, STANCE_COVERAGE
from lm_eval_overton.metrics.measures.steering import (
    STEER_ACCURACY,
    STEER_ACCURACY_NO_VALUE,
    VALUE_GAIN,
)
from lm_eval_overton.metrics.measures.survey import (
    ANSWER_MASS,
    FIRST_LABEL_BIAS,
    STEER_GAIN,
    SURVEY_GAIN,
    SURVEY_MATCH,
)
from lm_eval_overton.metrics.measures.units import OVERTON_INDEX_WORDS, UNITS_AT_1_WORDS
from lm_eval_overton.metrics.metric import Metric

__all__ = ["FEW", "HEADLINE", "MOST", "headline_of", "in_reading_order"]

# How many a block of headline numbers holds, and the most that stand before all others.
FEW, MOST = 5, 8

# No kind of tasks reports more than MOST of them.
HEADLINE: tuple[Metric, ...] = (
    SEMANTIC_DIVERSITY,
    LEXICAL_DIVERSITY,
    DISTINCT_K,
    UTILITY_K,
    UNITS_AT_1_WORDS,
    OVERTON_INDEX_WORDS,
    QUALITY_PASS_SHARE,
    LEXICAL_DIVERSITY_QC,
    COVERAGE_AT_1,
    COVERAGE_ECHO,
    COVERAGE_AT_N,
    OVERTON_INDEX,
    STANCE_BALANCE,
    STANCE_COVERAGE,
    P_BOTH,
    COVERAGE_AT_1_WEIGHTED,
    *SIMILARITIES.values(),
    *CEILINGS.values(),
    ANSWER_COVERAGE_VS_UNIFORM,
    ANSWER_COVERAGE,
    ANSWER_VALIDITY,
    ANSWER_MATCH,
    ANSWER_KL,
    TOP_ANSWER_SHARE,
    ANSWER_ENTROPY,
    ANSWER_SET_MASS,
    SURVEY_MATCH,
    SURVEY_GAIN,
    STEER_GAIN,
    STEER_ACCURACY,
    VALUE_GAIN,
    STEER_ACCURACY_NO_VALUE,
    FIRST_LABEL_BIAS,
    ANSWER_MASS,
    BITS_PER_BYTE,
    NATS_PER_ANSWER,
    NATS_PER_TOKEN,
    LIKELIHOOD_SPREAD,
    WINDOWED_SHARE,
)


def headline_of(names: Iterable[str]) -> list[str]:
    """Return the few of some metrics that are read first, in their order.

    Where fewer than `FEW` of `HEADLINE` are among them, the next in the order of tables join them:
    neither baselines nor what is about samples.

    Args:
        names: Names of metrics; those that this version does not know are left out.
    """
    given = set(names)
    first = [metric for metric in HEADLINE if metric.name in given]
    rest = [
        metric
        for metric in REGISTRY.values()
        if metric.name in given and metric not in first and _is_finding(metric)
    ]
    return [metric.name for metric in [*first, *rest[: max(0, FEW - len(first))]]]


def _is_finding(metric: Metric) -> bool:
    return not (metric.is_baseline or metric.is_about_samples)


def in_reading_order(names: Iterable[str]) -> list[str]:
    """Return some metrics with the headline first, then further findings and what they are to be
    compared with, and last what the samples are like.

    Args:
        names: Names of metrics in the order of tables; those that this version does not know stay
            last.
    """
    given = list(dict.fromkeys(names))
    first = headline_of(given)
    rest = [name for name in given if name not in first]
    return [*first, *sorted(rest, key=_part)]


def _part(name: str) -> int:
    """Return in which part of a table a metric stands: findings, baselines, samples, others."""
    metric = REGISTRY.get(name)
    if metric is None:
        return 3
    return 2 if metric.is_about_samples else 1 if metric.is_baseline else 0

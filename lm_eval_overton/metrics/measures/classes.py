"""How many different answers the samples are, how even, and what a reader gets from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from lm_eval_overton.metrics.formulas import classes
from lm_eval_overton.metrics.metric import (
    BETWEEN,
    DIVERSITY,
    QUALITY,
    SHARE,
    Compute,
    Metric,
    Need,
    Range,
)
from lm_eval_overton.metrics.ratings import MOST
from lm_eval_overton.metrics.view import PromptView

__all__ = [
    "CLASSES_HILL1",
    "CLASSES_HILL2",
    "CLASS_COLLISION",
    "DISTINCT_AT_M",
    "DISTINCT_K",
    "DIVERSITY_COVERAGE",
    "METRICS",
    "QUALITY_HEADS",
    "QUALITY_MEAN",
    "TOP_CLASS_SHARE",
    "UTILITY_K",
    "UTILITY_SHARE",
]

NOVELTY_BENCH = "NoveltyBench, Zhang et al. 2025, arXiv:2504.05228"
SEMANTIC_ENTROPY = "Kuhn et al. 2023, arXiv:2302.09664"
_OF_SCALE = Range(1, MOST, "1 to the best rating")


def _classed(formula: Callable[[Sequence[int], PromptView], float]) -> Compute:
    """Return a metric of the classes alone, undefined without them."""
    return lambda view: math.nan if view.classes is None else formula(view.classes, view)


def _rated(formula: Callable[[Sequence[int], Sequence[float], int], float]) -> Compute:
    """Return a metric of the classes and the ratings of the samples in them."""

    def compute(view: PromptView) -> float:
        source = view.bench.ratings
        if view.classes is None or source is None:
            return math.nan
        return formula(view.classes, view.ratings[: len(view.classes)], source.most)

    return compute


def _utility_k(labels: Sequence[int], ratings: Sequence[float], most: int) -> float:
    return classes.discounted(labels, ratings) if most == MOST else math.nan


def _utility_share(labels: Sequence[int], ratings: Sequence[float], most: int) -> float:
    return classes.discounted(labels, ratings) / most


def _quality_heads(labels: Sequence[int], ratings: Sequence[float], most: int) -> float:
    heads = classes.head_positions(labels)
    return math.fsum(ratings[i] for i in heads) / len(heads)


def _diversity_coverage(labels: Sequence[int], ratings: Sequence[float], most: int) -> float:
    heads = classes.head_positions(labels)
    return math.fsum(ratings[i] for i in heads) / (len(labels) * most)


def _quality_mean(view: PromptView) -> float:
    return math.fsum(view.ratings) / len(view.ratings) if view.ratings else math.nan


def _number(
    name: str, says: str, formula: Callable[[Sequence[int], PromptView], float], **others: object
) -> Metric:
    given: dict[str, object] = {
        "range": Range(1, math.inf, "1 to n"),
        "higher_is_better": True,
        "family": BETWEEN,
        "tasks": (DIVERSITY,),
        "needs": frozenset({Need.CLASSES}),
        "grows_with_n": True,
        "source": NOVELTY_BENCH,
        **others,
    }
    return Metric(name, says, compute=_classed(formula), **given)  # type: ignore[arg-type]


DISTINCT_K = _number(
    "distinct_k",
    "The classes of equivalent answers among the first n samples.",
    lambda labels, view: classes.expected_classes(labels, view.bench.n),
)
DISTINCT_AT_M = _number(
    "distinct_at_m",
    "The expected classes among m of the samples (`distinct_m`), which does not depend on n.",
    lambda labels, view: classes.expected_classes(labels, view.bench.m),
    range=Range(1, math.inf, "1 to m"),
    grows_with_n=False,
)
CLASSES_HILL1 = _number(
    "classes_hill1",
    "The effective number of classes: exp of their entropy (the log is the semantic entropy).",
    lambda labels, view: classes.hill_number(labels, 1),
    source=SEMANTIC_ENTROPY,
)
CLASSES_HILL2 = _number(
    "classes_hill2",
    "The effective number of classes, rare ones counted less: 1 over the sum of squared shares.",
    lambda labels, view: classes.hill_number(labels, 2),
    source="Hill 1973, doi:10.2307/1934352",
)
TOP_CLASS_SHARE = _number(
    "top_class_share",
    "The share of the samples that are in the largest class.",
    lambda labels, view: max(classes.shares(labels)),
    range=SHARE,
    higher_is_better=False,
    source=SEMANTIC_ENTROPY,
)
CLASS_COLLISION = _number(
    "class_collision",
    "The share of pairs of samples that are in one class; does not depend on n.",
    lambda labels, view: classes.collision(labels),
    range=SHARE,
    higher_is_better=False,
    grows_with_n=False,
    source="Simpson 1949, doi:10.1038/163688a0",
)


def _worth(
    name: str,
    says: str,
    formula: Callable[[Sequence[int], Sequence[float], int], float],
    range: Range,
    family: str = BETWEEN,
) -> Metric:
    return Metric(
        name,
        says,
        range,
        higher_is_better=True,
        family=family,
        tasks=(DIVERSITY,),
        needs=frozenset({Need.CLASSES, Need.RATINGS}),
        grows_with_n=True,
        source=NOVELTY_BENCH,
        compute=_rated(formula),
    )


UTILITY_K = _worth(
    "utility_k",
    "Ratings (1 to 10) of the first of each class, the others 0: their mean, each next sample "
    "weighted .8 of the one before.",
    _utility_k,
    Range(0, MOST),
)
UTILITY_SHARE = _worth(
    "utility_share",
    "`utility_k` over the best rating, so that a judge's scale of five serves too.",
    _utility_share,
    SHARE,
)
DIVERSITY_COVERAGE = _worth(
    "diversity_coverage",
    "The ratings of the first of each class over n times the best rating.",
    _diversity_coverage,
    SHARE,
)
QUALITY_HEADS = _worth(
    "quality_heads",
    "The mean rating of the first of each class.",
    _quality_heads,
    _OF_SCALE,
    QUALITY,
)
QUALITY_MEAN = Metric(
    "quality_mean",
    "The mean rating of all samples.",
    _OF_SCALE,
    higher_is_better=True,
    family=QUALITY,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.RATINGS}),
    source=NOVELTY_BENCH,
    compute=_quality_mean,
)
METRICS = (
    DISTINCT_K,
    DISTINCT_AT_M,
    CLASSES_HILL1,
    CLASSES_HILL2,
    TOP_CLASS_SHARE,
    CLASS_COLLISION,
    UTILITY_K,
    UTILITY_SHARE,
    DIVERSITY_COVERAGE,
    QUALITY_HEADS,
    QUALITY_MEAN,
)

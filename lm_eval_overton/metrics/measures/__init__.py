"""All metrics, found in the modules beside this one: a metric is a file with `METRICS` in it."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from importlib import import_module

from lm_eval_overton.metrics.metric import AGAINST_REFERENCE, Metric, Need, Task, Whole
from lm_eval_overton.metrics.ratings import RATING_SOURCE
from lm_eval_overton.stats import UNBOUNDED
from lm_eval_overton.stats import Range as Limits

__all__ = [
    "CLASSED",
    "JUDGED",
    "JUDGED_BY",
    "MATCHING",
    "RANGES",
    "RATED",
    "REFERENCE",
    "REGISTRY",
    "bounded",
    "is_about_samples",
    "judgements_of",
    "known",
    "limits_of",
    "names",
    "needs_of",
    "reported_by",
    "that_need",
    "versions",
    "whole_of",
]

# Tables show metrics in this order of their modules; those of other modules come after.
_FIRST = (
    "lexical_diversity",
    "semantic_diversity",
    "vendi",
    "classes",
    "distinct",
    "compression",
    "ead",
    "self_bleu",
    "self_repetition",
    "anchors",
    "frame_share",
    "nli_diversity",
    "closed_answers",
    "units",
    "coverage",
    "modular_pluralism",
    "reference",
    "quality",
    "quality_controlled",
    "missing",
    "topics",
    "stance",
    "stance_words",
    "likeness",
    "bertscore",
)
_LAST = "about_samples"


def _modules() -> Iterator[str]:
    """Yield the names of all modules of metrics in the order of tables."""
    there = {module.name for module in pkgutil.iter_modules(__path__)}
    yield from _FIRST
    yield from sorted(there.difference(_FIRST, {_LAST}))
    yield _LAST


def _declared() -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for module in _modules():
        for metric in import_module(f"{__name__}.{module}").METRICS:
            if metric.name in found:
                raise ValueError(f"{module}: expected a new name, got {metric.name!r} once more")
            found[metric.name] = metric
    return found


# Every metric by its name, in the order in which tables show them.
REGISTRY: Mapping[str, Metric] = _declared()


def reported_by(task: Task) -> list[Metric]:
    """Return the metrics that a kind of tasks reports."""
    return [metric for metric in REGISTRY.values() if task in metric.tasks]


def judgements_of(task: Task) -> tuple[str, ...]:
    """Return the judgements that the metrics of a kind of tasks are shown with or rest on."""
    reported = reported_by(task)
    names = [metric.judgement for metric in reported if metric.judgement]
    if Need.RATINGS in needs_of(reported):
        names.append(RATING_SOURCE.judgement)
    return tuple(dict.fromkeys(names))


def needs_of(metrics: Iterable[Metric]) -> frozenset[Need]:
    """Return what any of the metrics needs."""
    return frozenset[Need]().union(*(metric.needs for metric in metrics))


def known(names: Iterable[str]) -> list[Metric]:
    """Return the metrics among some names; names of verdict counts are left out."""
    return [REGISTRY[name] for name in names if name in REGISTRY]


def versions(names: Iterable[str]) -> list[str]:
    """Return the metrics whose definition is not the first, each with its version."""
    return [f"{metric.name}-{metric.version}" for metric in known(names) if metric.version > 1]


def whole_of(name: str) -> Whole | None:
    """Return what gives each prompt its part of a metric; None where each has a value alone."""
    return REGISTRY[name].whole if name in REGISTRY else None


def bounded(names: Iterable[str], by_judge: AbstractSet[Need]) -> frozenset[str]:
    """Return the metrics that verdicts decide, so that missing ones bound them.

    Args:
        names: Names of metrics.
        by_judge: What a judge provides beside his judgements: matches, classes, ratings.
    """
    return frozenset(
        metric.name
        for metric in known(names)
        if (metric.judgement and metric.rests_on_verdicts) or metric.decided_by & by_judge
    )


def that_need(need: Need) -> frozenset[str]:
    """Return the names of the metrics with a need."""
    return names(metric for metric in REGISTRY.values() if need in metric.needs)


def is_about_samples(name: str) -> bool:
    """Tell whether a metric says what the samples are like, not what they say."""
    return name in REGISTRY and REGISTRY[name].is_about_samples


def names(metrics: Iterable[Metric]) -> frozenset[str]:
    """Return the metrics' names."""
    return frozenset(metric.name for metric in metrics)


# Per metric the least and the greatest value that it can have.
RANGES = {metric.name: (metric.range.low, metric.range.high) for metric in REGISTRY.values()}


def limits_of(names: Iterable[str]) -> list[Limits]:
    """Return the least and the greatest value of each metric; without limits where not known."""
    return [RANGES.get(name, UNBOUNDED) for name in names]


MATCHING = that_need(Need.MATCHER)
CLASSED = that_need(Need.CLASSES)
RATED = that_need(Need.RATINGS)
# What is measured against a reference run's units, so that it is undefined without one.
REFERENCE = names(
    metric
    for metric in REGISTRY.values()
    if metric.family == AGAINST_REFERENCE and Need.REFERENCE in metric.needs
)
JUDGED_BY = {metric.name: metric.judgement for metric in REGISTRY.values() if metric.judgement}
JUDGED = frozenset(JUDGED_BY)

"""The metrics of a task, and how its configuration names them to the harness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.metrics.measures import REGISTRY, known, reported_by
from lm_eval_overton.metrics.metric import (
    COVERAGE,
    ENUMERABLE,
    EXACT,
    LIKELIHOOD,
    OF_OPTIONS,
    Metric,
    Need,
    Task,
)

__all__ = ["as_metric_list", "that_can_be", "wanted"]


def wanted(config: Mapping[str, Any], kind: Task) -> list[Metric]:
    """Return the metrics that a configuration names, or else all that its kind of tasks reports.

    Raises:
        SettingsError: If it names one that there is not.
    """
    if config.get("metric_list") is None:
        return reported_by(kind)
    names = [str(entry["metric"]) for entry in config["metric_list"]]
    unknown = [name for name in names if name not in REGISTRY or not _fits(name, kind)]
    if unknown:
        raise SettingsError(
            f"{config['task']}: expected metrics in metric_list that `overton metrics` lists and "
            f"the task's prompts allow, got {', '.join(unknown)}; leave metric_list out for all "
            "that the task reports"
        )
    return known(names)


def _fits(name: str, kind: Task) -> bool:
    """Tell whether a kind of tasks has what a metric is of: samples or likelihoods, viewpoints."""
    needs = REGISTRY[name].needs
    of_logs = needs & {Need.LIKELIHOODS, Need.ANSWER_LIKELIHOODS}
    if of_logs or kind in (*OF_OPTIONS, LIKELIHOOD):
        return kind in REGISTRY[name].tasks
    of_viewpoints = bool(needs & {Need.MATCHER, Need.SIDES}) and Need.TOKENS not in needs
    of_answers = bool(needs & {Need.ANSWERS, Need.ANSWER_MASSES})
    return not (
        (of_viewpoints and kind != COVERAGE)
        or (of_answers and kind not in (ENUMERABLE, EXACT))
        or (Need.ANSWER_MASSES in needs and kind != EXACT)
    )


def that_can_be(
    metrics: Iterable[Metric], absent: AbstractSet[Need], left_out: AbstractSet[str]
) -> list[Metric]:
    """Return the metrics that can be computed.

    Args:
        metrics: Those that are wanted.
        absent: What is not there.
        left_out: Names of those that nobody gives verdicts for.
    """
    return [m for m in metrics if not m.needs & absent and m.name not in left_out]


def as_metric_list(
    metrics: Sequence[Metric], given: Sequence[Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """Return the metrics as the harness's configurations name them.

    Args:
        metrics: The metrics.
        given: The entries of a configuration that names its own: what it says of a direction holds.
    """
    own = {str(entry["metric"]): entry for entry in given or ()}
    return [
        {
            "metric": metric.name,
            "higher_is_better": metric.higher_is_better,
            **own.get(metric.name, {}),
            "aggregation": "overton_mean",
        }
        for metric in metrics
    ]

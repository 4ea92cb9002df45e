"""Some of a task's metrics alone: nothing is loaded or asked for the others."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.judge.judgements import OF_REFERENCE
from lm_eval_overton.metrics.measures import REGISTRY, known, needs_of
from lm_eval_overton.metrics.metric import Metric, Need

__all__ = ["choose", "require_reported"]

logger = logging.getLogger("lm_eval.overton")


def require_reported(names: Collection[str], reported: Collection[Metric], task: str) -> None:
    """Look whether a task reports all metrics that are asked for.

    Args:
        names: Those that are asked for.
        reported: Those that it reports.
        task: Its name.

    Raises:
        SettingsError: If there is none, or one that it does not report.
    """
    there = {metric.name for metric in reported}
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        raise SettingsError(
            f"--metrics: expected names of metrics that {task} reports (`overton metrics` lists "
            f"them), with commas between them, got {', '.join(unknown) or 'none'}"
        )


def choose(task: OvertonTask, names: Collection[str]) -> None:
    """Let a task compute some of its metrics alone; its signature stays as it is.

    Args:
        task: It has not been scored yet.
        names: The metrics.

    Raises:
        SettingsError: If it can compute none of them.
    """
    _tell_what_cannot_be(task, names)
    metrics = known(name for name in task.metric_names if name in names)
    needs = needs_of(metrics)
    task.config.metric_list = [
        entry for entry in task.config.metric_list or [] if entry["metric"] in names
    ]
    if Need.RATINGS not in needs:
        task.instruments = replace(task.instruments, reward=None)
    rated = task.ratings.judgement if task.ratings and Need.RATINGS in needs else ""
    judgements = {rated, *(metric.judgement for metric in metrics)}
    asked = task.instruments.asked(needs)
    task.stage = replace(
        task.stage,
        names=tuple(name for name in task.stage.names if name in judgements),
        beside=tuple(
            name
            for name in task.stage.beside
            if name in asked or name.removeprefix(OF_REFERENCE) in judgements
        ),
    )


def _tell_what_cannot_be(task: OvertonTask, names: Collection[str]) -> None:
    absent = [REGISTRY[name] for name in names if name not in task.metric_names]
    if not absent:
        return
    why = "; ".join(f"{metric.name} needs {metric.needed}" for metric in absent)
    if len(absent) == len(set(names)):
        raise SettingsError(
            f"--metrics: expected at least one that {task.task_name} can compute from these "
            f"responses and settings, got none ({why})"
        )
    logger.warning("%s: not computed from these responses and settings: %s", task.task_name, why)

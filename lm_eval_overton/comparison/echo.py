"""What to know of coverage that was matched without a judge, and of coverage that says nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1, COVERAGE_ECHO
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import fields

__all__ = ["notes"]

CAUTION = (
    "viewpoints were matched without a judge, which misses paraphrases, counts some arguments that "
    "are named to be rejected, and reads manners of writing unequally (`overton matcher`): for "
    'conclusions run it with `"matcher": "judge"`'
)


def notes(base: FinishedRun, run: FinishedRun, seed: int) -> Iterator[tuple[str, str]]:
    """Yield task and text of what coverage in a pair of runs is to be read with.

    Args:
        base: A run.
        run: Another.
        seed: Of the resamples.
    """
    for task in (own for own in base.tasks if own in run.tasks):
        both = (base.tasks[task], run.tasks[task])
        if not all(COVERAGE_AT_1.name in own.values for own in both):
            continue
        if any(_is_offline(own) for own in both):
            yield task, CAUTION
        for name, own in zip((base.name, run.name), both, strict=True):
            if text := _no_more_than_echo(own, seed):
                yield task, f"coverage of {name} {text}"


def _is_offline(own: TaskResult) -> bool:
    match = fields(own.signature).get("match", "judge")
    return not match.startswith("judge") and ":judge>=" not in match


def _no_more_than_echo(own: TaskResult, seed: int) -> str:
    """Return what to say of a run that is not above an answer that says nothing; or nothing."""
    if COVERAGE_ECHO.name not in own.values:
        return ""
    found, echo = own.values[COVERAGE_AT_1.name], own.values[COVERAGE_ECHO.name]
    paired = stats.paired_comparison(found, echo, np.random.default_rng(seed))
    if not paired.n or paired.is_rise:
        return ""
    return (
        f"({paired.mean_a:.3f}) is not above that of an answer that only repeats its question "
        f"({paired.mean_b:.3f}, n = {paired.n})"
    )

"""What metrics on a judge's verdicts share: the verdicts of a prompt, and how many there are.

Only parsed verdicts enter. A view that is `filled` takes each missing verdict for the worst or for
the best one, which bounds the metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lm_eval_overton.judge.judgements import LABELLED, OF_REFERENCE
from lm_eval_overton.judge.verdicts import STATUSES, Verdict
from lm_eval_overton.metrics.metric import Compute
from lm_eval_overton.metrics.view import PromptView

__all__ = ["CLASSES", "COUNTS", "VIEWPOINTS", "asked", "filled", "mean_of_known", "values"]


def asked(view: PromptView, name: str) -> list[Verdict]:
    """Return the verdicts that are counted by a name.

    Args:
        view: The prompt.
        name: A judgement, one of the reference's samples (`reference_quality`), `viewpoints` for
            what the matcher asked, or `classes` for what the equivalence did.
    """
    if name == VIEWPOINTS:
        return view.match_verdicts
    if name == CLASSES:
        return view.class_verdicts
    own = view.prompt.verdicts
    if name.startswith(OF_REFERENCE):
        own, name = view.prompt.reference_verdicts, name.removeprefix(OF_REFERENCE)
    return [verdict for verdict in own.get(name, ()) if verdict is not None]


def values(view: PromptView, judgement: str, part: str | None = None) -> list[Any]:
    """Return the values of a prompt's verdicts, or one part of each; None where one is missing."""
    found = [verdict.value for verdict in asked(view, judgement)]
    return found if part is None else [value[part] if value else None for value in found]


def filled(view: PromptView, values: Sequence[Any], worst: Any, best: Any) -> list[Any]:
    """Return the values, those that are missing replaced as the view wants it."""
    stand_in = {"": None, "worst": worst, "best": best}[view.fill]
    return [stand_in if value is None else value for value in values]


def mean_of_known(values: Sequence[float | None]) -> float:
    """Return the mean of the values that are not None; NaN for none."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else math.nan


def _count(name: str, status: str) -> Compute:
    return lambda view: float(sum(verdict.status == status for verdict in asked(view, name)))


# What the matcher, and what the equivalence, asked a judge is counted by these names.
VIEWPOINTS = "viewpoints"
CLASSES = "classes"
# How many verdicts of each status a prompt has.
COUNTS = {
    f"{name}_{status}": _count(name, status)
    for name in (*LABELLED, VIEWPOINTS, CLASSES)
    for status in STATUSES
}

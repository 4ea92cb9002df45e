"""Which run is the reference: a run itself, or the base of a pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lm_eval_overton.metrics.measures import REFERENCE, known
from lm_eval_overton.metrics.measures.reference import REFERENCE_COVERAGE_AT_N
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import fields

__all__ = ["against_itself", "is_measured_on", "is_own_reference", "rests_on_reference"]

COVERED = REFERENCE_COVERAGE_AT_N.name


def rests_on_reference(metric: str) -> bool:
    """Return whether a metric is measured against the responses of a reference run."""
    return any(Need.REFERENCE in declared.needs for declared in known([metric]))


def is_own_reference(own: TaskResult) -> bool:
    """Return whether a run was measured against its own samples: they cover all their units."""
    covered = own.values.get(COVERED, np.array([]))
    known = covered[~np.isnan(covered)]
    return bool(len(known)) and np.allclose(known, 1.0)


def against_itself(own: TaskResult) -> tuple[str, ...]:
    """Return the metrics that compare a run with its own samples, none if it is no own reference.

    What they say holds by construction.
    """
    if not is_own_reference(own):
        return ()
    return tuple(
        metric.name
        for metric in known(own.values)
        # Neither baseline counts a sample as covering itself: the one compares the reference's
        # samples with each other, the other answers to other prompts.
        if metric.name in REFERENCE and not metric.is_baseline
    )


def is_measured_on(base: FinishedRun, own: TaskResult) -> bool | None:
    """Return whether a run's reference is the base; None where it cannot be told.

    Args:
        base: The base.
        own: A task of the run that has a reference.
    """
    known = base.tasks.get(own.task)
    shared = _is_same_text(known, own) if known is not None else []
    if shared:
        # Texts that a file could not hold as they were may differ on a prompt.
        return sum(shared) >= len(shared) / 2
    is_same = known is not None and _reference(known) == _reference(own)
    if known is not None and is_own_reference(known):
        return is_same
    if own.reference_run is not None and _lies_in(Path(own.reference_run), base.place):
        return True
    # A base that was measured against the same reference, and does not cover all of it, is not it.
    is_other = is_same and known is not None and COVERED in known.values
    return False if is_other else None


def _is_same_text(base: TaskResult, own: TaskResult) -> list[bool]:
    """Return whether the base gave the reference's answers, for each prompt where it is known."""
    of_base = dict(zip(base.ids, (details.get("sha") for details in base.details), strict=True))
    return [
        of_base[key] == details["reference_sha"]
        for key, details in zip(own.ids, own.details, strict=True)
        if "reference_sha" in details and of_base.get(key) is not None
    ]


def _reference(own: TaskResult) -> str | None:
    return fields(own.signature).get("reference")


def _lies_in(path: Path, place: Path) -> bool:
    folder = (place.parent if place.is_file() else place).resolve()
    return folder in (path.resolve(), *path.resolve().parents)

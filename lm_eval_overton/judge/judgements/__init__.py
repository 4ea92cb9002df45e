"""All judgements: each file of this folder declares one, as `JUDGEMENT`."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge.prompts import Judgement
from lm_eval_overton.settings.credentials import redact
from lm_eval_overton.settings.judge import JudgeSpec

__all__ = [
    "CALIBRATED",
    "JUDGEMENTS",
    "LABELLED",
    "MEASURED",
    "OF_REFERENCE",
    "RELEASED",
    "check_names",
]


def _declared() -> Iterator[Judgement]:
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        yield import_module(module.name).JUDGEMENT


# In the order of every list and of what a judge's signature hashes.
JUDGEMENTS: dict[str, Judgement] = {
    judgement.name: judgement for judgement in sorted(_declared(), key=lambda own: own.place)
}
# Before the name of a judgement: that of the reference run's own samples.
OF_REFERENCE = "reference_"

# The judgements that metrics rest on; the others are for `overton calibrate` or a matcher.
MEASURED = tuple(own.name for own in JUDGEMENTS.values() if own.measured)
# What a file of labels can hold for a judge's place, and which judgements labels can check.
LABELLED = (
    *MEASURED,
    *(OF_REFERENCE + own.name for own in JUDGEMENTS.values() if own.of_reference),
)
CALIBRATED = tuple(own.name for own in JUDGEMENTS.values() if own.scale)
RELEASED = tuple(own.name for own in JUDGEMENTS.values() if own.released)


def check_names(spec: JudgeSpec, task: str) -> None:
    """Refuse a judge whose settings name a judgement that no metric rests on.

    Args:
        spec: The judge.
        task: For messages.

    Raises:
        SettingsError: With the names that there are.
    """
    asked = list(spec.judgements or ())
    if not set(asked) <= set(MEASURED):
        raise _unknown(task, f"judgements to list some of {', '.join(MEASURED)}", asked)
    if not spec.labels.keys() <= set(LABELLED):
        labels = dict(spec.labels)
        raise _unknown(task, f"labels to map some of {', '.join(LABELLED)} to files", labels)


def _unknown(task: str, expected: str, given: Any) -> SettingsError:
    return SettingsError(f"{task}: expected judge.{expected}, got {redact(given)!r}")

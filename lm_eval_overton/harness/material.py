"""What a task asks, and what it compares the responses with."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_overton.data import PromptSet, weight_of
from lm_eval_overton.errors import NoAnswersError
from lm_eval_overton.metrics.metric import ICL
from lm_eval_overton.runs.reference import load_reference
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.samples import Sample

__all__ = ["Material", "Reference", "find_reference", "reference_hash", "require_reference"]

logger = logging.getLogger("lm_eval.overton")

# A reference run's samples by prompt id.
Reference = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Material:
    """What a task asks, and what it compares the responses with.

    Attributes:
        prompts: The prompts that are scored.
        reference: The samples of a reference run.
        reserved: Prompts that the reference answers and that are kept as examples.
        lacking: Why the reference run that the user named has no answers to this task.
    """

    prompts: PromptSet
    reference: Reference
    reserved: Sequence[Mapping[str, Any]] = ()
    lacking: NoAnswersError | None = None

    @property
    def has_weights(self) -> bool:
        """Whether the viewpoints of any prompt are weighted."""
        own = [doc.get("viewpoints") for doc in self.prompts.docs]
        listed = (viewpoint for one in own if isinstance(one, list) for viewpoint in one)
        return any(weight_of(viewpoint) is not None for viewpoint in listed)

    @property
    def asks_yes_no(self) -> bool:
        """Whether any prompt is said to be a yes/no question."""
        return any(doc.get("kind") == "yes_no" for doc in self.prompts.docs)


def find_reference(settings: Settings, prompts: PromptSet, task: str) -> Material:
    """Return the prompts with the reference run that the user named; without one, with nothing.

    A reference may answer other tasks of a run than this one: then the material says so.

    Raises:
        DataError: If it cannot be read.
    """
    place = settings.reference_run
    if not place:
        return Material(prompts, {})
    try:
        found = load_reference(place, task, prompts, settings.reference_stop)
    except NoAnswersError as error:
        return Material(prompts, {}, lacking=error)
    logger.info("%s answers %d of %d prompts", place, len(found), len(prompts.docs))
    return Material(prompts, found)


def require_reference(own: Material, tasks: Iterable[Any], task: str) -> None:
    """Warn of a reference run that does not answer a task.

    Args:
        own: The task's material.
        tasks: All tasks of its evaluation.
        task: The task's name.

    Raises:
        NoAnswersError: If it answers none of them.
    """
    if own.lacking is None:
        return
    line = f"{task}: reference_run: {own.lacking}"
    # In-context tasks have a reference of another kind.
    compared = [one.material for one in tasks if getattr(one, "KIND", ICL) != ICL]
    if all(one.lacking for one in compared):
        raise NoAnswersError(line) from own.lacking
    logger.warning("%s; this task has no metrics against the reference run", line)


def reference_hash(reference: Reference) -> str | None:
    """Return what identifies the texts of a reference run; None without one."""
    texts = {key: [sample.text for sample in own] for key, own in reference.items()}
    return short_hash(texts) if texts else None

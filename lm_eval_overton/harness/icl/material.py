"""Which prompts are scored against the aligned model's answers, and which are kept as examples."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from lm_eval_overton.data import PromptSet, packaged_path
from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.icl.examples import first_valid, reserve
from lm_eval_overton.harness.material import Material
from lm_eval_overton.runs.reference import load_reference
from lm_eval_overton.runs.responses import DEFAULT_TASK, Recorded
from lm_eval_overton.settings.task import Settings

__all__ = ["PACKAGED_REFERENCE", "find_answered"]

logger = logging.getLogger("lm_eval.overton")

PACKAGED_REFERENCE = "references_open_ended"


def find_answered(
    prompts: PromptSet, settings: Settings, recorded: Recorded | None, task: str
) -> Material:
    """Return those of the prompts that have a reference and are not reserved as examples.

    Args:
        prompts: All that could be scored.
        settings: What the user asked for.
        recorded: The responses, where they exist already.
        task: The task's name.

    Raises:
        DataError: If none is left, or the reference cannot be read.
    """
    asked = recorded.asked if recorded and recorded.asked else prompts
    place = settings.reference or str(packaged_path(PACKAGED_REFERENCE))
    # A folder may hold runs of this very task: the reference is what was asked plainly.
    found = load_reference(place, DEFAULT_TASK, asked, settings.reference_stop)
    reference = {key: own for key, own in found.items() if first_valid(own)}
    answered = [doc["id"] for doc in asked.docs if doc["id"] in reference]
    reserved = _reserve(asked, answered, settings, recorded)
    kept = [doc for doc in prompts.docs if doc["id"] in reference and doc["id"] not in reserved]
    logger.info(
        "%s: %d of %d prompts have a reference and are scored, %d are reserved as examples",
        task,
        len(kept),
        len(prompts.docs),
        len(reserved),
    )
    if not kept:
        raise DataError(
            f"{task}: expected a reference response to at least one prompt, got none in "
            f"{place}; match prompts by id or text"
        )
    examples = [doc for doc in asked.docs if doc["id"] in reserved]
    return Material(replace(prompts, docs=kept), reference, examples)


def _reserve(
    asked: PromptSet, answered: Sequence[str], settings: Settings, recorded: Recorded | None
) -> list[str]:
    # Recorded responses have had their examples: nothing but the packaged three, or what the user
    # names, is kept from the score.
    chosen = settings.example_ids
    reserved = reserve(asked, answered, chosen)
    if recorded and chosen is None and reserved == list(answered[:3]):
        return []
    return reserved

"""A reference run: another model's responses to the same prompts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lm_eval_overton.data import PromptSet
from lm_eval_overton.runs.places import find_responses
from lm_eval_overton.runs.responses import match_prompts, read_responses
from lm_eval_overton.text.samples import Sample, clean

__all__ = ["load_reference"]


def load_reference(
    place: str, task: str, prompts: PromptSet, stops: Sequence[str] | None
) -> Mapping[str, list[Sample]]:
    """Return a reference run's cleaned samples by prompt id.

    Args:
        place: As for `find_responses`.
        task: As for `find_responses`.
        prompts: The prompts of the run that is compared.
        stops: Stop sequences of the reference's responses; None: what its file says.

    Raises:
        DataError: If no prompt has responses in it, or the file cannot be read.
    """
    found = read_responses(find_responses(Path(place), task), task)
    recorded = match_prompts(found, prompts)
    cut_at = found.stops if stops is None else tuple(stops)
    return {
        doc["id"]: [clean(raw, cut_at) for raw in recorded.responses[doc["id"]]]
        for doc in recorded.prompts.docs
    }

"""A reference run: another model's responses to the same prompts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm_eval_overton.data import PromptSet
from lm_eval_overton.errors import NoAnswersError
from lm_eval_overton.runs.answers import Samples, cleaned_answers
from lm_eval_overton.runs.places import find_responses
from lm_eval_overton.runs.responses import IN_CONTEXT, read_responses

__all__ = ["load_reference"]


def load_reference(
    place: str, task: str, prompts: PromptSet, stops: Sequence[str] | None
) -> Samples:
    """Return a reference run's cleaned samples by prompt id.

    Args:
        place: As for `find_responses`.
        task: The task that asked the reference the same prompts, without examples or hints.
        prompts: The prompts of the run that is compared.
        stops: Stop sequences of the reference's responses; None: what its file says.

    Raises:
        NoAnswersError: If a folder holds nothing but answers to other tasks or in-context ones,
            or no prompt has responses.
        DataError: If there are no responses at all, or the file cannot be read.
    """
    path = find_responses(Path(place), task)
    found = read_responses(path, task)
    if not Path(place).is_file() and (found.task or "").startswith(IN_CONTEXT):
        raise NoAnswersError(
            f"{path}: expected the reference's answers to {task}, got those to {found.task}; name "
            "the file itself if they are meant"
        )
    return cleaned_answers(found, prompts, found.cleaning(stops)).all_samples()

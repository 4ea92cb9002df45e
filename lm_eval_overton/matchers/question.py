"""What all matchers share: questions in, the best score of each viewpoint in each response out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lm_eval_overton.text.words import sentences

__all__ = ["Scores", "ViewpointQuestion", "as_scores", "split_responses"]

Scores = npt.NDArray[np.float64]


class ViewpointQuestion(NamedTuple):
    """Responses, the viewpoints that are looked for in them, and what was asked."""

    texts: Sequence[str]
    viewpoints: Sequence[str]
    prompt: str = ""


def split_responses(questions: Sequence[ViewpointQuestion]) -> list[list[list[str]]]:
    """Return per question and response its sentences."""
    return [[sentences(response) for response in question.texts] for question in questions]


def as_scores(rows: Sequence[Sequence[float] | npt.NDArray[np.floating]], width: int) -> Scores:
    """Return one row per response as an array (n_responses, width), for no response too."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)

"""The forms of a response: what frames put around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = [
    "ANSWER",
    "FENCE",
    "LIST_MARKER",
    "QUERY",
    "answer_of",
    "before_stop",
    "cut_at_stop",
]

# What stands around a question and its answer in the prompt frames.
FENCE = "```"
QUERY, ANSWER = "# Query", "# Answer"

# What sentences are stripped of. What makes a list is in `lists`: more, but the clusters and the
# coverage of English texts rest on these sentences and stay equal.
# A word must follow: `* * *` is a rule, not a list.
LIST_MARKER = re.compile(r"^\s*(?:\d{1,3}\.|[-*•])\s+(?=.*\w)")


def answer_of(raw: str) -> str | None:
    """Return the answer part of a response that begins with a summary.

    Args:
        raw: The response as it came; further turns that the model invented are cut off.

    Returns:
        What follows the opening fence of the answer, to be cut at the closing one; empty if the
        model began another query before it answered; None if there is no answer at all.
    """
    if ANSWER not in raw:
        return None
    _, _, after = raw.partition(QUERY)[0].partition(ANSWER)
    _, fence, inside = after.partition(FENCE)
    return inside if fence else after.lstrip(":")


def before_stop(text: str, stops: Sequence[str]) -> str:
    """Return `text` up to its first stop sequence, its white space as it came.

    Args:
        text: One raw response.
        stops: Stop sequences of the prompt frame; empty strings are ignored.
    """
    ends = [end for stop in stops if stop and (end := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return `text` up to its first stop sequence, surrounding white space stripped.

    Args:
        text: One raw response.
        stops: Stop sequences of the prompt frame; empty strings are ignored.

    Returns:
        The cleaned text, possibly empty.
    """
    return before_stop(text, stops).strip()

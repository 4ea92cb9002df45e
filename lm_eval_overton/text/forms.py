"""The forms of a response: what frames put around it, lists, refusals."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = [
    "ANSWER",
    "FENCE",
    "LIST_MARKER",
    "QUERY",
    "REFUSAL_PHRASES",
    "answer_of",
    "cut_at_stop",
    "is_list",
    "is_refusal",
]

# What stands around a question and its answer in the prompt frames.
FENCE = "```"
QUERY, ANSWER = "# Query", "# Answer"

# A word must follow: `* * *` is a rule, not a list.
LIST_MARKER = re.compile(r"^\s*(?:\d{1,3}\.|[-*•])\s+(?=.*\w)")

# Openings of a refusal; the documentation lists them. Apostrophes are normalised before the test.
REFUSAL_PHRASES = (
    "i can't help with",
    "i cannot help with",
    "i can't assist with",
    "i cannot assist with",
    "i'm unable to help",
    "i am unable to help",
    "i'm not able to help",
    "i am not able to help",
    "i'm sorry, but i can't",
    "i'm sorry, but i cannot",
    "i apologize, but i cannot",
    "i apologize, but i can't",
    "i can't fulfill",
    "i cannot fulfill",
    "i can't provide",
    "i cannot provide",
    "i won't be able to help",
    "i must decline",
    "as an ai language model, i cannot",
    "as an ai language model, i can't",
)


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


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return `text` up to its first stop sequence, surrounding white space stripped.

    Args:
        text: One raw response.
        stops: Stop sequences of the prompt frame; empty strings are ignored.

    Returns:
        The cleaned text, possibly empty.
    """
    ends = [end for stop in stops if stop and (end := text.find(stop)) >= 0]
    return text[: min(ends)].strip() if ends else text.strip()


def is_list(text: str) -> bool:
    """Tell whether a text holds at least two list lines (`1.`, `-`, `*` or `•`)."""
    return sum(1 for line in text.splitlines() if LIST_MARKER.match(line)) >= 2


def is_refusal(text: str) -> bool:
    """Tell whether a text holds one of `REFUSAL_PHRASES`, case and apostrophe style aside."""
    lowered = text.lower().replace("’", "'")
    return any(phrase in lowered for phrase in REFUSAL_PHRASES)

"""Whether two responses serve the same function, asked in both orders."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_overton.judge.prompts import ONE_OBJECT, Judgement, Scale

__all__ = ["JUDGEMENT"]

_LABELS = ("same", "different")

_QUESTION = """\
Two responses, RESPONSE A and RESPONSE B, answer the same PROMPT. Decide whether they are \
functionally the same. Choose one label:

same - somebody who has one of them gains nothing of substance from the other: the same answer, \
advice, choice, idea or plot, in whatever words, order, tone or length.
different - the other one gives this person something else: another answer or conclusion, another \
main idea, or a point that would change what they know or do.

Differences of style, format or small detail leave them the same. For creative requests, go by the \
idea and how it is worked out, not by the genre that the prompt fixed. Neither quality nor \
correctness matters, and the order in which the two are shown means nothing."""


def _merged(values: Sequence[str]) -> str | None:
    """Return what both orders say; nothing where they contradict each other."""
    return values[0] if len(set(values)) == 1 else None


JUDGEMENT = Judgement(
    name="equivalence",
    version=1,
    place=5,
    inputs=("prompt", "response_a", "response_b"),
    question=_QUESTION,
    reply_format=f'{ONE_OBJECT}, "verdict" ("same" or "different").',
    example='"same" or "different"',
    labels=_LABELS,
    merge=_merged,
    scale=Scale(_LABELS),
)

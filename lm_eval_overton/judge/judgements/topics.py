"""Which topics a response and the reference's deal with, asked in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval_overton.judge.prompts import ONE_OBJECT, Judgement

__all__ = ["JUDGEMENT"]

_SIDES = ("only_a", "both", "only_b")
# Whose topics these are, as shown first the reference and then the sample.
_OF_WHOM = ("only_reference", "both", "only_sample")

_QUESTION = """\
Two responses, RESPONSE A and RESPONSE B, answer the same PROMPT. List the topics that they deal \
with, and say for each topic who deals with it.

A topic is one piece of content that a reader could ask for by itself: a piece of advice, a \
reason, a fact, an option, an event of a story. Name each in two to eight words, so that somebody \
who saw only the prompt would understand it. Split as finely for one response as for the other. A \
topic belongs to both if both say essentially the same about it, in whatever words; list it once. \
Leave out greetings, closing phrases and remarks about the answer itself.

Rate for each topic how helpful it is to somebody who asked the prompt: 5 central, 4 valuable, \
3 of some use, 2 marginal, 1 useless or harmful. Rate the topic, not the length of its treatment."""


def _merged(values: Sequence[Mapping[str, Sequence[Any]]]) -> dict[str, Any] | None:
    """Return the mean share of the topics on each side, and how far the two orders are apart."""
    shares = [_shares(values[0], _SIDES), *(_shares(value, _SIDES[::-1]) for value in values[1:])]
    known = [share for share in shares if share is not None]
    if len(known) < len(shares):
        return None
    mean = {side: sum(share[side] for share in known) / len(known) for side in _OF_WHOM}
    apart = sum(abs(known[0][s] - known[1][s]) for s in _OF_WHOM) / 2 if len(known) == 2 else None
    return {"shares": mean, "disagreement": apart}


def _shares(value: Mapping[str, Sequence[Any]], sides: Sequence[str]) -> dict[str, float] | None:
    """Return the share of the topics per owner; None without any topic."""
    counts = [len(value[side]) for side in sides]
    total = sum(counts)
    return {who: n / total for who, n in zip(_OF_WHOM, counts, strict=True)} if total else None


JUDGEMENT = Judgement(
    name="topics",
    version=1,
    place=4,
    inputs=("prompt", "response_a", "response_b"),
    question=_QUESTION,
    reply_format=(
        f'{ONE_OBJECT}, "only_a", "only_b", "both". Each of the three lists holds '
        'objects with "name" (text) and "helpfulness" (a whole number from 1 to 5); a list may be '
        "empty."
    ),
    example='{"only_a": [...], "only_b": [...], "both": [...]}',
    measured=True,
    merge=_merged,
    released=True,
)

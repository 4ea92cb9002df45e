"""The sentences of a pair in their order, and what could not be said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from lm_eval_overton.comparison.account import breadth, change, context, lost
from lm_eval_overton.comparison.account.phrases import listed
from lm_eval_overton.comparison.account.unknown import unknown
from lm_eval_overton.comparison.aligned import speaks
from lm_eval_overton.comparison.compared import Compared, Pair

__all__ = ["TOPICS", "UNKNOWN", "Statement", "account"]


@dataclass(frozen=True)
class Statement:
    """A sentence or a few on one question; commands stand between backticks.

    `topic` is a key of `TOPICS`, or `UNKNOWN` for what could not be computed, with the command for
    it.
    """

    topic: str
    text: str


class _Topic(NamedTuple):
    """A question: in words, and what answers it, empty where it cannot be answered."""

    question: str
    answer: Callable[[Compared, Pair], str]


_TOPICS = {
    "change": _Topic("what changed between the samples", change.between),
    "quality": _Topic("how much of it was bad answers", change.of_bad_answers),
    "breadth": _Topic("whether one answer covers more or is only longer", breadth.of_one_answer),
    "missing": _Topic("what of the base is no longer said", lost.no_longer_said),
    "recovered": _Topic("what comes back in context", context.comes_back),
}
TOPICS = {key: topic.question for key, topic in _TOPICS.items()}
UNKNOWN = "unknown"


def account(compared: Compared, i: int) -> tuple[Statement, ...]:
    """Return what alignment changed in one pair, in plain sentences.

    Every number stands with its 95 % interval and the number of prompts that it rests on; of a
    change whose interval holds 0 it says that no difference can be seen.

    Args:
        compared: The runs.
        i: Which pair.

    Returns:
        At most one statement per topic, in the order of `TOPICS`, then one for each reason why
        something could not be computed.
    """
    pair = compared.pairs[i]
    said = {key: topic.answer(compared, pair) for key, topic in _TOPICS.items()}
    found = [Statement(key, text) for key, text in said.items() if text]
    why: dict[str, list[str]] = {}
    # All questions are of texts, and of one run: the mean of seeds has no answers of its own.
    is_asked = any(map(speaks, compared.runs)) and not pair.is_group
    for key, topic in _TOPICS.items() if is_asked else ():
        for what, reason in unknown(key, topic.question, pair, bool(said[key])):
            why.setdefault(reason, []).append(what)
    return (
        *found,
        *(
            Statement(UNKNOWN, f"Not computed: {listed(own)} ({text}).")
            for text, own in why.items()
        ),
    )

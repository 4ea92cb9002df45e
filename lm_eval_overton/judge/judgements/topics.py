"""Which topics a response and the reference's deal with, asked in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator

from lm_eval_overton.judge.prompts import ONE_OBJECT, Json, Judgement, Name, Reply, ScoreOrNone

__all__ = ["JUDGEMENT", "TopicsReply"]

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


class Topic(Json):
    """One topic that a response deals with."""

    name: Name
    helpfulness: ScoreOrNone


class TopicsReply(Reply):
    """The topics of two responses, by who deals with them."""

    only_a: list[Topic]
    only_b: list[Topic]
    both: list[Topic]

    def value(self) -> dict[str, list[dict[str, Any]]]:
        """Return the lists "only_a", "only_b", "both" of {"name", "helpfulness"}."""
        return {
            side: [topic.model_dump() for topic in getattr(self, side)]
            for side in ("only_a", "only_b", "both")
        }


def _as_side(value: object) -> object:
    sides = {"a": "only_a", "b": "only_b", "both": "both"}
    return sides.get(value.strip().casefold(), value) if isinstance(value, str) else value


class _ReleasedTopic(BaseModel):
    name: str
    response: Annotated[Literal["only_a", "only_b", "both"], BeforeValidator(_as_side)]
    helpfulness: ScoreOrNone


class _ReleasedTopics(Reply):
    """One list of topics, each with the response that deals with it."""

    topics: list[_ReleasedTopic]

    def value(self) -> dict[str, list[dict[str, Any]]]:
        sides: dict[str, list[dict[str, Any]]] = {"only_a": [], "only_b": [], "both": []}
        for topic in self.topics:
            sides[topic.response].append({"name": topic.name, "helpfulness": topic.helpfulness})
        return sides


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
    schema=TopicsReply,
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
    released=_ReleasedTopics,
)

"""The topics that a judge finds in two responses."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator

from lm_eval_overton.judge.replies import Json, Name, Reply, ScoreOrNone

__all__ = ["RELEASED", "REPLY"]


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


REPLY = TopicsReply
RELEASED = _ReleasedTopics

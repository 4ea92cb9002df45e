"""A judge's ratings of a response on listed viewpoints."""

from __future__ import annotations

from typing import Any

from pydantic import model_validator

from lm_eval_overton.judge.replies import Json, ListReply, Reply, ScoreOrNone

__all__ = ["REPLY"]


class ViewpointRating(Json):
    """How well a response represents one listed viewpoint."""

    viewpoint: int
    rating: ScoreOrNone


class ViewpointsReply(ListReply):
    """One rating for each of `count` listed viewpoints, in any order."""

    ratings: list[ViewpointRating]

    @model_validator(mode="after")
    def _rates_each_once(self) -> ViewpointsReply:
        numbers = sorted(rating.viewpoint for rating in self.ratings)
        if numbers != list(range(1, self.count + 1)):
            raise ValueError(
                f"viewpoints: expected one rating for each of 1..{self.count}, got {numbers}; "
                "ask again or count the verdict as unreadable"
            )
        return self

    def value(self) -> list[int | None]:
        """Return the ratings in the order of the list that was sent."""
        in_order = sorted(self.ratings, key=lambda rating: rating.viewpoint)
        return [rating.rating for rating in in_order]

    @classmethod
    def from_label(cls, label: Any) -> Reply:
        """Return the reply that gives the ratings of a list, whatever its length."""
        if not isinstance(label, list) or not label:
            raise TypeError(label)
        ratings = [{"viewpoint": i, "rating": value} for i, value in enumerate(label, start=1)]
        return cls.of(len(ratings)).model_validate({"ratings": ratings})


REPLY = ViewpointsReply

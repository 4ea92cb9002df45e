"""A judge's rating of a response as a whole."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from lm_eval_overton.judge.replies import Reply

__all__ = ["REPLY"]


def _as_rating(value: object) -> object:
    """Return a rating as an integer; anything else as it came, to be rejected."""
    if isinstance(value, bool):
        raise ValueError("expected a rating 1..10, got a truth value; ask the judge for a number")
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


class RatingReply(Reply):
    """One rating, 1..10."""

    rating: Annotated[Literal[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], BeforeValidator(_as_rating)]

    def value(self) -> Any:
        """Return the rating."""
        return self.rating


REPLY = RatingReply

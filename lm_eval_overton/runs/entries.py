"""What a file says of one prompt: its responses, why they ended, what else is known of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lm_eval_overton.data.rows import Row, short
from lm_eval_overton.errors import DataError

__all__ = ["Entry", "Given", "given_of"]

MOST = 10


@dataclass(frozen=True)
class Given:
    """What a record says of its responses beside their texts; each None where it does not.

    Attributes:
        partition: The class of each.
        ratings: How good each is, 1 to 10; None for one that was not rated.
        rewards: A reward model's output for each.
    """

    partition: list[int] | None = None
    ratings: list[float | None] | None = None
    rewards: list[float | None] | None = None


@dataclass(frozen=True)
class Entry:
    """The responses to one prompt; what a file does not say of it is None.

    `finish_reasons` has one for each response, in the words of OpenAI's API: "stop", "length",
    "content_filter" or "tool_calls"; None for a response of which the file does not say it. `tags`
    are those of the prompt.
    """

    id: str | None
    prompt: str | None
    responses: list[str | None]
    finish_reasons: list[str | None] | None = None
    given: Given = field(default_factory=Given)
    tags: tuple[str, ...] = ()


def given_of(row: Row, n: int) -> Given:
    """Return what a record says of its n responses, as the files of NoveltyBench say it.

    Classes stand under "partition", ratings from 1 to 10 under "generation_scores", where 0 is none
    (only the first of a class is rated), and rewards under "rewards". A value that is no list is
    something else, and left alone.

    Raises:
        DataError: With the record's place, if a list has another length, or does not hold what it
            should.
    """
    return Given(
        _values(row, "partition", n, _class, "whole numbers"),
        _values(row, "generation_scores", n, _rating, f"numbers from 0 to {MOST} and nulls"),
        _values(row, "rewards", n, _reward, "numbers and nulls"),
    )


def _values(row: Row, key: str, n: int, read: Callable[[Any], Any], what: str) -> Any:
    listed = row.value.get(key)
    if not isinstance(listed, list):
        return None
    if len(listed) != n:
        raise DataError(
            f'{row.where}: expected "{key}" to have one value for each of {n} responses, got '
            f"{len(listed)}; correct it, or leave it out"
        )
    try:
        return [read(value) for value in listed]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f'{row.where}: expected "{key}" to be a list of {what}, got {short(listed)}; correct '
            "it, or leave it out"
        ) from error


def _class(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    return value


def _rating(value: Any) -> float | None:
    rating = _reward(value)
    if rating is not None and rating != 0 and not 1 <= rating <= MOST:
        raise ValueError(value)
    return rating or None


def _reward(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(value)
    return float(value) if math.isfinite(value) else None

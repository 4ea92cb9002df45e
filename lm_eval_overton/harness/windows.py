"""Texts that a model's context does not hold are asked in windows: the harness cuts them off."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval_overton.harness.boundary import TAIL, Boundary, Pair, Whole, encoder_of

__all__ = ["Windows"]


class Windows:
    """Asks for a text behind a prompt, in as many parts as the model's context makes of it.

    As in the harness's rolling windows each token is asked for once. The prompt is the context of
    the first part; every other one follows on as much of what stands before as half of the model's
    context holds.

    Args:
        model: The evaluated model; of one that shows no tokens nothing is known, and all is asked
            at once.
        boundary: Where a text begins behind its context.
    """

    def __init__(self, model: Any, boundary: Boundary) -> None:
        self._encode = encoder_of(model)
        self._boundary = boundary
        limit = getattr(model, "max_length", None)
        # Backends differ by one in what they count; none cuts off what is not longer than this.
        self._room = limit if isinstance(limit, int) else None

    def pairs(self, context: str, text: str) -> list[Pair]:
        """Return contexts with what goes on after each, which together is the text.

        Args:
            context: The prompt within its frame.
            text: What follows it.
        """
        [(kept, rest)] = self._boundary.pairs(context, [text])
        if self._encode is None or self._room is None or self._size(kept + rest) <= self._room:
            return [(kept, rest)]
        return self._rolling(kept + rest, _length(kept), self._room)

    def n_tokens(self, pairs: Sequence[Pair]) -> int | None:
        """Return how many tokens are asked for; None for a model that shows none."""
        if self._encode is None:
            return None
        # As the harness counts them.
        return sum(self._size(kept + rest) - self._size(kept.rstrip()) for kept, rest in pairs)

    def _rolling(self, whole: str, at: int, room: int) -> list[Pair]:
        found: list[Pair] = []
        # Of a prompt nothing is left out where a quarter of the room is left for what follows.
        most = 3 * room // 4
        while at < len(whole):
            begin = self._begin(whole, at, most)
            end = self._end(whole, begin, at, room)
            found.append((Whole(whole[begin:at]), whole[at:end]))
            at, most = end, room // 2
        return found

    def _begin(self, whole: str, at: int, most: int) -> int:
        """Return where the longest context of at most so many tokens begins."""
        return at - _greatest(at, most, lambda n: self._size(whole[at - n : at]) <= most)

    def _end(self, whole: str, begin: int, at: int, room: int) -> int:
        """Return where a window ends: no tokenizer may join what stands on both sides of it."""
        n = _greatest(
            len(whole) - at, room, lambda more: self._size(whole[begin : at + more]) <= room
        )
        end = at + max(n, 1)
        # White space goes with what follows it, but where it fills the window.
        last = at + len(whole[at:end].rstrip())
        if end == len(whole) or last == at:
            return end
        [(kept, _)] = self._boundary.pairs(whole[begin:last], [whole[last : last + TAIL]])
        seam = begin + _length(kept)
        return seam if seam > at else end

    def _size(self, text: str) -> int:
        assert self._encode is not None
        return len(self._encode(text))


def _length(kept: str) -> int:
    """Return how much of a context the harness keeps: white space at its end goes on."""
    return len(kept.rstrip())


def _greatest(most: int, step: int, fits: Callable[[int], bool]) -> int:
    """Return the greatest number up to a limit that fits; whatever is less than one that does.

    Args:
        most: The limit.
        step: Where to begin to look.
        fits: Tells it of a number.
    """
    high = min(step, most)
    low = 0
    while high < most and fits(high):
        low, high = high, min(2 * high, most)
    if fits(high):
        return high
    return low + bisect_left(range(low + 1, high), True, key=lambda n: not fits(n))

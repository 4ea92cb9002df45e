"""Requests that wait for their turn: fresh ones, and those to be sent again at their time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Line", "Turn"]


@dataclass
class Turn:
    """A request on its way to a reply, and what has befallen it so far.

    Attributes:
        index: Which of the requests it is.
        call: What is sent.
        faults: How often it met a fault.
        waits: How often it was told to come again later.
        first_wait: When it was first told so.
        put_off_at: When it was last put off.
        structured: Whether it asks for structured output.
    """

    index: int
    call: Any
    faults: int = 0
    waits: int = 0
    first_wait: float = math.inf
    put_off_at: float = -math.inf
    structured: bool = True


class Line:
    """Hands out turns; nobody who waits holds up those behind.

    Args:
        turns: The fresh ones, in their order.
    """

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._fresh = iter(turns)
        self._later: list[tuple[float, int, Turn]] = []
        self._number = itertools.count()
        self._busy = 0
        self._changed = asyncio.Condition()

    async def take(self) -> Turn | None:
        """Return the next turn when there is one; None once there will be no more."""
        async with self._changed:
            while True:
                turn = self._due() or next(self._fresh, None)
                if turn is not None:
                    self._busy += 1
                    return turn
                if not self._later and not self._busy:
                    return None
                await self._change()

    def _due(self) -> Turn | None:
        if self._later and self._later[0][0] <= time.monotonic():
            return heapq.heappop(self._later)[-1]
        return None

    async def _change(self) -> None:
        left = self._later[0][0] - time.monotonic() if self._later else None
        try:
            await asyncio.wait_for(self._changed.wait(), left)
        except asyncio.TimeoutError:
            return

    async def put_back(self, turn: Turn, due: float) -> None:
        """Take a turn back, to be handed out again at a time of `time.monotonic`."""
        async with self._changed:
            heapq.heappush(self._later, (due, next(self._number), turn))
            self._busy -= 1
            self._changed.notify_all()

    async def end(self) -> None:
        """Take note that a turn is over."""
        async with self._changed:
            self._busy -= 1
            self._changed.notify_all()

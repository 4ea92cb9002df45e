"""How many requests are under way at once, and from when on: what a server can take is found out.

A server with a limit refuses what goes beyond it. If as many were sent again and again, most of
them would be put off until they fail, although the server answers others all the time.
"""

from __future__ import annotations

import asyncio
import time

__all__ = ["Pace"]

# Those that hang leave room for others.
LEAST, LEAST_SHARE = 2, 8
# So many of those that may be under way are several.
SEVERAL_SHARE = 4
# How often one that waits looks whether there is room.
LOOK_S = 0.05


class Pace:
    """Lets requests go, at most so many at a time.

    The number is halved when a server asks several to wait and answers none meanwhile, and grows
    again by one with every other reply.

    Args:
        most: The most requests at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._least = min(most, max(LEAST, most // LEAST_SHARE))
        self._room = float(most)
        self._under_way = self._put_off = 0
        self._resume_at = 0.0
        self._is_over = False

    async def wait(self) -> None:
        """Wait until another request may be sent."""
        while not self._is_over:
            left = self._resume_at - time.monotonic()
            if left <= 0 and self._under_way < int(self._room):
                return
            await asyncio.sleep(min(left, 1.0) if left > 0 else LOOK_S)

    def go(self) -> None:
        """Take note that a request is under way."""
        self._under_way += 1

    def back(self) -> None:
        """Take note that it is not any more."""
        self._under_way -= 1

    def hold(self, until: float) -> None:
        """Let none go before a time of `time.monotonic`."""
        self._resume_at = max(self._resume_at, until)

    def put_off(self, until: float) -> None:
        """Let none go before a time, and fewer if others were put off before."""
        self._put_off += 1
        if self._put_off >= max(2, self._most // SEVERAL_SHARE):
            self._put_off = 0
            self._room = max(self._least, self._room / 2)
        self.hold(until)

    def speed_up(self) -> None:
        """Take note of a reply."""
        self._put_off = 0
        self._room = min(self._most, self._room + 0.5)

    def end(self) -> None:
        """Let nobody wait any longer."""
        self._is_over = True

"""Ask a server many things at once: each request stands alone, and none is lost with another.

The harness's own batch call loses all replies with the first request that fails for good, and
does not read Retry-After. Here its models still say how a request looks and how a reply is read.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from lm_eval_overton.client.connection import Connection
from lm_eval_overton.client.line import Line, Turn
from lm_eval_overton.client.outcome import (
    LONGEST_PUT_OFF_S,
    Call,
    Outcome,
    Refusal,
    read,
    reason,
    refused,
)
from lm_eval_overton.client.pace import Pace

__all__ = ["Calls"]

logger = logging.getLogger("lm_eval.overton")

T = TypeVar("T")

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 10.0
# A wait that is longer than this is said.
SILENT_WAIT_S = 5.0
# How long the first request goes alone: what it is refused for, all the others would be.
ALONE_S = 10.0
# A server that cannot be connected to within this time is not there.
LONGEST_CONNECT_S = 30.0
# No answer to one request is larger; what is would fill the memory.
LARGEST_BODY = 2**26
# So many requests that fail for good, one after the other, are no accident.
MOST_IN_A_ROW = 8
# So many that wait in vain show that there is nobody.
MOST_LATE = 2


class Calls(Generic[T]):
    """Sends calls to a server.

    The first goes alone until the server is known to answer. A server that is not there, lets
    nobody in, refuses what all requests hold or fails several of them in a row for good is given
    up: what it has not answered then has no reply.

    Args:
        connection: How it is reached.
        whose: Who answers there, for messages: `judge`, `model`.

    Attributes:
        structured: Whether the server has structured output, as far as is known.
        given_up: Why it was given up, if it was.
        faults: What became of the requests that have no reply, but for those never sent.
        refusal: The key for which it was given up, if it was for one.
    """

    def __init__(self, connection: Connection, whose: str = "judge") -> None:
        self.connection = connection
        self.whose = whose
        self.structured = True
        self._begin()

    def _begin(self) -> None:
        self.given_up = ""
        self.faults: Counter[str] = Counter()
        self.refusal: Refusal | None = None
        self._in_a_row = self._troubles = self._late = 0
        self._answered_at = -math.inf
        self._pace = Pace(self.connection.concurrency)
        self._told_until = 0.0
        self._has_told_fault = False

    def run(self, calls: Iterable[Call[T]], done: Callable[[int, T | None], None]) -> None:
        """Send all calls; `done` gets each one's index with its reply, or None, as they end.

        A call is made when its turn comes, and let go of when it is over.
        """
        self._begin()
        _complete(self._all(calls, done))

    async def _all(self, calls: Iterable[Call[T]], done: Callable[[int, T | None], None]) -> None:
        from aiohttp import ClientSession, ClientTimeout, TCPConnector

        own = self.connection
        line = Line(Turn(index, call) for index, call in enumerate(calls))
        self._open = asyncio.Event()
        connector = TCPConnector(limit=own.concurrency, ssl=own.tls)
        at_most = own.timeout_s
        timeout = ClientTimeout(total=at_most, sock_connect=min(at_most, LONGEST_CONNECT_S))
        self._proxy = own.proxy
        # Of the environment the proxy is taken and no more: a name and a password that are noted
        # for the server's host would stand against the key.
        async with ClientSession(
            connector=connector, timeout=timeout, headers=own.headers
        ) as session:
            workers = (self._work(session, line, done, i) for i in range(own.concurrency))
            await asyncio.gather(*workers)

    async def _work(
        self, session: Any, line: Line, done: Callable[[int, T | None], None], number: int
    ) -> None:
        if number:
            await self._opened()
        while (turn := await self._next(line)) is not None:
            if self.given_up:
                done(turn.index, None)
                await line.end()
                continue
            self._pace.go()
            outcome = await self._post(session, turn)
            self._pace.back()
            due = self._due(turn, outcome)
            if due is None:
                done(turn.index, outcome.reply)
                await line.end()
            else:
                await line.put_back(turn, due)

    async def _next(self, line: Line) -> Turn | None:
        # What is to be sent again when a pause ends goes before what was not sent yet.
        await self._pace.wait()
        turn = await line.take()
        if turn is None:
            self._pace.end()
        await self._pace.wait()
        return turn

    async def _opened(self) -> None:
        """Wait until the server is known to answer, or for as long as that may take."""
        try:
            await asyncio.wait_for(self._open.wait(), ALONE_S)
        except asyncio.TimeoutError:
            self._open.set()

    # ------------------------------------------------------------------------------ outcomes

    def _due(self, turn: Turn, outcome: Outcome) -> float | None:
        """Return when a request is to be sent again; None if it is over."""
        now = time.monotonic()
        is_passing = outcome.kind in ("fault", "late", "away")
        self._troubles = self._troubles + 1 if is_passing else 0
        if outcome.kind == "reply":
            # Not before the plain request was answered: it may have been refused for itself.
            self.structured = self.structured and turn.structured
            self._in_a_row = 0
            self._answered_at = now
            self._pace.speed_up()
            self._open.set()
            return None
        if outcome.kind == "no_structure":
            turn.structured = False
            return now
        if outcome.kind == "wait" and self._may_wait(turn, outcome, now):
            return self._put_off(turn, outcome, now)
        turn.faults += 1
        if is_passing and turn.faults < self.connection.attempts:
            return self._repeat(turn, outcome, now)
        self._failed(outcome, self._answered_at > turn.first_wait)
        return None

    @property
    def _never(self) -> bool:
        """Whether the server has not answered yet."""
        return self._answered_at == -math.inf

    def _may_wait(self, turn: Turn, outcome: Outcome, now: float) -> bool:
        turn.first_wait = min(turn.first_wait, now)
        # A server that answers others may come to this one.
        since = max(turn.first_wait, self._answered_at)
        return now < min(since + outcome.longest, turn.first_wait + LONGEST_PUT_OFF_S)

    def _put_off(self, turn: Turn, outcome: Outcome, now: float) -> float:
        turn.waits += 1
        # A server may say "at once" and mean "not yet".
        seconds = max(outcome.seconds, _backoff(turn.waits))
        # What one request is told holds for all, unless others were answered meanwhile.
        if self._answered_at <= turn.put_off_at or turn.waits == 1:
            self._pace.put_off(now + seconds)
            self._tell_wait(seconds, now + seconds, outcome.text)
        turn.put_off_at = now
        self._open.set()
        return now + seconds

    def _repeat(self, turn: Turn, outcome: Outcome, now: float) -> float:
        due = now + _backoff(turn.faults)
        if self._never or self._troubles >= max(2, self.connection.concurrency):
            # All that is sent fails: what was not sent yet would only fail as well.
            self._pace.hold(due)
        if self._never and not self._has_told_fault:
            self._has_told_fault = True
            logger.warning("The %s's server is asked again: %s", self.whose, outcome.text)
        return due

    def _tell_wait(self, seconds: float, until: float, why: str) -> None:
        if seconds > SILENT_WAIT_S and until > self._told_until:
            self._told_until = until + seconds
            logger.warning("The %s's server asks to wait %.0f s: %s", self.whose, seconds, why)

    def _failed(self, outcome: Outcome, is_alone: bool) -> None:
        """Take note that a request failed for good; alone, if others were answered meanwhile."""
        self.faults[outcome.text] += 1
        if outcome.kind == "no_entry" or (self._never and outcome.kind in ("away", "none")):
            self._give_up(outcome.text)
        if self._never and outcome.refusal:
            self.refusal = outcome.refusal
            self._give_up(outcome.text)
        if outcome.kind == "not_this" or (outcome.kind == "wait" and is_alone):
            # Many requests may be too long; that is no sign that the server went away.
            return
        self._in_a_row += 1
        self._late += outcome.kind == "late"
        # A request that gets no answer has waited several times as long as one may take.
        is_dead = self._never and self._late >= MOST_LATE
        if is_dead or self._in_a_row >= self._most_in_a_row:
            self._give_up(
                f"{self._in_a_row} requests in a row failed, the last with {outcome.text}"
            )

    @property
    def _most_in_a_row(self) -> int:
        """How many requests may fail one after the other."""
        return max(MOST_IN_A_ROW, 0 if self._never else 2 * self.connection.concurrency)

    def _give_up(self, reason: str) -> None:
        self.given_up = self.given_up or reason
        self._pace.end()
        self._open.set()

    # --------------------------------------------------------------------------------- sending

    async def _post(self, session: Any, turn: Turn) -> Outcome:
        from aiohttp import ClientConnectorError, ClientError, ServerTimeoutError

        # A name of a codec that does not exist is a LookupError.
        faults = (ClientError, OSError, ValueError, LookupError)
        own, call = self.connection, turn.call
        asks_plainly = call.plain is not None and not (turn.structured and self.structured)
        turn.structured = not asks_plainly
        payload = call.plain if asks_plainly else call.payload
        try:
            async with session.post(
                own.url, json=payload, allow_redirects=False, proxy=self._proxy
            ) as answer:
                body = await _body(answer)
        except (ClientConnectorError, ServerTimeoutError) as error:
            return Outcome("away", own.without_secrets(reason(error)))
        except asyncio.TimeoutError:
            return Outcome("late", f"no answer within {own.timeout_s:g} s (timeout)")
        except faults as error:
            return Outcome("fault", own.without_secrets(reason(error)))
        if 200 <= answer.status < 300:
            return read(call, own.without_secrets(body, answers=True))
        headers = {name: own.without_secrets(value) for name, value in answer.headers.items()}
        return refused(answer.status, headers, own.without_secrets(body), call, payload)


async def _body(answer: Any) -> str:
    """Return the text of an answer's body."""
    whole = bytearray()
    async for chunk in answer.content.iter_any():
        whole += chunk
        if len(whole) > LARGEST_BODY:
            raise ValueError(f"expected an answer of at most {LARGEST_BODY >> 20} MB, got more")
    return whole.decode(answer.charset or "utf-8-sig")


def _backoff(times: int) -> float:
    """Return the seconds to wait after something happened to a request so many times."""
    # The exponent has its own end: 2**1024 is no float.
    return min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(times - 1, 30))


def _complete(work: Coroutine[Any, Any, None]) -> None:
    """Run asynchronous work to its end, also within a notebook's running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()

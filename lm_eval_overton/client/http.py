"""Ask a server many things at once: each request stands alone, and none is lost with another.

The harness's own batch call loses all replies with the first request that fails for good, and
does not read Retry-After. Here its models still say how a request looks and how a reply is read.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from lm_eval_overton.client.connection import Connection
from lm_eval_overton.client.line import Line, Turn
from lm_eval_overton.client.words import SHOWN, is_spent, refused_key, said

__all__ = ["Call", "Calls", "NoReplyError", "NotOfferedError", "Refusal"]

logger = logging.getLogger("lm_eval.overton")

T = TypeVar("T")

# A request that meets one of these may be answered a little later.
PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
# With these a server that says no more asks for patience all the same.
BUSY = {429, 529}
# Whoever answers so will answer all requests so.
NO_ENTRY = {401}
# The server is well, and this one request is not to its liking: too long, or its content.
NOT_THIS_ONE = {400, 403, 413, 422, 451}
# Servers without structured output refuse requests for it in these ways.
NO_STRUCTURE = {400, 404, 415, 422, 501}
FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 10.0
# A server that wants longer than this is taken to be away.
LONGEST_WAIT_S = 600.0
# How long one request is put off in all, from when the server first asked to wait; and by one that
# does not say how long.
LONGEST_PUT_OFF_S = 600.0
LONGEST_BUSY_S = 60.0
# A wait that is longer than this is said.
SILENT_WAIT_S = 5.0
# How long the first request goes alone: what it is refused for, all the others would be.
ALONE_S = 10.0


class NotOfferedError(Exception):
    """A server does not do what is asked of it, and would not the next time either."""


class NoReplyError(Exception):
    """A server has no reply to this one request, and would not have one the next time either."""


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request's body, what reads the reply out of the answer's body, and the same request for
    servers without structured output.

    What `read` raises makes the request a failed one; after `NotOfferedError` and `NoReplyError`
    it is not repeated.
    """

    payload: Mapping[str, Any]
    read: Callable[[Any], T]
    plain: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Refusal:
    """A key of a request that a server takes from nobody, and what it says about it."""

    key: str
    value: Any
    words: str


@dataclass(frozen=True)
class _Outcome:
    kind: Literal["reply", "wait", "fault", "away", "no_structure", "no_entry", "not_this", "none"]
    text: str = ""
    seconds: float = 0.0
    longest: float = 0.0
    reply: Any = None
    refusal: Refusal | None = None


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
        self._in_a_row = 0
        self._answered_at = -math.inf
        self._resume_at = 0.0
        self._told_until = 0.0

    def run(self, calls: Sequence[Call[T]], done: Callable[[int, T | None], None]) -> None:
        """Send all calls; `done` gets each one's index with its reply, or None, as they end."""
        self._begin()
        _complete(self._all(calls, done))

    async def _all(self, calls: Sequence[Call[T]], done: Callable[[int, T | None], None]) -> None:
        from aiohttp import ClientSession, ClientTimeout, TCPConnector

        own = self.connection
        line = Line(Turn(index, call) for index, call in enumerate(calls))
        self._open = asyncio.Event()
        connector = TCPConnector(limit=own.concurrency, ssl=own.tls)
        timeout = ClientTimeout(total=own.timeout_s)
        async with ClientSession(
            connector=connector, timeout=timeout, headers=own.headers, trust_env=True
        ) as session:
            workers = (self._work(session, line, done, i) for i in range(own.concurrency))
            await asyncio.gather(*workers)

    async def _work(
        self, session: Any, line: Line, done: Callable[[int, T | None], None], number: int
    ) -> None:
        if number:
            await self._opened()
        while (turn := await line.take()) is not None:
            await self._pause()
            if self.given_up:
                done(turn.index, None)
                await line.end()
                continue
            outcome = await self._post(session, turn)
            again = self._again(turn, outcome)
            if again is None:
                done(turn.index, outcome.reply)
                await line.end()
            else:
                await line.put_back(turn, again)

    async def _opened(self) -> None:
        """Wait until the server is known to answer, or for as long as that may take."""
        try:
            await asyncio.wait_for(self._open.wait(), ALONE_S)
        except asyncio.TimeoutError:
            self._open.set()

    async def _pause(self) -> None:
        while not self.given_up and (left := self._resume_at - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 1.0))

    # ------------------------------------------------------------------------------ outcomes

    def _again(self, turn: Turn, outcome: _Outcome) -> float | None:
        """Return in how many seconds a request is to be sent again; None if it is over."""
        if outcome.kind == "reply":
            # Not before the plain request was answered: it may have been refused for itself.
            self.structured = self.structured and turn.structured
            self._in_a_row = 0
            self._answered_at = time.monotonic()
            self._open.set()
            return None
        if outcome.kind == "no_structure":
            turn.structured = False
            return 0.0
        now = time.monotonic()
        if outcome.kind == "wait" and now < turn.last_wait:
            return self._wait(turn, outcome, now)
        turn.faults += 1
        is_passing = outcome.kind in ("fault", "away")
        if is_passing and turn.faults < self.connection.attempts:
            return _backoff(turn.faults)
        self._failed(outcome)
        return None

    def _wait(self, turn: Turn, outcome: _Outcome, now: float) -> float:
        turn.last_wait = min(turn.last_wait, now + outcome.longest)
        turn.waits += 1
        # What one request is told holds for all, unless others were answered meanwhile.
        if self._answered_at <= turn.put_off_at or turn.waits == 1:
            self._hold(now + outcome.seconds, outcome.text, outcome.seconds)
        turn.put_off_at = now
        self._open.set()
        # A server may say "at once" and mean "not yet".
        return max(outcome.seconds, _backoff(turn.waits))

    def _hold(self, until: float, reason: str, seconds: float) -> None:
        self._resume_at = max(self._resume_at, until)
        if seconds > SILENT_WAIT_S and until > self._told_until:
            self._told_until = until + seconds
            logger.warning("The %s's server asks to wait %.0f s: %s", self.whose, seconds, reason)

    def _failed(self, outcome: _Outcome) -> None:
        """Take note that a request failed for good."""
        self.faults[outcome.text] += 1
        never = self._answered_at == -math.inf
        if outcome.kind == "no_entry" or (never and outcome.kind in ("away", "none")):
            self._give_up(outcome.text)
        if never and outcome.refusal:
            self.refusal = outcome.refusal
            self._give_up(outcome.text)
        if outcome.kind == "not_this":
            # Many requests may be too long; that is no sign that the server went away.
            return
        self._in_a_row += 1
        if self._in_a_row >= max(8, 2 * self.connection.concurrency):
            self._give_up(
                f"{self._in_a_row} requests in a row failed, the last with {outcome.text}"
            )

    def _give_up(self, reason: str) -> None:
        self.given_up = self.given_up or reason
        self._open.set()

    # --------------------------------------------------------------------------------- sending

    async def _post(self, session: Any, turn: Turn) -> _Outcome:
        from aiohttp import ClientConnectorError, ClientError

        # A name of a codec that does not exist is a LookupError.
        faults = (ClientError, OSError, asyncio.TimeoutError, ValueError, LookupError)
        call: Call[T] = turn.call
        asks_plainly = call.plain is not None and not (turn.structured and self.structured)
        turn.structured = not asks_plainly
        payload = call.plain if asks_plainly and call.plain is not None else call.payload
        try:
            async with session.post(
                self.connection.url, json=payload, allow_redirects=False
            ) as answer:
                body = self.connection.without_secrets(await answer.text())
        except ClientConnectorError as error:
            return _Outcome("away", f"{type(error).__name__} ({_reason(error)})")
        except faults as error:
            return _Outcome("fault", type(error).__name__)
        if answer.ok and answer.status < 300:
            return _read(call, body)
        return self._refused(answer, body, call, payload)

    def _refused(
        self, answer: Any, body: str, call: Call[T], payload: Mapping[str, Any]
    ) -> _Outcome:
        shown = f"HTTP {answer.status}: {said(body)}"
        if answer.status in NO_STRUCTURE and payload is not call.plain and call.plain is not None:
            return _Outcome("no_structure", shown)
        if answer.status in NO_ENTRY or (answer.status in BUSY | {402, 403} and is_spent(body)):
            return _Outcome("no_entry", shown)
        if answer.status in PASSING:
            return _passing(answer, shown)
        key = refused_key(body, [*payload, *(payload.get("sampling_params") or ())])
        refusal = Refusal(key, _value(payload, key), said(body)) if key else None
        kind = "not_this" if answer.status in NOT_THIS_ONE else "none"
        return _Outcome(kind, shown, refusal=refusal)  # type: ignore[arg-type]


def _passing(answer: Any, shown: str) -> _Outcome:
    seconds = _retry_after(answer.headers.get("Retry-After"))
    if seconds is not None and seconds <= LONGEST_WAIT_S:
        return _Outcome("wait", shown, seconds, LONGEST_PUT_OFF_S)
    if seconds is None and answer.status in BUSY:
        return _Outcome("wait", shown, 0.0, LONGEST_BUSY_S)
    return _Outcome("fault", shown)


def _value(payload: Mapping[str, Any], key: str) -> Any:
    return payload.get(key, (payload.get("sampling_params") or {}).get(key))


def _read(call: Call[T], body: str) -> _Outcome:
    try:
        return _Outcome("reply", reply=call.read(json.loads(body)))
    except NotOfferedError as error:
        return _Outcome("none", str(error))
    except NoReplyError as error:
        return _Outcome("not_this", str(error))
    except Exception as error:
        # A body that the model's own reader cannot read, in whatever way, is no reply.
        return _Outcome("fault", f"an answer that cannot be read ({_reason(error)})")


def _reason(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:SHOWN]


def _backoff(times: int) -> float:
    """Return the seconds to wait after something happened to a request so many times."""
    # The exponent has its own end: 2**1024 is no float.
    return min(LONGEST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(times - 1, 30))


def _retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for; None without a readable one."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _complete(work: Coroutine[Any, Any, None]) -> None:
    """Run asynchronous work to its end, also within a notebook's running loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()

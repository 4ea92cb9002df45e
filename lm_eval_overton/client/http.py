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
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Call", "Calls", "NotOfferedError"]

logger = logging.getLogger("lm_eval.overton")

# A request that meets one of these may be answered a little later.
PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
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
# How long one request is put off in all, from when the server first asked to wait.
LONGEST_PUT_OFF_S = 1800.0
SHOWN = 200


class NotOfferedError(Exception):
    """A server does not do what is asked of it, and would not the next time either."""


@dataclass(frozen=True)
class Call:
    """A request's body, what reads the reply out of the answer's body, and the same request for
    servers without structured output.

    What `read` raises makes the request a failed one; after `NotOfferedError` it is not repeated.
    """

    payload: Mapping[str, Any]
    read: Callable[[Any], str]
    plain: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Outcome:
    kind: Literal["reply", "wait", "fault", "no_structure", "no_entry", "not_this", "refused"]
    text: str = ""
    seconds: float = 0.0


class Calls:
    """Sends calls to the server of a harness model (a `TemplateAPI`).

    A server that fails several requests in a row for good, or lets nobody in, is given up: what
    it has not answered then has no reply.
    """

    def __init__(self, lm: Any) -> None:
        self.lm = lm
        self.concurrency = max(1, int(getattr(lm, "_concurrent", 1)))
        self.structured = True
        self._given_up = ""
        self._last_fault = ""
        self._in_a_row = 0
        self._resume_at = 0.0

    def run(self, calls: Sequence[Call], done: Callable[[int, str | None], None]) -> None:
        """Send all calls; `done` gets each one's index with its reply, or None, as they end."""
        self._given_up, self._last_fault, self._in_a_row = "", "", 0
        _complete(self._all(calls, done))
        if self._given_up:
            logger.warning("The judge's server was given up: %s", self._given_up)
        elif self._last_fault:
            logger.warning("Some requests to the judge failed, the last with %s", self._last_fault)

    async def _all(self, calls: Sequence[Call], done: Callable[[int, str | None], None]) -> None:
        from aiohttp import ClientSession, ClientTimeout, TCPConnector

        waiting = iter(enumerate(calls))
        connector = TCPConnector(limit=self.concurrency, ssl=bool(self.lm.verify_certificate))
        timeout = ClientTimeout(total=self.lm.timeout)
        async with ClientSession(
            connector=connector, timeout=timeout, headers=self.lm.header
        ) as session:
            await asyncio.gather(
                *(self._work(session, waiting, done) for _ in range(self.concurrency))
            )

    async def _work(
        self,
        session: Any,
        waiting: Iterator[tuple[int, Call]],
        done: Callable[[int, str | None], None],
    ) -> None:
        for index, call in waiting:
            done(index, await self._reply(session, call))

    def _failed(self, outcome: _Outcome) -> None:
        """Take note that a request failed for good."""
        self._last_fault = outcome.text
        if outcome.kind == "no_entry":
            self._given_up = outcome.text
        if outcome.kind == "not_this":
            # Many requests may be too long; that is no sign that the server went away.
            return
        self._in_a_row += 1
        if self._in_a_row >= max(8, 2 * self.concurrency) and not self._given_up:
            self._given_up = (
                f"{self._in_a_row} requests in a row failed, the last with {outcome.text}"
            )

    async def _reply(self, session: Any, call: Call) -> str | None:
        """Return the reply to a call; None if it failed for good."""
        faults = waits = 0
        last_wait = math.inf
        structured = True
        while not self._given_up:
            await self._pause()
            outcome = await self._post(session, call, structured and self.structured)
            if outcome.kind == "reply":
                # Not before the plain request was answered: it may have been refused for itself.
                self.structured = self.structured and structured
                self._in_a_row = 0
                return outcome.text
            if outcome.kind == "no_structure":
                structured = False
                continue
            now = time.monotonic()
            if outcome.kind == "wait" and now < last_wait:
                waits += 1
                last_wait = min(last_wait, now + LONGEST_PUT_OFF_S)
                # What one request is told holds for all of them.
                self._resume_at = max(self._resume_at, now + outcome.seconds)
                # A server may say "at once" and mean "not yet".
                await asyncio.sleep(_backoff(waits))
                continue
            faults += 1
            if outcome.kind != "fault" or faults >= self.lm.max_retries:
                self._failed(outcome)
                return None
            await asyncio.sleep(_backoff(faults))
        return None

    async def _pause(self) -> None:
        while (left := self._resume_at - time.monotonic()) > 0:
            await asyncio.sleep(left)

    async def _post(self, session: Any, call: Call, structured: bool) -> _Outcome:
        from aiohttp import ClientError

        # A name of a codec that does not exist is a LookupError.
        faults = (ClientError, OSError, asyncio.TimeoutError, ValueError, LookupError)
        payload = call.payload if structured or call.plain is None else call.plain
        try:
            async with session.post(self.lm.base_url, json=payload) as answer:
                body = await answer.text()
        except faults as error:
            return _Outcome("fault", type(error).__name__)
        if answer.ok:
            return _read(call, self._without_secrets(body))
        shown = f"HTTP {answer.status}: {' '.join(self._without_secrets(body).split())[:SHOWN]}"
        if answer.status in NO_STRUCTURE and payload is not call.plain and call.plain is not None:
            return _Outcome("no_structure", shown)
        if answer.status in NO_ENTRY:
            return _Outcome("no_entry", shown)
        if answer.status in NOT_THIS_ONE:
            return _Outcome("not_this", shown)
        if answer.status not in PASSING:
            return _Outcome("refused", shown)
        seconds = _retry_after(answer.headers.get("Retry-After"))
        if seconds is None or seconds > LONGEST_WAIT_S:
            return _Outcome("fault", shown)
        return _Outcome("wait", shown, seconds)

    def _without_secrets(self, body: str) -> str:
        for value in self.lm.header.values():
            for word in str(value).split():
                if len(word) > 6:
                    body = body.replace(word, "<redacted>")
        return body


def _read(call: Call, body: str) -> _Outcome:
    try:
        return _Outcome("reply", call.read(json.loads(body)))
    except NotOfferedError as error:
        return _Outcome("refused", str(error))
    except Exception as error:
        # A body that the model's own reader cannot read, in whatever way, is no reply.
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:SHOWN]
        return _Outcome("fault", f"an answer that cannot be read ({reason})")


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

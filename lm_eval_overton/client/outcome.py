"""What came of a request that was sent: a reply, a wait, a fault, a refusal."""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from lm_eval_overton.client.words import SHOWN, is_no_entry, refused_key, said

__all__ = [
    "LONGEST_PUT_OFF_S",
    "Call",
    "NoReplyError",
    "NotOfferedError",
    "Outcome",
    "Refusal",
    "read",
    "reason",
    "refused",
]

T = TypeVar("T")

# A request that meets one of these may be answered a little later.
PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
# With these a server that says no more asks for patience all the same.
BUSY = {429, 529}
# Whoever answers so will answer all requests so; and so do these, if their words are those.
NO_ENTRY = {401}
NO_ENTRY_IN_WORDS = {400, 402, 403, 429, 529}
# The server is well, and this one request is not to its liking: too long, or its content.
NOT_THIS_ONE = {400, 403, 413, 422, 451}
# Servers without structured output refuse requests for it in these ways.
NO_STRUCTURE = {400, 404, 415, 422, 501}
# A server that wants longer than this is taken to be away.
LONGEST_WAIT_S = 600.0
# How long one request is put off in all, from when the server first asked to wait; and by one that
# does not say how long, from when it answered anybody.
LONGEST_PUT_OFF_S = 600.0
LONGEST_BUSY_S = 60.0


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
class Outcome:
    """What came of a request.

    Attributes:
        kind: `reply`; `wait`, come again later; `fault`, which may pass; `late`, no answer in time;
            `away`, no server; `no_structure`, asked for in a way that it does not know; `no_entry`
            to anybody; `not_this` request; `none`, and there will be none.
        text: What there is to say of it, in one line.
        seconds: How long the server asks to wait.
        longest: How long a request is put off in all for that reason.
        reply: The reply.
        refusal: The key of the request that is to blame, if one is.
    """

    kind: Literal[
        "reply",
        "wait",
        "fault",
        "late",
        "away",
        "no_structure",
        "no_entry",
        "not_this",
        "none",
    ]
    text: str = ""
    seconds: float = 0.0
    longest: float = 0.0
    reply: Any = None
    refusal: Refusal | None = None


def read(call: Call[Any], body: str) -> Outcome:
    """Return what came of a request whose answer a server calls a success."""
    try:
        return Outcome("reply", reply=call.read(json.loads(body)))
    except NotOfferedError as error:
        return Outcome("none", str(error))
    except NoReplyError as error:
        return Outcome("not_this", str(error))
    except Exception as error:
        # A body that the model's own reader cannot read, in whatever way, is no reply.
        return Outcome("fault", f"an answer that cannot be read ({reason(error)})")


def refused(
    status: int,
    headers: Mapping[str, str],
    body: str,
    call: Call[Any],
    payload: Mapping[str, Any],
) -> Outcome:
    """Return what came of a request that a server does not answer.

    Args:
        status: The HTTP status.
        headers: The answer's headers.
        body: Its body.
        call: What was to be asked.
        payload: What was sent of it.
    """
    shown = f"HTTP {status}: {said(body)}"
    if 300 <= status < 400:
        # Followed elsewhere, a key would go to whoever is there.
        return Outcome("none", f"HTTP {status}, a redirect to {headers.get('Location')}"[:SHOWN])
    if status in NO_STRUCTURE and payload is not call.plain and call.plain is not None:
        return Outcome("no_structure", shown)
    if status in NO_ENTRY or (status in NO_ENTRY_IN_WORDS and is_no_entry(body)):
        return Outcome("no_entry", shown)
    if status in PASSING:
        return _passing(status, headers, shown)
    key = refused_key(body, [*payload, *(payload.get("sampling_params") or ())])
    refusal = Refusal(key, _value(payload, key), said(body)) if key else None
    return Outcome("not_this" if status in NOT_THIS_ONE else "none", shown, refusal=refusal)


def _passing(status: int, headers: Mapping[str, str], shown: str) -> Outcome:
    seconds = _retry_after(headers.get("Retry-After"))
    if seconds is not None and seconds <= LONGEST_WAIT_S:
        return Outcome("wait", shown, seconds, LONGEST_PUT_OFF_S)
    if seconds is None and status in BUSY:
        return Outcome("wait", shown, 0.0, LONGEST_BUSY_S)
    return Outcome("fault", shown)


def _value(payload: Mapping[str, Any], key: str) -> Any:
    return payload.get(key, (payload.get("sampling_params") or {}).get(key))


def reason(error: Exception) -> str:
    """Return what an error says, in one line that is not long."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}{': ' if words else ''}{words}"[:SHOWN]


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

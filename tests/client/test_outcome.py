"""What comes of a request, by what a server answers."""

import email.utils
import json
import time

import pytest

from lm_eval_overton.client.outcome import (
    LONGEST_BUSY_S,
    LONGEST_PUT_OFF_S,
    Call,
    NoReplyError,
    NotOfferedError,
    Refusal,
    read,
    reason,
    refused,
)

PLAIN = {"model": "m", "seed": 1, "max_tokens": 7}
CALL = Call(PLAIN, str)


def outcome(status, body="", call=CALL, payload=PLAIN, **headers):
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    return refused(status, own, body, call, payload)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (301, "", "none"),
        (400, "the prompt is too long", "not_this"),
        (400, "API key not valid", "no_entry"),
        (400, "Your credit balance is too low", "no_entry"),
        (401, "who is this?", "no_entry"),
        (402, "Insufficient credits", "no_entry"),
        (402, "pay", "none"),
        (403, "not this prompt", "not_this"),
        (404, "no such model", "none"),
        (408, "", "fault"),
        (413, "", "not_this"),
        (418, "", "none"),
        (422, "", "not_this"),
        (429, "slow down", "wait"),
        (429, '{"error": {"code": "insufficient_quota"}}', "no_entry"),
        (451, "", "not_this"),
        (500, "boom", "fault"),
        (502, "<html>", "fault"),
        (503, "loading", "fault"),
        (529, "overloaded", "wait"),
    ],
)
def test_a_status_makes_the_outcome(status, body, kind):
    found = outcome(status, body)
    assert found.kind == kind
    assert found.text.startswith(f"HTTP {status}")


def test_a_redirect_is_not_followed_and_says_where_to():
    found = outcome(302, Location="https://elsewhere.invalid/login")
    assert found.text == "HTTP 302, a redirect to https://elsewhere.invalid/login"


@pytest.mark.parametrize("status", [429, 503, 500, 529])
@pytest.mark.parametrize(("after", "seconds"), [("7", 7), ("0.5", 0.5), ("-3", 0), ("600", 600)])
def test_retry_after_makes_a_wait_of_any_passing_status(status, after, seconds):
    found = outcome(status, Retry_After=after)
    assert (found.kind, found.seconds, found.longest) == ("wait", seconds, LONGEST_PUT_OFF_S)


def test_retry_after_may_be_a_date():
    found = outcome(429, Retry_After=email.utils.formatdate(time.time() + 60, usegmt=True))
    assert 58 <= found.seconds <= 60


@pytest.mark.parametrize("after", ["601", "86400", "1e300"])
def test_whoever_wants_to_wait_for_very_long_is_taken_to_be_away(after):
    assert outcome(429, Retry_After=after).kind == "fault"


@pytest.mark.parametrize("after", ["nan", "inf", "soon", "", "Wed, 99 Foo 2015"])
def test_a_wait_that_cannot_be_read_is_none(after):
    assert outcome(503, Retry_After=after).kind == "fault"
    busy = outcome(429, Retry_After=after)
    assert (busy.kind, busy.seconds, busy.longest) == ("wait", 0, LONGEST_BUSY_S)


def test_the_key_that_is_refused_is_told_with_its_value():
    body = json.dumps({"error": {"message": "seed is not supported", "param": "seed"}})
    assert outcome(400, body).refusal == Refusal("seed", 1, "seed is not supported")
    inner = {"text": "", "sampling_params": {"seed": 3}}
    assert outcome(400, body, payload=inner).refusal.value == 3
    assert outcome(400, "too long").refusal is None


def test_a_refusal_of_structured_output_is_not_one_of_the_request():
    shaped = {**PLAIN, "response_format": {}}
    call = Call(shaped, str, PLAIN)
    assert outcome(400, "no", call, shaped).kind == "no_structure"
    assert outcome(400, "no", call, PLAIN).kind == "not_this"
    assert outcome(500, "no", call, shaped).kind == "fault"


def raising(error):
    def fail(body):
        raise error

    return Call({}, fail)


def test_what_is_read_is_the_reply_and_what_cannot_be_read_is_a_fault():
    assert read(Call({}, len), "[1, 2]").reply == 2
    for body in ("", "{", "<html>", "[" * 100_000, "1" * 5000):
        found = read(Call({}, len), body)
        assert found.kind == "fault"
        assert found.text.startswith("an answer that cannot be read (")
    assert read(raising(KeyError("choices")), "{}").kind == "fault"
    assert read(raising(NoReplyError("filtered")), "{}").kind == "not_this"
    assert read(raising(NotOfferedError("no echo")), "{}").kind == "none"


def test_a_reason_is_one_line_that_is_not_long():
    assert reason(ValueError("a\n b")) == "ValueError: a b"
    assert reason(TimeoutError()) == "TimeoutError"
    assert len(reason(ValueError("x" * 999))) == 200

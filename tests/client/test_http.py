"""When requests are sent, put off, sent again and given up; what comes of each is scripted."""

import asyncio
import json
import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lm_eval_overton.client import http
from lm_eval_overton.client.connection import Connection
from lm_eval_overton.client.http import Calls
from lm_eval_overton.client.outcome import Call, Outcome, Refusal

KEY = "sk-0123456789abcdef"
REPLY = Outcome("reply", reply="yes")
FAULT = Outcome("fault", "HTTP 500: boom")
NOT_THIS = Outcome("not_this", "HTTP 400: too long")
AWAY = Outcome("away", "ClientConnectorError: no")
LATE = Outcome("late", "no answer within 1 s")


def wait(seconds=0.0, longest=60.0):
    return Outcome("wait", "HTTP 429: slow down", seconds, longest)


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(http, "FIRST_BACKOFF_S", 0.001)
    monkeypatch.setattr(http, "LONGEST_BACKOFF_S", 0.004)


class Scripted(Calls):
    """Sends nothing: what comes of a request is what a function of its index and turn says.

    A pair of an outcome and seconds takes these seconds; `sent` holds what was sent and when.
    """

    def __init__(self, outcome_of, concurrency=4, attempts=2):
        super().__init__(Connection("http://localhost/", {}, concurrency, attempts, 1), "model")
        self.outcome_of, self.sent, self.begin = outcome_of, [], time.monotonic()

    async def _post(self, session, turn):
        self.sent.append((turn.index, time.monotonic() - self.begin))
        outcome = self.outcome_of(turn.index, self.asked.count(turn.index))
        outcome, seconds = outcome if isinstance(outcome, tuple) else (outcome, 0)
        await asyncio.sleep(seconds)
        return outcome

    @property
    def asked(self):
        return [index for index, _ in self.sent]

    def replies(self, count):
        """Ask so often; return the replies by index."""
        found = {}
        self.run([Call({}, str)] * count, found.__setitem__)
        assert sorted(found) == [*range(count)]
        return [found[index] for index in range(count)]


def test_every_request_is_sent_once_and_answered():
    server = Scripted(lambda index, _: Outcome("reply", reply=index))
    assert server.replies(9) == [*range(9)]
    assert sorted(server.asked) == [*range(9)]
    assert not server.given_up


def test_the_first_goes_alone_until_it_is_answered():
    server = Scripted(lambda index, _: (REPLY, 0.1 if index == 0 else 0))
    server.replies(5)
    (first, begin), *others = server.sent
    assert first == 0
    assert all(moment >= begin + 0.1 for _, moment in others)


def test_a_first_that_hangs_holds_the_others_for_a_while_only(monkeypatch):
    monkeypatch.setattr(http, "ALONE_S", 0.05)
    server = Scripted(lambda index, _: (REPLY, 0.5 if index == 0 else 0))
    assert server.replies(20) == ["yes"] * 20
    assert max(moment for _, moment in server.sent) < 0.4


def test_a_key_that_is_refused_ends_it_before_the_second_request():
    refusal = Refusal("seed", 1, "seed is not supported")
    server = Scripted(lambda *_: Outcome("not_this", "HTTP 400: seed", refusal=refusal))
    assert server.replies(50) == [None] * 50
    assert server.asked == [0]
    assert server.refusal == refusal


def test_a_key_that_is_refused_later_is_a_matter_of_one_request():
    refusal = Refusal("seed", 1, "seed is not supported")
    refused = Outcome("not_this", "HTTP 400: seed", refusal=refusal)
    server = Scripted(lambda index, _: refused if index == 3 else REPLY)
    assert server.replies(6).count(None) == 1
    assert server.refusal is None


@pytest.mark.parametrize("outcome", [Outcome("no_entry", "HTTP 401: no"), AWAY])
def test_a_server_that_is_not_for_us_or_not_there_is_given_up_at_once(outcome):
    server = Scripted(lambda *_: outcome)
    assert server.replies(50) == [None] * 50
    assert set(server.asked) == {0}
    assert server.given_up == outcome.text


def test_a_server_that_answers_nothing_in_time_is_given_up_after_two():
    server = Scripted(lambda *_: LATE, concurrency=1)
    server.replies(50)
    assert set(server.asked) == {0, 1}
    assert "2 requests in a row failed, the last with no answer within 1 s" in server.given_up


def test_one_that_hangs_alone_is_one_that_failed():
    server = Scripted(lambda index, _: LATE if index == 0 else REPLY, concurrency=1)
    assert server.replies(5) == [None] + ["yes"] * 4


@pytest.mark.parametrize(("concurrency", "most"), [(1, 8), (4, 12)])
def test_a_server_that_only_fails_is_given_up_after_a_few(concurrency, most):
    server = Scripted(lambda *_: FAULT, concurrency)
    server.replies(200)
    assert 8 <= len(set(server.asked)) <= most
    assert "8 requests in a row failed" in server.given_up


def test_a_server_that_dies_is_given_up_after_twice_what_was_under_way():
    server = Scripted(lambda index, _: REPLY if index < 20 else AWAY, concurrency=8)
    assert server.replies(200).count("yes") == 20
    # Those that were under way, and as many again after them.
    assert len(set(server.asked)) <= 20 + 16 + 8
    assert "16 requests in a row failed" in server.given_up


def test_requests_that_are_refused_for_themselves_do_not_end_it():
    server = Scripted(lambda index, _: REPLY if index == 99 else NOT_THIS)
    assert server.replies(100) == [None] * 99 + ["yes"]
    assert len(server.asked) == 100
    assert server.faults == {NOT_THIS.text: 99}


def test_what_passes_is_sent_again_as_often_as_may_be():
    server = Scripted(lambda index, times: FAULT if index == 1 and times < 3 else REPLY, attempts=3)
    assert server.replies(3) == ["yes"] * 3
    assert server.asked.count(1) == 3
    server = Scripted(lambda index, _: FAULT if index == 1 else REPLY, attempts=3)
    assert server.replies(3) == ["yes", None, "yes"]
    assert server.asked.count(1) == 3


def test_a_wait_that_one_is_told_holds_for_all():
    server = Scripted(lambda index, times: wait(0.2) if (index, times) == (2, 1) else REPLY)
    assert server.replies(40) == ["yes"] * 40
    told = next(moment for index, moment in server.sent if index == 2)
    meanwhile = [moment for _, moment in server.sent if told + 0.05 < moment < told + 0.19]
    # Those at a time that were sent before it was told.
    assert len(meanwhile) <= 3


def test_one_that_is_put_off_again_and_again_does_not_hold_the_others():
    server = Scripted(lambda index, _: wait(0.2, 1.5) if index == 2 else (REPLY, 0.01))
    replies = server.replies(40)
    assert replies == [None if index == 2 else "yes" for index in range(40)]
    last = max(moment for index, moment in server.sent if index != 2)
    # 40 by 4 at 0.01 s take 0.1 s; one wait of 0.2 s held for all, and 7 would take 1.4 s.
    assert last < 1
    assert 3 <= server.asked.count(2) <= 12


def test_a_server_with_a_limit_is_found_out_and_answers_all(monkeypatch):
    monkeypatch.setattr(http, "FIRST_BACKOFF_S", 0.005)
    monkeypatch.setattr(http, "LONGEST_BACKOFF_S", 0.1)
    free_at = [0.0]

    def limited(index, times):
        """Answer one request in 0.005 s, whatever is sent."""
        now = time.monotonic()
        if now < free_at[0]:
            return wait(0, 0.15)
        free_at[0] = now + 0.005
        return REPLY

    server = Scripted(limited, concurrency=32)
    # That takes 0.4 s; as many at a time as may be would be put off for longer than they may.
    assert server.replies(80) == ["yes"] * 80


def test_many_that_are_put_off_until_they_fail_do_not_end_what_answers_others():
    server = Scripted(lambda index, _: (REPLY, 0.01) if index % 2 else wait(0, 0.1))
    assert server.replies(100) == [None, "yes"] * 50
    assert not server.given_up


def test_a_request_is_put_off_for_so_long_and_then_failed():
    server = Scripted(lambda *_: wait(0, 0.05))
    begin = time.monotonic()
    assert server.replies(1) == [None]
    assert 0.05 <= time.monotonic() - begin < 1
    assert server.faults == {"HTTP 429: slow down": 1}


def test_a_long_wait_is_said_and_a_short_one_is_not(monkeypatch, caplog):
    monkeypatch.setattr(http, "SILENT_WAIT_S", 0.05)
    Scripted(lambda index, times: wait(0.03) if times == 1 else REPLY).replies(4)
    assert not caplog.records
    Scripted(lambda index, times: wait(0.1) if times == 1 else REPLY).replies(4)
    lines = {record.getMessage() for record in caplog.records}
    assert lines == {"The model's server asks to wait 0 s: HTTP 429: slow down"}


def test_a_server_that_asks_for_patience_without_end_is_said_too(monkeypatch, caplog):
    monkeypatch.setattr(http, "SILENT_WAIT_S", 0.003)
    Scripted(lambda index, times: wait(0, 1) if times < 5 else REPLY).replies(1)
    assert "asks to wait" in caplog.text


def test_a_first_fault_is_said_before_it_is_sent_again(caplog):
    caplog.set_level(logging.WARNING)
    Scripted(lambda index, times: FAULT if times < 3 else REPLY, attempts=4).replies(5)
    [line] = [record.getMessage() for record in caplog.records]
    assert line == "The model's server is asked again: HTTP 500: boom"


def test_a_server_without_structured_output_is_asked_plainly_from_then_on():
    def outcome_of(index, times):
        return Outcome("no_structure", "HTTP 400") if (index, times) == (0, 1) else REPLY

    server = Scripted(outcome_of)
    assert server.replies(5) == ["yes"] * 5
    assert server.asked.count(0) == 2
    assert not server.structured


def test_a_second_run_begins_anew():
    server = Scripted(lambda *_: AWAY)
    server.replies(3)
    server.outcome_of = lambda *_: REPLY
    assert server.replies(3) == ["yes"] * 3
    assert not server.given_up


class Answer:
    """The part of an answer that is read."""

    def __init__(self, *chunks, charset=None):
        self.chunks, self.charset = chunks, charset
        self.content = self

    async def iter_any(self):
        for chunk in self.chunks:
            yield chunk


def body(*chunks, charset=None):
    return asyncio.run(http._body(Answer(*chunks, charset=charset)))


def test_a_body_is_read_as_it_says_or_as_utf8():
    assert body("é".encode()[:1], "é".encode()[1:]) == "é"
    assert body("\ufeff{}".encode()) == "{}"
    assert body("{}".encode("utf-16"), charset="utf-16") == "{}"


def test_a_body_without_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(http, "LARGEST_BODY", 2**20)
    with pytest.raises(ValueError, match="an answer of at most 1 MB"):
        body(*[bytes(2**18)] * 5)


class Place(BaseHTTPRequestHandler):
    """Answers with what it was asked: the address and who asks."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps([self.path, self.headers.get("Authorization")]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def place(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Place) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asked(url):
    found = {}
    calls = Calls(Connection(url, {"Authorization": f"Bearer {KEY}"}, timeout_s=5))
    calls.run([Call({}, list)], found.__setitem__)
    assert not calls.faults, calls.faults
    return found[0]


def test_a_call_is_made_when_its_turn_comes(place):
    made, done = [], []

    def calls():
        for i in range(40):
            made.append(i)
            yield Call({}, list)

    own = Connection(place, {}, timeout_s=5, concurrency=4)
    ahead = []

    def end(index, _):
        done.append(index)
        ahead.append(len(made) - len(done))

    Calls(own).run(calls(), end)
    assert sorted(done) == made == list(range(40))
    assert max(ahead) < 4


def test_a_name_that_is_noted_for_the_host_does_not_stand_against_the_key(
    place, tmp_path, monkeypatch
):
    noted = tmp_path / "netrc"
    noted.write_text("machine 127.0.0.1 login me password mine\ndefault login me password mine\n")
    noted.chmod(0o600)
    monkeypatch.setenv("NETRC", str(noted))
    assert asked(f"{place}/v1") == ["/v1", "Bearer <redacted>"]


def test_requests_go_by_the_proxy_of_the_environment(place, monkeypatch):
    monkeypatch.setenv("http_proxy", place)
    path, _ = asked("http://elsewhere.invalid/v1")
    assert path == "http://elsewhere.invalid/v1"

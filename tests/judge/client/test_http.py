"""A judge on a server: what becomes of each verdict, what is asked again, and what is not."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lm_eval_overton.client import http as judge_http
from lm_eval_overton.client import outcome
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge import cache as cache_module
from lm_eval_overton.judge.ask import Question
from lm_eval_overton.judge.cache import ReplyCache
from lm_eval_overton.judge.client import model as judge_module
from lm_eval_overton.judge.client.jobs import Job
from lm_eval_overton.judge.client.local import ask_loaded
from lm_eval_overton.judge.client.model import HarnessJudge, is_local
from lm_eval_overton.judge.client.replies import CUT, REFUSED, text_reply
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.judge.judgements.viewpoints import viewpoints
from lm_eval_overton.settings.judge import JudgeSpec, read_spec
from tests.conftest import ROOT, free_port
from tests.judge_server import PASSING, STATUS_OF, judging

KEY = "sk-secret-0123456789abcdef"
TEXTS = {"prompt": "Is it so?", "response": "R", "reference": "S", "alternative": "R"}
TEXTS |= {"response_a": "S", "response_b": "R"}

NAMES = ("quality", "stance", "missing", "topics", "equivalence")


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def start(tmp_path):
    with ExitStack() as stack:
        numbers = iter(range(99))

        def starting(*options, port=0):
            log = tmp_path / f"judge_{next(numbers)}.jsonl"
            return stack.enter_context(judging(log, *options, port=port))

        yield starting


@pytest.fixture
def ask(tmp_path):
    """Ask a judge with a cache that all calls of a test share."""

    def asking(spec, questions, **changes):
        checked = read_spec({**spec, **changes}, "test")
        return HarnessJudge(checked, tmp_path / "judge.sqlite").ask(questions)

    return asking


def question(name="quality", response="R", judgement=None):
    judgement = judgement or JUDGEMENTS[name]
    texts = {key: TEXTS.get(key, ["cost", "freedom"]) for key in judgement.inputs}
    last = judgement.inputs[-1]
    return Question(judgement, texts | {last: response})


def questions(count, name="quality"):
    return [question(name, f"Response {i}.") for i in range(count)]


def statuses(verdicts):
    return dict(Counter(verdict.status for verdict in verdicts))


def expected(answers):
    """What the log says that the verdicts must be."""
    return dict(Counter(STATUS_OF[fate_of(own)] for own in by_key(answers).values()))


def by_key(answers):
    groups = {}
    for entry in answers:
        groups.setdefault(entry["key"], []).append(entry)
    return groups


def fate_of(own):
    return own[0]["fate"]


@pytest.mark.usefixtures("hasty")
def test_every_fate_ends_in_its_class_and_a_rerun_asks_only_for_the_failed(start, ask):
    server = start("--fates", ",".join(STATUS_OF), "--seed", "5", "--wait", "0.05")
    asked = [question(name, f"Response {i}.") for name in NAMES for i in range(26)]
    asked += [question(judgement=viewpoints(2), response=f"Response {i}.") for i in range(26)]
    spec = server.spec(num_concurrent=16)
    first = ask(spec, asked)
    answers = server.answers()
    groups = by_key(answers)
    # 6 judgements of 26 responses; each fate befell some of them.
    assert len(groups) == len(first) == 156
    assert {fate_of(own) for own in groups.values()} == set(STATUS_OF)
    assert statuses(first) == expected(answers)
    assert set(statuses(first)) == {"parsed", "refused", "unreadable", "failed"}
    # `max_retries` is 2: one that fails for good is asked twice, one that only waited once more.
    for own in groups.values():
        twice = STATUS_OF[fate_of(own)] == "failed" or fate_of(own) in PASSING
        assert len(own) == (2 if twice else 1), fate_of(own)
    right = {json.dumps(own[0]["value"]) for own in groups.values() if fate_of(own) == "right"}
    raws = [json.loads(v.raw) for v in first if v.status == "parsed"]
    for raw in raws:
        raw.pop("reason")
    assert right <= {json.dumps(raw) for raw in raws}

    failed = {key for key, own in groups.items() if STATUS_OF[fate_of(own)] == "failed"}
    server.stop()
    well = start(port=server.port)
    second = ask(spec, asked)
    assert set(well.last()) == failed
    assert len(well.answers()) == len(failed)
    for before, after in zip(first, second, strict=True):
        assert after.status == "parsed" if before.status == "failed" else after == before
    well.stop()
    # Without a server: nothing is asked.
    assert ask(spec, asked) == second


def test_the_values_are_those_that_the_server_gave(start, ask):
    server = start()
    names = ["quality", "stance", "missing", "equivalence", "topics"]
    verdicts = ask(server.spec(num_concurrent=1), [question(name) for name in names])
    quality, stance, missing, equivalence, topics = [e["value"] for e in server.answers()]
    assert verdicts[0].value == quality
    assert verdicts[1].value == stance["stance"]
    assert verdicts[2].value == missing["score"]
    assert verdicts[3].value == equivalence["verdict"]
    assert verdicts[4].value == topics


@pytest.mark.parametrize(("fate", "wait", "least"), [("wait_seconds", 1, 1), ("wait_date", 2, 1)])
def test_retry_after_pauses_the_other_requests_too(start, ask, fate, wait, least):
    # A date has whole seconds, so 2 s from now is at least 1 s away.
    server = start("--fates", f"{fate},right,right,right", "--wait", str(wait))
    verdicts = ask(server.spec(timeout=5), questions(24))
    assert statuses(verdicts) == {"parsed": 24}
    answers = server.answers()
    told = [entry["answered"] for entry in answers if entry["fate"] == fate]
    assert told
    for moment in told:
        # Each of the three other requests at a time may be under way when the server speaks.
        meanwhile = [e for e in answers if moment < e["arrived"] < moment + least - 0.05]
        assert len(meanwhile) <= 3
    assert max(entry["arrived"] for entry in answers) > told[0] + least


def test_a_server_without_structured_output_is_asked_once_more_without(start, ask):
    server = start("--no-structure", "--bodies")
    verdicts = ask(server.spec(num_concurrent=1), questions(5))
    assert statuses(verdicts) == {"parsed": 5}
    shaped = ["response_format" in entry["body"] for entry in server.answers()]
    assert shaped == [True, False, False, False, False, False]


def test_the_schema_of_the_judgement_is_sent_where_it_is_offered(start, ask):
    server = start("--bodies")
    ask(server.spec(), [question("stance")])
    ask(server.spec(), [question("missing")], structured=False)
    first, second = [entry["body"] for entry in server.answers()]
    schema = first["response_format"]["json_schema"]
    assert first["response_format"]["type"] == "json_schema"
    assert (schema["name"], schema["strict"]) == ("stance", True)
    assert schema["schema"]["required"] == ["reason", "stance"]
    assert "response_format" not in second
    assert (first["temperature"], first["max_tokens"]) == (0, 1024)


def test_as_many_requests_are_under_way_as_may_be_and_no_more(start, ask):
    server = start("--latency", "0.2")
    ask(server.spec(num_concurrent=6), questions(30))
    assert server.answers()[-1]["most_active"] == 6


def test_equal_requests_are_sent_once(start, ask):
    server = start()
    verdicts = ask(server.spec(), [question()] * 4 + [replace(question(), repeat=1)])
    assert len(server.answers()) == 2
    assert len(verdicts) == 5
    assert statuses(verdicts) == {"parsed": 5}


def test_what_can_change_a_verdict_is_asked_again_and_what_cannot_is_not(start, ask):
    server = start()
    one = [question("stance")]

    def asks(spec, asked=one, **changes):
        before = len(server.answers())
        ask(spec, asked, **changes)
        return len(server.answers()) - before

    assert asks(server.spec()) == 1
    assert asks(server.spec()) == 0
    assert asks(server.spec(num_concurrent=2, timeout=9, max_retries=7)) == 0
    assert asks(server.spec(), bar=2) == 0
    assert asks(server.spec(), judgements=["stance"]) == 0
    assert asks(server.spec(model="another")) == 1
    assert asks(server.spec(seed=7)) == 1
    assert asks(server.spec(), max_tokens=64) == 1
    assert asks(server.spec(), structured=False) == 1
    later = replace(JUDGEMENTS["stance"], version=99)
    assert asks(server.spec(), [question(judgement=later)]) == 1
    assert asks(server.spec(), [question("stance", "Another response.")]) == 1


def test_a_judge_can_be_asked_within_a_running_loop(start, ask):
    server = start()

    async def notebook():
        return ask(server.spec(), questions(3))

    assert statuses(asyncio.run(notebook())) == {"parsed": 3}
    # They are on disk.
    server.stop()
    assert statuses(ask(server.spec(), questions(3))) == {"parsed": 3}


def test_the_key_arrives_and_is_not_in_logs_although_the_server_echoes_it(start, ask, caplog):
    server = start("--fates", "error,right")
    caplog.set_level("DEBUG")
    verdicts = ask({**server.spec(), "model": "openai-chat-completions"}, questions(12))
    assert set(statuses(verdicts)) == {"parsed", "failed"}
    assert {entry["authorization"] for entry in server.answers()} == {f"Bearer {KEY}"}
    [warning] = [r.getMessage() for r in caplog.records if "requests to the judge" in r.message]
    assert "HTTP 500" in warning
    assert "<redacted>" in warning
    assert KEY not in caplog.text


class OneAnswer:
    """A server in a thread that gives each request the next of some answers, then the last."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.bodies = []

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                turn = len(outer.bodies)
                outer.bodies.append(body)
                answer = outer.answers[min(turn, len(outer.answers) - 1)]
                status, text, *headers = answer(body) if callable(answer) else answer
                self.send_response(status)
                for header in headers:
                    self.send_header(*header)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def spec(self, **changes):
        url = f"http://127.0.0.1:{self.server.server_port}/v1/chat/completions"
        arguments = {"base_url": url, "model": "judge", "max_retries": 1, **changes}
        return {"model": "local-chat-completions", "model_args": arguments}


STANCE = '{"reason": "r", "stance": "no"}'


def reply(text):
    return message({"content": text})


def message(own, **choice):
    return 200, json.dumps({"choices": [{"index": 0, "message": own, **choice}]})


def test_a_reply_that_holds_the_key_is_kept_without_it(ask, tmp_path):
    with OneAnswer(reply(f"Your key is {KEY}.\n{STANCE}")) as server:
        [verdict] = ask(server.spec(), [question("stance")])
    assert (verdict.status, verdict.value) == ("parsed", "no")
    assert verdict.raw == f"Your key is <redacted>.\n{STANCE}"
    for path in tmp_path.iterdir():
        assert KEY.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "answer",
    [
        (200, "<html>Bad gateway</html>"),
        (200, "{}"),
        (200, '{"choices": []}'),
        (200, '{"error": {"message": "overloaded"}}'),
        (200, "null"),
        message({"content": ""}, finish_reason="error"),
        message({"content": ""}, error={"message": "upstream"}),
        message({"content": None, "reasoning_content": "Well."}, finish_reason="stop"),
        message({"role": "assistant"}),
        message({"content": None, "tool_calls": [{"function": {"arguments": STANCE}}]}),
        message({"content": "", "tool_calls": [{"function": {"arguments": STANCE}}]}),
        message({"content": [{"type": "image_url"}]}),
        message({"content": 3}),
        (200, json.dumps({"choices": [{"index": 0}]})),
    ],
)
def test_an_answer_that_holds_no_reply_is_a_failed_request(ask, answer):
    with OneAnswer(answer) as server:
        [verdict] = ask(server.spec(), [question("stance")])
    assert verdict.status == "failed"
    with OneAnswer(reply(STANCE)) as server:
        # Not kept: it is asked again.
        [verdict] = ask(server.spec(), [question("stance")])
    assert verdict.status == "parsed"


@pytest.mark.parametrize(
    "answer",
    [
        (200, json.dumps({"choices": [{"message": {"content": STANCE}}]})),
        message({"content": [{"type": "thinking"}, {"type": "text", "text": STANCE}]}),
        message({"content": [{"type": "text", "text": part} for part in (STANCE[:9], STANCE[9:])]}),
        message({"content": STANCE, "refusal": None, "tool_calls": []}, error=None),
        (
            200,
            json.dumps(
                {
                    "choices": [
                        {"index": 1, "message": {"content": "{}"}},
                        {"index": 0, "message": {"content": STANCE}},
                    ]
                }
            ),
        ),
    ],
)
def test_a_reply_is_read_in_whatever_way_a_chat_server_gives_it(ask, answer):
    with OneAnswer(answer) as server:
        [verdict] = ask(server.spec(), [question("stance")])
    assert (verdict.status, verdict.value, verdict.raw) == ("parsed", "no", STANCE)


@pytest.mark.parametrize(
    "answer",
    [
        message({"content": ""}, finish_reason="stop"),
        message({"content": ""}, finish_reason="length"),
        message({"content": None, "reasoning_content": "Hmm"}, finish_reason="length"),
    ],
)
def test_an_empty_reply_is_an_answer_and_is_kept(ask, answer):
    with OneAnswer(answer) as server:
        spec = server.spec()
        [verdict] = ask(spec, [question("stance")])
    assert (verdict.status, verdict.raw) == ("unreadable", "")
    assert ask(spec, [question("stance")]) == [verdict]


@pytest.mark.parametrize("said", ["Lo siento, no puedo.", "This violates our content policy."])
@pytest.mark.parametrize("content", [None, "", []])
def test_what_the_server_calls_a_refusal_is_one_in_any_words_and_is_kept(ask, said, content):
    with OneAnswer(message({"content": content, "refusal": said})) as server:
        spec = server.spec()
        [verdict] = ask(spec, [question("stance")])
    assert (verdict.status, verdict.raw) == ("refused", said)
    assert ask(spec, [question("stance")]) == [verdict]


@pytest.mark.parametrize("mark", [REFUSED, CUT])
def test_no_content_can_pass_for_what_the_server_says_of_it(ask, mark):
    # Were the mark taken for ours, one reply would be a refusal and the other a verdict.
    with OneAnswer(reply(f"{mark}{STANCE}")) as server:
        spec = server.spec()
        [verdict] = ask(spec, [question("stance")])
    assert (verdict.status, verdict.value) == ("unreadable", None)
    assert ask(spec, [question("stance")]) == [verdict]


@pytest.mark.parametrize(
    ("text", "status"), [(STANCE, "parsed"), (f"It says so.\n{STANCE}", "unreadable")]
)
def test_a_reply_that_was_cut_off_is_a_verdict_only_as_a_whole(ask, text, status):
    with OneAnswer(message({"content": text}, finish_reason="length")) as server:
        spec = server.spec()
        [verdict] = ask(spec, [question("stance")])
    assert (verdict.status, verdict.raw) == (status, text)
    # It is kept with the reason why it ended.
    assert ask(spec, [question("stance")]) == [verdict]


class Completions:
    def parse_generations(self, outputs):
        return [outputs[0].get("text") or outputs[0]["choices"][0]["text"]]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"choices": [{"text": "a", "finish_reason": "length"}]}, f"{CUT}a"),
        ({"choices": [{"text": "a", "finish_reason": "stop"}]}, "a"),
        ({"text": "a", "stop_reason": "max_tokens"}, f"{CUT}a"),
        ({"text": "a", "stop_reason": "end_turn"}, "a"),
        ({"text": "a"}, "a"),
    ],
)
def test_a_completion_says_whether_it_was_cut_off(body, kept):
    assert text_reply(Completions(), body) == kept


def test_a_loaded_model_cannot_pass_for_a_refusing_server():
    class Model:
        def generate_until(self, requests, disable_tqdm):
            return [f"{REFUSED}no" for _ in requests]

    replies = []
    [question] = questions(1, "stance")
    job = Job("key", question)
    spec = read_spec({"model": "hf"}, "test")
    ask_loaded(Model(), [job], spec, lambda _, reply: replies.append(reply))
    [reply] = replies
    assert reply.endswith("no")
    assert not reply.startswith(REFUSED)


def test_an_unknown_charset_costs_one_request_and_not_all(ask):
    odd = (200, "{}", ("Content-Type", "application/json; charset=hex"))
    with OneAnswer(odd, reply(STANCE)) as server:
        verdicts = ask(server.spec(), questions(3, "stance"))
    assert [verdict.status for verdict in verdicts] == ["failed", "parsed", "parsed"]


@pytest.fixture
def hasty(monkeypatch):
    """Wait for milliseconds instead of seconds."""
    monkeypatch.setattr(judge_http, "FIRST_BACKOFF_S", 0.001)
    monkeypatch.setattr(judge_http, "LONGEST_BACKOFF_S", 0.004)


def wait(after, status=429):
    return status, "slow down", ("Retry-After", after)


@pytest.mark.parametrize("after", ["0", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", "0.0001"])
@pytest.mark.usefixtures("hasty")
def test_a_server_that_says_at_once_and_means_later_is_waited_for(ask, after):
    with OneAnswer(*[wait(after)] * 60, reply(STANCE)) as server:
        [verdict] = ask(server.spec(), [question("stance")])
    assert verdict.status == "parsed"
    assert len(server.bodies) == 61


@pytest.mark.parametrize("after", ["nan", "inf", "-inf", "1e999", "soon", ""])
@pytest.mark.usefixtures("hasty")
def test_a_wait_that_cannot_be_read_is_none(ask, after):
    with OneAnswer(wait(after, 503)) as server:
        [verdict] = ask(server.spec(max_retries=3), [question("stance")])
    assert verdict.status == "failed"
    assert len(server.bodies) == 3


@pytest.mark.parametrize("after", ["nan", ""])
@pytest.mark.usefixtures("hasty")
def test_a_busy_server_that_does_not_say_how_long_is_waited_for_a_while(ask, after, monkeypatch):
    with OneAnswer(*[wait(after)] * 20, reply(STANCE)) as server:
        [verdict] = ask(server.spec(max_retries=3), [question("stance")])
    assert verdict.status == "parsed"
    monkeypatch.setattr(outcome, "LONGEST_BUSY_S", 0.4)
    with OneAnswer(wait(after)) as server:
        [verdict] = ask(server.spec(max_retries=3), [question("stance")])
    assert verdict.status == "failed"
    assert len(server.bodies) > 3


@pytest.mark.usefixtures("hasty")
def test_a_request_is_not_put_off_for_ever(ask, monkeypatch):
    monkeypatch.setattr(outcome, "LONGEST_PUT_OFF_S", 0.1)
    with OneAnswer(wait("0")) as server:
        [verdict] = ask(server.spec(), [question("stance")])
    assert verdict.status == "failed"
    assert 2 < len(server.bodies) < 110


def test_the_waits_grow_to_their_limit():
    assert [judge_http._backoff(n) for n in (1, 2, 3, 5, 6)] == [0.5, 1, 2, 8, 10]
    assert judge_http._backoff(10**6) == 10


def test_a_cache_that_another_process_holds_costs_no_verdict(ask, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(cache_module, "BUSY_S", 0.01)
    with OneAnswer(reply(STANCE)) as server:
        ask(server.spec(), questions(1, "stance"))
        other = sqlite3.connect(tmp_path / "judge.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        verdicts = ask(server.spec(), questions(4, "stance"))
        assert statuses(verdicts) == {"parsed": 4}
        assert len(server.bodies) == 4
        other.close()
    assert caplog.text.count("replies are not kept from here on") == 1
    assert "database is locked" in caplog.text


def test_a_cache_that_cannot_be_read_costs_no_verdict(ask, tmp_path, caplog):
    with OneAnswer(reply(STANCE)) as server:
        spec = read_spec(server.spec(), "test")
        judge = HarnessJudge(spec, tmp_path / "judge.sqlite")
        with sqlite3.connect(tmp_path / "judge.sqlite") as file:
            file.execute("CREATE TABLE replies (something TEXT)")
        file.close()
        assert judge.plan(questions(2, "stance")).requests == 2
        assert statuses(judge.ask(questions(2, "stance"))) == {"parsed": 2}
        assert statuses(judge.ask(questions(2, "stance"))) == {"parsed": 2}
    assert caplog.text.count("replies are not kept from here on") == 1


def test_a_cache_that_cannot_be_opened_costs_no_verdict(ask, tmp_path, caplog):
    (tmp_path / "judge.sqlite").mkdir()
    with OneAnswer(reply(STANCE)) as server:
        assert statuses(ask(server.spec(), questions(3, "stance"))) == {"parsed": 3}
        assert len(server.bodies) == 3
        judge = HarnessJudge(read_spec(server.spec(), "test"), tmp_path / "judge.sqlite")
        for _ in range(2):
            assert statuses(judge.ask(questions(2, "stance"))) == {"parsed": 2}
        assert judge.plan(questions(2, "stance")).cached == 0
        assert judge.forget_unreadable(questions(2, "stance")) == 0
    # Said once by each judge.
    assert caplog.text.count("replies are not kept from here on") == 2
    assert "choose another folder with OVERTON_CACHE_DIR" in caplog.text


def test_unreadable_replies_are_shown_and_asked_for_again_where_they_are_forgotten(
    ask, tmp_path, caplog
):
    nonsense = "\x1b[2JIt\nmay be " + "yes " * 200
    with OneAnswer(reply(nonsense), reply(nonsense), reply(STANCE)) as server:
        spec = server.spec()
        path = tmp_path / "judge.sqlite"
        assert statuses(ask(spec, questions(3, "stance"))) == {"parsed": 1, "unreadable": 2}
        [line] = [r.getMessage() for r in caplog.records if "cannot be read" in r.getMessage()]
        assert line.startswith('Judge: 2 of 3 replies on stance cannot be read, such as "\ufffd[2J')
        assert "\x1b" not in line
        assert len(line) < 400 + len(str(path))
        [request] = re.findall(r"request (\w+) in", line)
        with sqlite3.connect(path) as file:
            [(kept,)] = file.execute(
                "SELECT reply FROM replies WHERE request LIKE ?", [f"{request}%"]
            )
        assert kept == nonsense

        judge = HarnessJudge(read_spec(spec, "test"), path)
        assert judge.forget_unreadable(questions(3, "stance")) == 2
        assert judge.forget_unreadable(questions(3, "stance")) == 0
        assert judge.plan(questions(3, "stance")).cached == 1
        assert statuses(judge.ask(questions(3, "stance"))) == {"parsed": 3}
        assert len(server.bodies) == 5


OWN_TEMPERATURE = ["o1", "o3-mini-2025-01-31", "openai/o4-mini", "gpt-5", "gpt-5.1", "my-gpt5"]
NO_TEMPERATURE_OF_THEIR_OWN = [
    *("gpt-3.5-turbo-0125", "gpt-4o-2024-05-13", "gpt-4.5-preview", "gpt-35-turbo"),
    *("ft:gpt-4o-2024-08-06:demo1::a5b", "my-o15-model", "judge"),
]


def hosted(server, model):
    return {**server.spec(model=model), "model": "openai-chat-completions"}


@pytest.mark.parametrize("model", NO_TEMPERATURE_OF_THEIR_OWN)
def test_a_judge_is_asked_at_temperature_0_whatever_its_date(ask, caplog, model):
    with OneAnswer(reply(STANCE)) as server:
        ask(hosted(server, model), [question("stance")])
        signature = HarnessJudge(read_spec(hosted(server, model), "test")).signature
    [body] = server.bodies
    assert body["temperature"] == 0
    # No stop sequence says nothing.
    assert "stop" not in body
    assert "temp:" not in signature
    assert "no temperature but its own" not in caplog.text


@pytest.mark.parametrize("model", OWN_TEMPERATURE)
def test_a_model_that_refuses_temperature_0_says_so_in_log_and_signature(ask, caplog, model):
    with OneAnswer(reply(STANCE)) as server:
        ask(hosted(server, model), questions(2, "stance"))
        signature = HarnessJudge(read_spec(hosted(server, model), "test")).signature
        asked = caplog.text.count("no temperature but its own: it is asked at 1")
    assert {body["temperature"] for body in server.bodies} == {1}
    assert "stop" not in server.bodies[0]
    assert signature.endswith("|bar:4|temp:1")
    # Once by each of the two judges.
    assert asked == 2


def test_the_temperature_that_is_sent_is_part_of_what_is_kept_and_signed():
    def key_and_signature(temperature):
        arguments = {"base_url": "http://localhost:1/v1", "model": "judge"}
        given = {"model": "local-chat-completions", "model_args": arguments}
        judge = HarnessJudge(read_spec(given, "test"), Path("unused"))
        judge.__dict__["_temperature"] = temperature
        [job] = judge._jobs(question("stance"))
        return job.key, judge.signature.split("|")[0]

    for one, another in zip(key_and_signature(0), key_and_signature(1), strict=True):
        assert one != another


def too_long_or(status):
    """Refuse responses that are marked as long, answer the others."""

    def answer(body):
        long = "LONG" in body["messages"][0]["content"]
        return (status, "context length exceeded") if long else reply(STANCE)

    return answer


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_requests_that_the_server_refuses_do_not_take_the_others_with_them(ask, status):
    # More in a row than would make a server count as gone.
    asked = [question("stance", f"LONG {i}") for i in range(12)] + questions(3, "stance")
    with OneAnswer(too_long_or(status)) as server:
        verdicts = ask(server.spec(max_retries=5), asked)
    assert statuses(verdicts) == {"failed": 12, "parsed": 3}
    # The schema is still sent: it was not what the server refused.
    assert "response_format" in server.bodies[-1]


def test_a_server_that_lets_nobody_in_is_asked_once(ask, caplog):
    with OneAnswer((401, f"Incorrect API key provided: {KEY}")) as server:
        verdicts = ask(server.spec(max_retries=5), questions(9))
    assert statuses(verdicts) == {"failed": 9}
    assert len(server.bodies) == 1
    assert "given up: HTTP 401: Incorrect API key provided: <redacted>" in caplog.text


def test_a_server_that_is_gone_is_given_up(ask, caplog):
    with OneAnswer(reply(STANCE)) as server:
        spec = server.spec(num_concurrent=2)
    start = time.monotonic()
    verdicts = ask(spec, questions(500))
    assert statuses(verdicts) == {"failed": 500}
    assert "given up: ClientConnectorError" in caplog.text
    # The first request, three times, and no other.
    assert time.monotonic() - start < 10


def test_a_wrong_path_is_given_up_after_a_few_requests(ask):
    with OneAnswer((404, "no such model")) as server:
        assert statuses(ask(server.spec(), questions(50))) == {"failed": 50}
    assert len(server.bodies) <= 16


SCRIPT = """
import sys
from tests.judge.client.test_http import HarnessJudge, Path, json, questions, read_spec
spec = read_spec(json.loads(sys.argv[1]), "test")
HarnessJudge(spec, Path(sys.argv[2])).ask(questions(120))
"""


def test_a_killed_process_goes_on_where_it_was(start, ask, tmp_path):
    server = start("--latency", "0.1")
    spec = server.spec(timeout=5)
    command = [sys.executable, "-c", SCRIPT, json.dumps(spec), str(tmp_path / "judge.sqlite")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    # 120 requests by 4 at 0.1 s take 3 s.
    while len(server.answers()) < 60:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    server.stop()

    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        [(kept,)] = cache._file.execute("SELECT COUNT(*) FROM replies")
    # All that came is there; the last of 4 at a time may have been on their way.
    assert 60 - 4 <= kept < 120
    again = start(port=server.port)
    assert statuses(ask(spec, questions(120))) == {"parsed": 120}
    assert len(again.answers()) == 120 - kept


def test_replies_that_another_process_asked_for_are_there(start, ask, tmp_path):
    server = start()
    first = ask(server.spec(), questions(3))
    with ReplyCache(tmp_path / "judge.sqlite") as cache:
        rows = dict(cache._file.execute("SELECT request, reply FROM replies"))
    assert sorted(rows.values()) == sorted(verdict.raw for verdict in first)
    # Neither prompts nor settings are in it.
    assert all(len(key) == 64 for key in rows)
    # Like any file of the user's, its name alone decides; the default lies in the cache folder.
    os.environ["OVERTON_CACHE_DIR"] = str(tmp_path)
    try:
        assert judge_module.judge_cache() == tmp_path / "judge.sqlite"
    finally:
        del os.environ["OVERTON_CACHE_DIR"]


def test_the_signature_holds_what_can_change_a_verdict_and_no_address(monkeypatch):
    def signature(**changes):
        arguments = {"base_url": "http://localhost:1/v1", "model": "org/judge"}
        arguments |= changes.pop("model_args", {})
        given = {"model": "local-chat-completions", "model_args": arguments, **changes}
        return HarnessJudge(read_spec(given, "test"), Path("unused")).signature

    plain = signature()
    assert plain.startswith("judge@")
    assert plain.endswith("|text|bar:4")
    assert signature(model_args={"base_url": "http://elsewhere/v1", "num_concurrent": 9}) == plain
    different = [{"bar": 3}, {"max_tokens": 9}, {"structured": False}, {"model_args": {"seed": 2}}]
    assert len({plain, *(signature(**change) for change in different)}) == 5
    asked = replace(JUDGEMENTS["stance"], version=JUDGEMENTS["stance"].version + 1)
    monkeypatch.setitem(JUDGEMENTS, "stance", asked)
    assert signature() != plain


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": "no-such-model"}, "expected a model of the harness .* got 'no-such-model'"),
        ({"model": "local-chat-completions", "model_args": {"model": "m"}}, "expected a base_url"),
        (
            {"model": "local-chat-completions", "mode": "loglikelihood", "model_args": {}},
            "expected a model with log-likelihoods .* or the mode text",
        ),
        ({"model": "local-chat-completions", "model_args": {"nmu": {}, "timeout": "x"}}, "set up"),
    ],
)
def test_a_judge_that_cannot_be_set_up_is_refused_at_once(given, message):
    with pytest.raises(SettingsError, match=message) as error:
        HarnessJudge(read_spec(given, "test"), Path("unused"))
    assert "\n" not in str(error.value)


def test_a_hosted_judge_without_its_key_is_refused_at_once(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    given = {"model": "openai-chat-completions", "model_args": {"model": "gpt"}}
    with pytest.raises(SettingsError, match="set the `OPENAI_API_KEY` environment variable"):
        HarnessJudge(read_spec(given, "test"), Path("unused"))


def test_a_hosted_judge_without_a_model_is_refused_at_once():
    with pytest.raises(SettingsError, match="expected a judge that can be set up"):
        HarnessJudge(read_spec({"model": "openai-chat-completions"}, "test"), Path("unused"))


def test_a_judge_that_cannot_be_set_up_is_named_without_its_key():
    address = "http://localhost:1/v1?api-key=sk-1"
    spec = JudgeSpec("local-chat-completions", {"base_url": address, "timeout": "token=sk-1"})
    with pytest.raises(SettingsError, match="expected a judge that can be set up") as error:
        HarnessJudge(spec, Path("unused"))
    assert "sk-1" not in str(error.value)


@pytest.mark.parametrize(
    ("model", "arguments", "local"),
    [
        ("hf", {"pretrained": "x"}, True),
        ("local-chat-completions", {"model": "x", "base_url": "y"}, False),
        ("local-completions", {"pretrained": "x", "base_url": "y"}, False),
    ],
)
def test_a_judge_is_local_if_it_would_be_loaded_here(model, arguments, local):
    assert is_local(read_spec({"model": model, "model_args": arguments}, "test")) is local


def test_a_free_port_has_no_judge(ask):
    spec = {
        "model": "local-chat-completions",
        "model_args": {"base_url": f"http://127.0.0.1:{free_port()}/v1", "model": "m"},
    }
    assert [v.status for v in ask(spec, [question()])] == ["failed"]

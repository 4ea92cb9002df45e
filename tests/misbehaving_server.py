"""A server that misbehaves in one of many ways, for an evaluated model and for a judge alike.

Every way has a name, a fate. Requests are posted to `/CELL/v1/chat/completions` (or `completions`,
or `messages`, as Anthropic does), and what befalls those of a cell is set by a POST to
`/CELL/fate`:

    {"fate": "null", "share": 0.3}     a share of the requests, by a seeded hash, whenever they come
    {"fate": "null", "only": [1]}      the first request alone (by when it first came)
    {"fate": "null", "times": 1}       each of them only once
    {"fate": "null", "after": 10}      from the eleventh request on

One line of JSON for each request goes to the cell's log: what was asked, and what was said, which
is null where a client cannot have got an answer. What is said to a request depends on it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.conftest import ROOT, free_port, wait_for
from tests.judge_server import value_of

WORDS = [f"{first}{last}" for first in "bdfgklmnprst" for last in ("ado", "ine", "ole", "ure")]
THOUGHT = "They ask for an opinion. I weigh both sides."
REFUSAL = "I can't assist with that."
DAY = "86400"
HUGE = 2**18


@dataclass(frozen=True)
class Reply:
    """What a request gets.

    Attributes:
        body: JSON as an object, or the bytes.
        said: The answer in it, as it is to be kept; None if it holds none.
        judged: What a judge says with it.
        status: The HTTP status.
        headers: Further headers.
        act: What is done to the connection: `abort`, `half`, `hang`, `exit`, `garbage`.
    """

    body: Any = b""
    said: str | None = None
    judged: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    act: str = ""


@dataclass(frozen=True)
class Asked:
    """A request: what it would be answered, and what careless servers repeat of it."""

    text: str
    path: str
    headers: str

    def body(self, **message: Any) -> dict[str, Any]:
        """Return a body in the form of the protocol that the request came by."""
        finish = message.pop("finish", "stop")
        if self.path.endswith("messages"):
            content = message.get("content", self.text)
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
            reason = {"stop": "end_turn", "length": "max_tokens"}.get(finish, finish)
            return {"type": "message", "content": blocks, "stop_reason": reason}
        choice: dict[str, Any] = {"index": 0, "finish_reason": finish}
        choice |= message.pop("choice", {})
        message = {"role": "assistant", "content": self.text, **message}
        if self.path.endswith("chat/completions"):
            return {"object": "chat.completion", "choices": [{**choice, "message": message}]}
        return {"object": "text_completion", "choices": [{**choice, "text": message["content"]}]}

    def says(self, text: str, **message: Any) -> Reply:
        """Return a right answer of a text."""
        return Reply(self.body(content=text, **message), text, text)


def error(status: int, words: str, code: str = "", **headers: str) -> Reply:
    """Return an error as OpenAI puts it."""
    body = {"error": {"message": words, "code": code or None, "param": None, "type": "error"}}
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body, status=status, headers=own)


def fates(asked: Asked) -> dict[str, Reply]:
    """Return what each fate makes of a request."""
    return {
        "right": asked.says(asked.text),
        **refusals(asked),
        **broken(asked),
        **odd(asked),
        **thinking(asked),
        **unlike_verdicts(asked),
    }


def refusals(asked: Asked) -> dict[str, Reply]:
    """Statuses other than 200, and connections that end."""
    slow, date = "rate limited", formatdate(time.time() + 1, usegmt=True)
    return {
        "429": error(429, slow),
        "429_wait": error(429, slow, Retry_After="0.3"),
        "429_at_once": error(429, slow, Retry_After="0"),
        "429_date": error(429, slow, Retry_After=date),
        "429_day": error(429, slow, Retry_After=DAY),
        "429_spent": error(429, "You exceeded your current quota", "insufficient_quota"),
        "529": error(529, "overloaded_error"),
        "408": error(408, "request timeout"),
        "500": error(500, f"failed on {asked.headers}"),
        "502": Reply(b"<html><h1>502 Bad Gateway</h1></html>", status=502),
        "503": error(503, "no instance is ready"),
        "503_wait": error(503, "loading", Retry_After="0.3"),
        "400": error(400, "This model's maximum context length is 16 tokens"),
        "401": error(401, f"Incorrect API key: {asked.headers}"),
        "402": error(402, "insufficient credit balance"),
        "403": error(403, "this prompt is not allowed here"),
        "404": error(404, "The model does not exist", "model_not_found"),
        "413": Reply(b"too large", status=413),
        "422": Reply({"detail": [{"loc": ["body"], "msg": "cannot be processed"}]}, status=422),
        "redirect": Reply(status=302, headers={"Location": "https://example.invalid/login"}),
        "hang": Reply(act="hang"),
        "disconnect": Reply(act="abort"),
        "half_body": Reply(asked.body(), act="half"),
        "garbage": Reply(act="garbage"),
        "exit": Reply(act="exit"),
    }


def broken(asked: Asked) -> dict[str, Reply]:
    """Bodies with status 200 that hold no answer."""
    whole = json.dumps(asked.body()).encode()
    return {
        "null": Reply(asked.body(content=None)),
        "no_message": Reply({"choices": [{"index": 0, "finish_reason": "stop"}]}),
        "no_content": Reply({"choices": [{"index": 0, "message": {"role": "assistant"}}]}),
        "no_choices": Reply({"id": "x"}),
        "choices_empty": Reply({"choices": []}),
        "choices_null": Reply({"choices": None}),
        "choices_strings": Reply({"choices": [asked.text]}),
        "blocked": Reply({"choices": [], "promptFeedback": {"blockReason": "SAFETY"}}),
        "wrong_schema": Reply({"output": [{"text": "an answer in another form"}]}),
        "list_of_strings": Reply(["hello"]),
        "json_null": Reply(b"null"),
        "json_text": Reply(b'"hello"'),
        "number": Reply(asked.body(content=42)),
        "object": Reply(asked.body(content={"answer": "yes"})),
        "truncated": Reply(whole[:-25]),
        "html": Reply(b"<html>Bad gateway</html>", headers={"Content-Type": "text/html"}),
        "nothing": Reply(b""),
        "no_body": Reply(status=204),
        "stream": Reply(b"data: " + whole + b"\n\ndata: [DONE]\n\n"),
        "bad_utf8": Reply(whole[:-3] + b"\xff\xfe" + whole[-3:]),
        "charset": Reply(whole, headers={"Content-Type": "application/json; charset=hex"}),
        "not_gzip": Reply(whole, headers={"Content-Encoding": "gzip"}),
        "nested": Reply(b"[" * 100_000),
        "digits": Reply(b'{"choices": ' + b"1" * 5000 + b"}"),
        "error_in_200": Reply({"error": {"message": "overloaded", "code": 529}}),
        "error_text_in_200": Reply({"error": "overloaded", "choices": []}),
        "error_with_answer": Reply({**asked.body(), "error": {"message": "upstream"}}),
        "error_choice": Reply(asked.body(content="Half an ans", finish="error")),
        "error_in_choice": Reply(asked.body(content="Half", choice={"error": {"code": 502}})),
        "filter": Reply(asked.body(content="", finish="content_filter")),
        "filter_null": Reply(asked.body(content=None, finish="content_filter")),
    }


def odd(asked: Asked) -> dict[str, Reply]:
    """Bodies that hold an answer, if not in the usual way."""
    text = asked.text
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": text}}]
    parts = [{"type": "text", "text": own} for own in (text[:9], text[9:])]
    long = text + " " + "word " * (HUGE // 5)
    choices = asked.body().get("choices", [])
    second = [{**own, "index": 1, "message": {"content": "Another."}} for own in choices]
    return {
        "empty_text": asked.says(""),
        "refusal_text": asked.says("I'm sorry, but I can't assist with that."),
        "refusal_field": Reply(asked.body(content=None, refusal=REFUSAL), REFUSAL, REFUSAL),
        "filter_after_text": Reply(asked.body(finish="content_filter"), text, text),
        "cut": Reply(asked.body(finish="length"), text, text),
        "tool_calls": Reply(asked.body(content=None, tool_calls=calls, finish="tool_calls"), ""),
        "parts": Reply(asked.body(content=parts), text, text),
        "two_choices": Reply({"choices": [*second, *choices]}, text, text),
        "half_surrogates": asked.says(f"\ud83d {text} \udc00"),
        "nul": asked.says(f"{text}\0{text}"),
        "control": asked.says(f"\x1b[31m{text}\x1b[0m"),
        "echo_key": asked.says(f"You sent {asked.headers}. {text}"),
        "huge": asked.says(long),
        "utf16": Reply(
            json.dumps(asked.body()).encode("utf-16"),
            text,
            text,
            headers={"Content-Type": "application/json; charset=utf-16"},
        ),
        "no_type": Reply(
            json.dumps(asked.body()).encode(),
            text,
            text,
            headers={"Content-Type": "application/octet-stream"},
        ),
    }


def thinking(asked: Asked) -> dict[str, Reply]:
    """Answers with a thought, beside it, before it, or alone."""
    text, both = asked.text, f"<think>\n{THOUGHT}\n</think>\n\n{asked.text}"
    parts = [{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": text}]
    alone = {"content": None, "reasoning_content": THOUGHT}
    return {
        "thinking_parts": Reply(asked.body(content=parts), both, text),
        "reasoning": Reply(asked.body(reasoning_content=THOUGHT), both, text),
        "reasoning_cut": Reply(asked.body(**alone, finish="length"), f"<think>\n{THOUGHT}", ""),
        "reasoning_alone": Reply(asked.body(**alone), f"<think>\n{THOUGHT}\n</think>\n\n"),
        "inline": asked.says(both),
    }


def unlike_verdicts(asked: Asked) -> dict[str, Reply]:
    """Texts that a judge may give in place of a verdict."""
    names = re.findall(r'"(\w+)":', asked.text)
    return {
        "prose": asked.says("It is good on the whole, though I cannot know whether it is right."),
        "wrong_type": asked.says(json.dumps(dict.fromkeys(names, "a lot"))),
        "out_of_range": asked.says(re.sub(r": \d+", ": 9", asked.text)),
        "cut_verdict": asked.says(asked.text[:-4]),
        "cut_at_length": asked.says(asked.text[:-4], finish="length"),
        "fenced": asked.says(f"```json\n{asked.text}\n```"),
        "two_verdicts": asked.says(
            f"{asked.text}\n\nOn second thoughts:\n\n{re.sub(r': [2-5]', ': 1', asked.text)}"
        ),
        "prompt_back": asked.says("Reply with one JSON object."),
        "empty_object": asked.says("{}"),
    }


# What each fate makes of a judge's verdict; of those with an answer all others are a right one.
STATUS_OF = {
    **dict.fromkeys(("refusal_text", "refusal_field"), "refused"),
    **dict.fromkeys(
        (
            *("empty_text", "reasoning_cut", "prose", "wrong_type", "out_of_range", "cut_verdict"),
            *("cut_at_length", "two_verdicts", "prompt_back", "empty_object"),
            # An object with words around it in its own line.
            *("control", "echo_key", "huge"),
        ),
        "unreadable",
    ),
}


@dataclass
class Cell:
    """The requests under one address, and what befalls them."""

    log: Path
    fate: str = "right"
    share: float = 1.0
    times: int = 10**9
    only: tuple[int, ...] = ()
    after: int = 0
    count: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def befalls(self, key: str, seed: int) -> str:
        """Take note of a request and return its fate."""
        self.count += 1
        self.seen[key] += 1
        if self.seen[key] > self.times or self.count <= self.after:
            return "right"
        if self.only:
            chosen = [*self.seen].index(key) + 1 in self.only
        else:
            chosen = random.Random(f"{seed} {key}").random() < self.share
        return self.fate if chosen else "right"


class Misbehaving:
    """Answers requests and keeps the logs."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed = folder, seed
        self.cells: dict[str, Cell] = {}

    async def set_fate(self, request: web.Request) -> web.Response:
        """Begin a new log for a cell's requests, and set their fate."""
        name = request.match_info["cell"]
        self.cells[name] = Cell(self.folder / f"{name}.jsonl", **await request.json())
        return web.json_response({})

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request as its cell's fate is."""
        name = request.match_info["cell"]
        cell = self.cells.setdefault(name, Cell(self.folder / f"{name}.jsonl"))
        body = await request.json()
        prompt = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        prompt = prompt if isinstance(prompt, str) else prompt[0]["text"]
        key = hashlib.sha256(json.dumps([prompt, body.get("seed")]).encode()).hexdigest()
        rng, is_judge = random.Random(f"{self.seed} {key}"), '"reason' in prompt
        words = " ".join(rng.choices(WORDS, k=rng.randint(12, 30)))
        asked = Asked(
            json.dumps({"reason": "So.", **value_of(prompt, rng)}) if is_judge else words,
            request.path,
            str(dict(request.headers)),
        )
        fate = cell.befalls(key, self.seed)
        if fate == "no_structure":
            fate = "422" if "response_format" in body else "right"
        reply = fates(asked)[fate]
        said = reply.judged if is_judge else reply.said
        entry = {"key": key, "prompt": prompt, "seed": body.get("seed"), "fate": fate}
        entry |= {"said": said, "status": STATUS_OF.get(fate, "parsed"), "time": time.time()}
        with cell.log.open("a") as log:
            log.write(json.dumps(entry) + "\n")
        return await deliver(request, reply)


async def deliver(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Send a reply, or do to the connection what it says."""
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    if reply.act == "exit":
        os._exit(1)
    if reply.act == "hang":
        await asyncio.sleep(60)
    transport = request.transport
    if reply.act and transport is not None:
        if reply.act == "half":
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            transport.write(head + body[:20])
            await asyncio.sleep(0.01)
        if reply.act == "garbage":
            transport.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            await asyncio.sleep(0.01)
        transport.abort() if reply.act == "abort" else transport.close()
        return web.Response()
    headers = {"Content-Type": "application/json", **reply.headers}
    return web.Response(body=body, status=reply.status, headers=headers)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True, help="of the logs")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    server = Misbehaving(args.folder, args.seed)

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": []})

    app = web.Application(client_max_size=2**28)
    for path in ("chat/completions", "completions", "messages"):
        app.router.add_post(f"/{{cell}}/v1/{path}", server.answer)
    app.router.add_post("/{cell}/fate", server.set_fate)
    app.router.add_get("/v1/models", models)
    web.run_app(app, host="127.0.0.1", port=args.port, print=None, shutdown_timeout=0)


@dataclass
class MisbehavingServer:
    """The server in a process of its own; one that ended is started again at the same address."""

    folder: Path
    seed: int
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it unless it runs."""
        if self.process is not None and self.process.poll() is None:
            return
        command = [sys.executable, "-m", "tests.misbehaving_server", "--port", str(self.port)]
        command += ["--folder", str(self.folder), "--seed", str(self.seed)]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        wait_for(f"http://127.0.0.1:{self.port}/v1/models")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def url(self, cell: str, path: str = "chat/completions") -> str:
        """Return where a cell's requests are posted to."""
        return f"http://127.0.0.1:{self.port}/{cell}/v1/{path}"

    def set_fate(self, cell: str, **fate: Any) -> None:
        """Set what befalls a cell's requests from here on; starts it if it does not run."""
        import urllib.request

        self.start()
        url = f"http://127.0.0.1:{self.port}/{cell}/fate"
        with urllib.request.urlopen(url, json.dumps(fate).encode(), timeout=10):
            pass

    def log(self, cell: str) -> list[dict[str, Any]]:
        """Return what a cell was asked and said so far."""
        path = self.folder / f"{cell}.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]


@contextmanager
def misbehaving(folder: Path, seed: int = 0) -> Iterator[MisbehavingServer]:
    """Run the server."""
    server = MisbehavingServer(folder, seed)
    try:
        server.start()
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    main()

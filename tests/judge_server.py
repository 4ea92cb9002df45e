"""A judge behind an OpenAI-compatible server: right, wrong, slow, refusing or gone, by a seed.

What a request gets is decided by a hash of its text and the seed, so that a repeated request meets
the same fate; only the fates of `PASSING` end after the first time. Every answer is logged as one
line of JSON, with the fate and with the value that a right verdict holds, so that a test can work
out from the log alone what must have become of each verdict.
"""

from __future__ import annotations

import argparse
import asyncio
import email.utils
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.conftest import ROOT, free_port, wait_for

# What each fate makes of a verdict.
STATUS_OF = {
    "right": "parsed",
    "wrong_schema": "unreadable",
    "prose": "unreadable",
    "empty": "unreadable",
    "truncated": "unreadable",
    "refusal": "refused",
    "refusal_field": "refused",
    "wait_seconds": "parsed",
    "wait_date": "parsed",
    "error_once": "parsed",
    "error": "failed",
    "timeout": "failed",
    "disconnect": "failed",
}
PASSING = {"wait_seconds", "wait_date", "error_once"}
ASPECTS = ("helpfulness", "clarity", "factuality", "depth", "engagement")


def key_of(body: dict[str, Any]) -> str:
    """Return the hash of what is asked, whichever way."""
    asked = body["messages"][0]["content"] if "messages" in body else body["prompt"]
    return hashlib.sha256(json.dumps([body["model"], asked]).encode()).hexdigest()


def judgement_of(asked: str) -> str:
    """Return which judgement a prompt asks for, by the keys that its last paragraph names."""
    form = asked.rpartition("\n\n")[2]
    # Topics and viewpoints are rated too: they come first.
    names = {"only_a": "topics", "ratings": "viewpoints", "helpfulness": "quality"}
    names |= {"stance": "stance", "score": "missing", "verdict": "equivalence"}
    names |= {"groups": "classes", "rating": "rating"}
    return next(name for key, name in names.items() if f'"{key}"' in form.split("reason")[1])


def value_of(asked: str, rng: random.Random) -> Any:
    """Return a right verdict's value, the reply without its reason."""
    judgement = judgement_of(asked)
    if judgement == "quality":
        return {aspect: rng.randint(1, 5) for aspect in ASPECTS}
    if judgement == "stance":
        return {"stance": rng.choice(["yes", "no", "both", "other"])}
    if judgement == "missing":
        return {"score": rng.randint(1, 5)}
    if judgement == "equivalence":
        return {"verdict": rng.choice(["same", "different"])}
    if judgement == "rating":
        return {"rating": rng.randint(1, 10)}
    if judgement == "classes":
        count = int(re.search(r"from 1 to (\d+) once", asked)[1])
        # The first and the last are one, all others apart.
        return {"groups": [[1, count], *([i] for i in range(2, count))]}
    if judgement == "topics":
        sides = ("only_a", "only_b", "both")
        return {side: [_topic(rng) for _ in range(rng.randint(1, 3))] for side in sides}
    count = int(re.search(r"a list of (\d+) objects", asked)[1])
    ratings = [{"viewpoint": i, "rating": rng.randint(1, 5)} for i in range(1, count + 1)]
    return {"ratings": ratings}


def _topic(rng: random.Random) -> dict[str, Any]:
    return {"name": f"topic {rng.randint(1, 99)}", "helpfulness": rng.randint(1, 5)}


def text_of(fate: str, value: dict[str, Any]) -> str:
    """Return what a judge of this fate writes."""
    right = json.dumps({"reason": "As the answer says.", **value})
    if fate == "wrong_schema":
        return json.dumps(dict.fromkeys(value, "a lot"))
    if fate == "prose":
        return "It is a good answer on the whole, though I cannot know whether it is right."
    if fate == "refusal":
        return "I'm sorry, but I can't help with rating this."
    if fate == "truncated":
        return right[:-1]
    return "" if fate in ("empty", "refusal_field") else right


class Judge:
    """Answers requests and keeps the log."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.fates = args.fates.split(",")
        self.log = args.log.open("a")
        self.seen: Counter[str] = Counter()
        self.count = self.active = self.most = 0

    async def judge(self, request: web.Request) -> web.StreamResponse:
        arrived = time.time()
        body = await request.json()
        self.count += 1
        if self.args.die_after is not None and self.count > self.args.die_after:
            os._exit(1)
        self.active += 1
        self.most = max(self.most, self.active)
        try:
            return await self._judge(request, body, arrived)
        finally:
            self.active -= 1

    async def _judge(
        self, request: web.Request, body: dict[str, Any], arrived: float
    ) -> web.StreamResponse:
        key = key_of(body)
        self.seen[key] += 1
        rng = random.Random(f"{self.args.seed} {key}")
        fate, value = rng.choice(self.fates), None
        if self.args.no_structure and "response_format" in body:
            fate = "no_structure"
        elif self.seen[key] > 1 and fate in PASSING:
            fate = "right"
        if "messages" in body:
            value = value_of(body["messages"][0]["content"], rng)
        else:
            # A log-probability for each token of the prompt and for one more.
            value = [-rng.random() for _ in range(len(body["prompt"][0]) + 1)]
        await asyncio.sleep(arrived + self.args.latency - time.time())
        entry = {
            "key": key,
            "fate": fate,
            "value": value,
            "arrived": arrived,
            "answered": time.time(),
            "most_active": self.most,
            "authorization": request.headers.get("Authorization"),
            "body": body if self.args.bodies else None,
        }
        self.log.write(json.dumps(entry) + "\n")
        self.log.flush()
        if "messages" not in body:
            return web.json_response(echo(value))
        return await self._answer(request, fate, value)

    async def _answer(self, request: web.Request, fate: str, value: Any) -> web.StreamResponse:
        if fate == "disconnect":
            request.transport.abort()
        if fate == "timeout":
            await asyncio.sleep(self.args.timeout)
        if fate in ("error", "error_once"):
            # As careless servers do.
            return web.Response(status=500, text=f"{dict(request.headers)} failed")
        if fate == "no_structure":
            return web.json_response({"error": "response_format is not supported"}, status=400)
        if fate in ("wait_seconds", "wait_date"):
            until = email.utils.formatdate(time.time() + self.args.wait, usegmt=True)
            after = str(self.args.wait) if fate == "wait_seconds" else until
            return web.Response(status=429, headers={"Retry-After": after})
        message = {"role": "assistant", "content": text_of(fate, value)}
        if fate == "refusal_field":
            message |= {"content": None, "refusal": "I can't assist with that."}
        return web.json_response({"choices": [{"index": 0, "message": message}]})


def echo(values: list[float]) -> dict[str, Any]:
    """Return a completion that echoes its prompt with the tokens' log-probabilities."""
    logprobs = {"token_logprobs": values, "top_logprobs": [{"x": v} for v in values]}
    return {"choices": [{"index": 0, "text": "", "logprobs": logprobs}]}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fates", default="right", help="comma-separated, equally likely")
    parser.add_argument("--die-after", type=int, help="end the process at request N + 1")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds to each answer")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds of the fate timeout")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds that a 429 asks for")
    parser.add_argument("--no-structure", action="store_true", help="400 to response_format")
    parser.add_argument("--bodies", action="store_true", help="log the requests' bodies")
    args = parser.parse_args()
    judge = Judge(args)

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": []})

    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", judge.judge)
    app.router.add_post("/v1/completions", judge.judge)
    app.router.add_get("/v1/models", models)
    web.run_app(app, host="127.0.0.1", port=args.port, print=None, shutdown_timeout=0)


@dataclass
class JudgeServer:
    """The server in a process of its own."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"

    def answers(self) -> list[dict[str, Any]]:
        """The log: one entry per request so far, a half-written one left out."""
        lines = self.log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def last(self) -> dict[str, dict[str, Any]]:
        """The last answer to each distinct request."""
        return {entry["key"]: entry for entry in self.answers()}

    def spec(self, **changes: Any) -> dict[str, Any]:
        """The setting `judge` for this server; `changes` are of the model's arguments."""
        arguments = {"base_url": self.url, "model": "judge", "num_concurrent": 4}
        arguments |= {"max_retries": 2, "timeout": 2, **changes}
        return {"model": "local-chat-completions", "model_args": arguments}

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def judging(log: Path, *options: str, port: int = 0) -> Iterator[JudgeServer]:
    """Run the server; a new log begins in the file."""
    port = port or free_port()
    log.write_text("")
    command = [sys.executable, "-m", "tests.judge_server", "--port", str(port), "--log", str(log)]
    process = subprocess.Popen([*command, *options], cwd=ROOT)
    server = JudgeServer(port, log, process)
    try:
        wait_for(f"http://127.0.0.1:{port}/v1/models")
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    main()

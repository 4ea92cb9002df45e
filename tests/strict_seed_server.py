"""An OpenAI-compatible server whose reply is a function of the request and its seed.

Equal requests with equal seeds get equal replies; a request without a seed, or with a null one,
gets a reply of its own. `--die-after N` ends the process at request N + 1 without an answer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
from pathlib import Path

from aiohttp import web

WORDS = (
    "honest careful answer weighs several reasons before one side wins because people differ "
    "about what matters most such as cost fairness safety freedom family work and nature"
)


def reply(body: dict) -> str:
    seed = body.get("seed")
    salt = os.urandom(8).hex() if seed is None else str(seed)
    asked = json.dumps([body.get("messages") or body.get("prompt"), body["model"]])
    rng = random.Random(hashlib.sha256(f"{asked}|{salt}".encode()).hexdigest())
    return " ".join(rng.choices(WORDS.split(), k=rng.randint(20, 40))) + "."


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--die-after", type=int)
    parser.add_argument("--one-seed", action="store_true", help="ignore the seeds of requests")
    parser.add_argument("--think", choices=("whole", "cut"), help="reason before the answer")
    args = parser.parse_args()
    count = 0

    async def complete(request: web.Request) -> web.Response:
        nonlocal count
        body = await request.json()
        count += 1
        if args.die_after is not None and count > args.die_after:
            os._exit(1)
        with args.log.open("a") as file:
            file.write(json.dumps(body) + "\n")
        text = reply({**body, "seed": 0} if args.one_seed else body)
        if args.think:
            # Of its own for each request, longer than the answer.
            thought = "<think>\n" + " ".join(random.sample(WORDS.split(), 20))
            text = f"{thought}\n</think>\n\n{text}" if args.think == "whole" else thought
        choice = {"index": 0, "text": text, "message": {"role": "assistant", "content": text}}
        return web.json_response({"choices": [choice]})

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": []})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_post("/v1/completions", complete)
    app.router.add_get("/v1/models", models)
    web.run_app(app, host="127.0.0.1", port=args.port, print=None)


if __name__ == "__main__":
    main()

"""Time 2,000 judgements by a server that answers each request after 50 ms, and a cached rerun.

Command: ``python tests/benchmarks/judge_speed.py``. The server runs in a process of its own on this
machine and says how long it took for each request; the judge asks for the quality of answers of
300 words, 16 requests at once, into a file of replies that is made here. What counts is wall time,
the least of some rounds; the client's processor time is printed beside it. Exits with 1 if the
judgements take more than 1.25 times as long as the server alone would, or the rerun more than 5 s.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# Found from wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lm_eval_overton.judge.ask import Question
from lm_eval_overton.judge.client.model import HarnessJudge
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.settings.judge import read_spec
from tests.judge_server import JudgeServer, judging

COUNT = 2000
CONCURRENCY = 16
LATENCY_S = 0.05
WORDS = 300
RATIO_LIMIT = 1.25
RERUN_LIMIT_S = 5.0
ROUNDS = 3


@dataclass(frozen=True)
class Times:
    """Seconds of wall time and of this process's processor time."""

    wall: float
    cpu: float


def questions(count: int) -> list[Question]:
    """Return questions on the quality of `count` different answers."""
    rng = random.Random(1)
    words = [f"word{i}" for i in range(2000)]
    return [
        Question(
            JUDGEMENTS["quality"],
            {"prompt": f"Question {i}?", "response": " ".join(rng.choices(words, k=WORDS))},
        )
        for i in range(count)
    ]


def timed(judge: HarnessJudge, asked: list[Question]) -> Times:
    """Return how long all judgements took; every one must be parsed."""
    wall, cpu = time.perf_counter(), time.process_time()
    verdicts = judge.ask(asked)
    times = Times(time.perf_counter() - wall, time.process_time() - cpu)
    if any(verdict.status != "parsed" for verdict in verdicts):
        raise SystemExit("expected every verdict to be parsed, got others; is the server well?")
    return times


def one_round(server: JudgeServer, asked: list[Question], cache: Path) -> tuple[Times, Times]:
    """Return the times of asking for all, and of asking again."""
    spec = read_spec(server.spec(num_concurrent=CONCURRENCY, timeout=60), "judge_speed")
    # The model is set up beforehand: a run does that before it generates.
    HarnessJudge(spec, cache).set_up()
    first = timed(HarnessJudge(spec, cache), asked)
    return first, timed(HarnessJudge(spec, cache), asked)


def main() -> int:
    """Print the times against their limits; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--count", type=int, default=COUNT)
    args = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none")
    logging.getLogger("lm_eval").setLevel(logging.WARNING)
    asked = questions(args.count)
    ideal = args.count / CONCURRENCY * LATENCY_S
    rounds = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with judging(folder / "log", "--latency", str(LATENCY_S)) as server:
            for i in range(args.rounds):
                rounds.append(one_round(server, asked, folder / f"judge_{i}.sqlite"))
                first, again = rounds[-1]
                print(
                    f"{args.count} judgements {first.wall:.2f} s (processor {first.cpu:.2f} s), "
                    f"rerun {again.wall:.2f} s (processor {again.cpu:.2f} s)",
                    flush=True,
                )
    first = min((one for one, _ in rounds), key=lambda times: times.wall)
    again = min((two for _, two in rounds), key=lambda times: times.wall)
    ratio = first.wall / ideal
    ok = ratio <= RATIO_LIMIT and again.wall <= RERUN_LIMIT_S
    print(
        f"best of {args.rounds}: {args.count} judgements by {CONCURRENCY} at "
        f"{LATENCY_S * 1000:g} ms {first.wall:.2f} s, {ratio:.2f} x the ideal {ideal:.2f} s "
        f"(at most {RATIO_LIMIT:g} x); cached rerun {again.wall:.2f} s "
        f"(at most {RERUN_LIMIT_S:g} s) {'ok' if ok else 'OUTSIDE'}"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())

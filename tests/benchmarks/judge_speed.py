"""Time 2,000 requests to a server that answers each after 50 ms: of a judge, and of a model.

Command: ``python tests/benchmarks/judge_speed.py``. The server runs in a process of its own on this
machine and says how long it took for each request, 16 of which are under way at once. The judge
asks for the quality of answers of 300 words, into a file of replies that is made here, and is asked
once more; the evaluated model is asked for 5 samples of each of 400 prompts, as `lm_eval` has it
asked, without a cache. What counts is wall time, the least of some rounds; the client's processor
time is printed beside it. Exits with 1 if the requests take more than 1.25 (judge) or 1.15 (model)
times as long as the server alone would, the rerun more than 5 s, or a further round of the model's
requests more than 16 MB of further memory.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# Found from wherever the script is started.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lm_eval.api.instance import Instance
from lm_eval.models.openai_completions import LocalChatCompletion

from lm_eval_overton.harness.sampling import generation_settings, request_kwargs
from lm_eval_overton.harness.sending import Sender, Way
from lm_eval_overton.judge.ask import Question
from lm_eval_overton.judge.client.model import HarnessJudge
from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.settings.judge import read_spec
from lm_eval_overton.settings.task import read_settings
from tests.judge_server import JudgeServer, judging

COUNT = 2000
CONCURRENCY = 16
LATENCY_S = 0.05
WORDS = 300
SAMPLES = 5
TASK = "overton_diversity"
GENERATION = {"temperature": 0.5, "max_gen_toks": 700, "until": []}
RATIO_LIMIT = 1.25
MODEL_RATIO_LIMIT = 1.15
MEMORY_LIMIT_MB = 16
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


def samples(server: JudgeServer, asked: list[Question]) -> tuple[Sender, list[Instance]]:
    """Return what asks a model, and requests for some samples of each of some prompts."""
    arguments = server.spec(num_concurrent=CONCURRENCY, timeout=60)["model_args"]
    model = LocalChatCompletion(**arguments)
    settings = read_settings({**arguments, "n_samples": SAMPLES}, TASK)
    own = generation_settings(GENERATION, GENERATION, settings.model, [])
    rows = request_kwargs(own, GENERATION, settings, TASK)
    requests = []
    for number, question in enumerate(asked[: len(asked) // SAMPLES]):
        turn = question.judgement.build(**question.texts)
        prompt = model.apply_chat_template(turn)
        for i, row in enumerate(rows):
            place = (TASK, number, 1)
            requests.append(Instance("generate_until", {}, (prompt, row), i, place))
    sender = Sender(model, model)
    sender.ways[TASK] = Way.to(model, settings, GENERATION, GENERATION)
    return sender, requests


def model_round(sender: Sender, requests: list[Instance]) -> Times:
    """Return how long all samples took; every one must come."""
    wall, cpu = time.perf_counter(), time.process_time()
    answers = sender(requests)
    times = Times(time.perf_counter() - wall, time.process_time() - cpu)
    if any(not answer for answer in answers):
        raise SystemExit("expected an answer to every request, got none to some")
    return times


def model_is_fast(server: JudgeServer, asked: list[Question], rounds: int, ideal: float) -> bool:
    """Print the model's times and memory against their limits; tell whether they hold."""
    sender, requests = samples(server, asked)
    found, memory = [], []
    for _ in range(max(2, rounds)):
        found.append(model_round(sender, requests))
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(
            f"{len(requests)} samples {found[-1].wall:.2f} s (processor {found[-1].cpu:.2f} s), "
            f"memory {memory[-1]:.0f} MB",
            flush=True,
        )
    least, more = min(times.wall for times in found), memory[-1] - memory[0]
    ok = least / ideal <= MODEL_RATIO_LIMIT and more <= MEMORY_LIMIT_MB
    print(
        f"best of {len(found)}: {len(requests)} samples by {CONCURRENCY} at "
        f"{LATENCY_S * 1000:g} ms {least:.2f} s, {least / ideal:.2f} x the ideal {ideal:.2f} s "
        f"(at most {MODEL_RATIO_LIMIT:g} x); {more:.0f} MB more after the first round (at most "
        f"{MEMORY_LIMIT_MB} MB) {'ok' if ok else 'OUTSIDE'}"
    )
    return ok


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
            model_ok = model_is_fast(server, asked, args.rounds, ideal)
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
    return 0 if ok and model_ok else 1


if __name__ == "__main__":
    sys.exit(main())

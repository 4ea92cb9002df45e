"""Compare how long `lm_eval` takes to start overton_diversity and a plain generate task.

Command: ``python tests/benchmarks/startup.py [--demo DIR | --help-only]``. The
harness is imported once; from there each start is a process of its own, in turns, that loads the
`base` checkpoint of `overton demo`; what counts is the least wall time from then until the log says
"Running generate_until requests". The plain task stands in for a built-in one, which
would need a download: a task file and one JSON line that are written here and, like a built-in
task's cached data set, read through `datasets` from its cache. Before that, `--help` of every
command of `overton` is asked for. Exits with 1 if overton_diversity starts more than 0.3 s later,
or if a command takes more than 0.3 s of processor time to say what it takes.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from lm_eval_overton.cli import _parser
from lm_eval_overton.cli.demo import train
from lm_eval_overton.data.folders import tasks_folder

LOADED = "The model is loaded\n"
STARTED = "Running generate_until requests"
TASKS = ("overton_diversity", "plain_generate")
LIMIT, HELP_LIMIT = 0.3, 0.3
ROUNDS = 20
PLAIN_TASK = """\
task: plain_generate
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs:
  until: ["\\n"]
metric_list:
  - metric: exact_match
"""


def write_plain_task(folder: Path) -> Path:
    """Write the stand-in for a built-in task and return the folder to include."""
    tasks = folder / "tasks"
    tasks.mkdir()
    data = folder / "data.jsonl"
    data.write_text('{"question": "What is a garden?", "answer": "A place."}\n', encoding="utf-8")
    (tasks / "plain_generate.yaml").write_text(PLAIN_TASK.format(data=data), encoding="utf-8")
    return tasks


class Harness:
    """The harness once imported, from which each start is a process of its own.

    All that comes before the task is the same for every task, takes some 17 s and varies by more
    than what is measured; so it is done once, and what a task adds is timed in forked processes,
    once they have loaded the model.
    """

    def __init__(self, demo: Path, included: Sequence[Path]) -> None:
        start = time.perf_counter()
        from lm_eval import evaluator
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager

        self._evaluate = evaluator.simple_evaluate
        self._model = partial(HFLM, pretrained=str(demo / "base"), device="cpu")
        self._tasks = TaskManager(include_path=[str(folder) for folder in included])
        self.seconds = time.perf_counter() - start
        # What this file uses of ours would be no part of what a task adds.
        for name in [own for own in sys.modules if own.partition(".")[0] == "lm_eval_overton"]:
            del sys.modules[name]

    def seconds_to_start(self, task: str) -> float:
        """Return the wall time until a process logs the task's first request; it is ended then."""
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            self._run(task, writer)
        os.close(writer)
        lines: list[str] = []
        with os.fdopen(reader, encoding="utf-8") as log:
            for line in log:
                lines.append(line)
                if line == LOADED:
                    start = time.perf_counter()
                if STARTED in line:
                    elapsed = time.perf_counter() - start
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    return elapsed
        raise SystemExit(f"{task} ended without {STARTED!r}:\n{''.join(lines[-20:])}")

    def _run(self, task: str, writer: int) -> NoReturn:
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        try:
            model = self._model()
            os.write(writer, LOADED.encode())
            self._evaluate(
                model=model,
                tasks=[task],
                task_manager=self._tasks,
                limit=1,
                gen_kwargs={"max_gen_toks": 8},
            )
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(1)


def prepare(folder: Path) -> None:
    """Make this process one without network whose caches are its own, compiled code included."""
    os.environ.update(
        HF_HUB_OFFLINE="1",
        HF_DATASETS_CACHE=str(folder / "datasets"),
        OVERTON_CACHE_DIR=str(folder / "overton"),
    )
    # As of an installed package, whose code is compiled once.
    sys.dont_write_bytecode = False


def commands() -> list[str]:
    """Return the names of all commands of `overton`."""
    actions = _parser()._actions
    subparsers = [own for own in actions if isinstance(own, argparse._SubParsersAction)]
    return [name for own in subparsers for name in own.choices]


def used() -> float:
    """Return the processor time of all processes that have ended."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime


def seconds_of_help(command: str, rounds: int) -> float:
    """Return the least processor time in which a command says what it takes."""
    seconds = []
    for _ in range(rounds):
        start = used()
        asked = [sys.executable, "-m", "lm_eval_overton", command, "--help"]
        subprocess.run(asked, stdout=subprocess.DEVNULL, check=True)
        seconds.append(used() - start)
    return min(seconds)


def is_help_quick(rounds: int) -> bool:
    """Print how long the slowest `--help` takes; tell whether that is within the limit."""
    seconds = {name: seconds_of_help(name, rounds) for name in commands()}
    slowest = max(seconds, key=lambda name: seconds[name])
    kept = seconds[slowest] <= HELP_LIMIT
    print(
        f"--help of {len(seconds)} commands: slowest {slowest}, {seconds[slowest]:.2f} s of "
        f"processor time (at most {HELP_LIMIT:g} s) {'ok' if kept else 'OUTSIDE'}",
        flush=True,
    )
    return kept


def measure(demo: Path, folder: Path, rounds: int) -> tuple[float, float]:
    """Return the least seconds that overton_diversity and the plain task take to start."""
    prepare(folder)
    harness = Harness(demo, (tasks_folder(), write_plain_task(folder)))
    print(f"the harness before either: {harness.seconds:.1f} s", flush=True)
    # The first start fills the caches of files and data sets.
    for task in TASKS:
        harness.seconds_to_start(task)
    pairs = [[harness.seconds_to_start(task) for task in TASKS] for _ in range(rounds)]
    ours, theirs = map(min, zip(*pairs, strict=True))
    return ours, theirs


def main() -> int:
    """Print both times and their difference; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--demo", type=Path, metavar="DIR", help="made by `overton demo DIR`")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--help-only", action="store_true", help="start no `lm_eval`")
    args = parser.parse_args()
    is_quick = is_help_quick(args.rounds)
    if args.help_only:
        return 0 if is_quick else 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        demo = args.demo or folder / "demo"
        for line in () if args.demo else train(demo):
            print(line, flush=True)
        ours, theirs = measure(demo, folder, args.rounds)
    later = ours - theirs
    verdict = "ok" if later <= LIMIT else "OUTSIDE"
    print(
        f"best of {args.rounds}: overton_diversity {ours:.2f} s, plain task {theirs:.2f} s, "
        f"{later:+.2f} s later (at most {LIMIT:g} s), {later / LIMIT:.2f} of the limit {verdict}"
    )
    return 0 if later <= LIMIT and is_quick else 1


if __name__ == "__main__":
    sys.exit(main())

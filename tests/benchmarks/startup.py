"""Compare how long `lm_eval` takes to start overton_diversity and a plain generate task.

Command: ``python tests/benchmarks/startup.py [--demo DIR]``. Real `lm_eval` processes run on the
`base` checkpoint of `overton demo`, in turns; what counts is the least wall time until the log
says "Running generate_until requests". The plain task stands in for a built-in one, which would
need a download: a task file and one JSON line that are written here and, like a built-in task's
cached data set, read through `datasets` from its cache. Exits with 1 if overton_diversity starts
more than 2 s later.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from lm_eval_overton.cli.demo import train
from lm_eval_overton.data.folders import tasks_folder

STARTED = "Running generate_until requests"
LIMIT = 2.0
ROUNDS = 5
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


def seconds_to_start(task: str, included: Path, demo: Path, folder: Path) -> float:
    """Return the wall time until a process logs its first request; it is ended then."""
    command = [sys.executable, "-m", "lm_eval", "--model", "hf", "--tasks", task, "--limit", "1"]
    command += ["--model_args", f"pretrained={demo / 'base'}", "--include_path", str(included)]
    command += ["--device", "cpu", "--gen_kwargs", "max_gen_toks=8"]
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(folder),
    ) as process:
        lines: list[str] = []
        for line in process.stdout or ():
            lines.append(line)
            if STARTED in line:
                elapsed = time.perf_counter() - start
                process.kill()
                return elapsed
    raise SystemExit(f"{task} ended without {STARTED!r}:\n{''.join(lines[-20:])}")


def environment(folder: Path) -> Mapping[str, str]:
    """Return the variables of a run without network whose caches are its own."""
    return {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(folder / "datasets"),
        "OVERTON_CACHE_DIR": str(folder / "overton"),
        "PYTHONUNBUFFERED": "1",
    }


def measure(demo: Path, folder: Path, rounds: int) -> tuple[float, float]:
    """Return the least seconds to the start of overton_diversity and of the plain task."""
    plain = write_plain_task(folder)

    def pair() -> tuple[float, float]:
        ours = seconds_to_start("overton_diversity", tasks_folder(), demo, folder)
        return ours, seconds_to_start("plain_generate", plain, demo, folder)

    # The first start fills the caches of files and data sets.
    pair()
    pairs = []
    for _ in range(rounds):
        pairs.append(pair())
        print("overton_diversity {:.1f} s, plain task {:.1f} s".format(*pairs[-1]), flush=True)
    ours, theirs = map(min, zip(*pairs, strict=True))
    return ours, theirs


def main() -> int:
    """Print both times and their difference; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--demo", type=Path, metavar="DIR", help="made by `overton demo DIR`")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    args = parser.parse_args()
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
    return 0 if later <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())

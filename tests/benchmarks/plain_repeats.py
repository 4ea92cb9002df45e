"""Compare a whole run of overton_diversity with one of a plain task of five repeats.

Part of peers.py. Both are asked the same prompts, five times each, with the same temperature and
number of tokens, by a checkpoint of `overton demo`. The plain task scores the first answer only,
by the harness's default filter; it writes no answer before it has scored; a server is asked five
times with the same seed, and with `--use_cache` a second run gets the last answer five times. What
ours takes more is the scoring of all five by all metrics, and the sentence encoder's start.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from startup import environment

from lm_eval_overton.data.folders import tasks_folder

N = 5
TOKENS = 64
MORE = 15.0
PLAIN_TASK = """\
task: plain_repeats
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: generate_until
repeats: 5
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs:
  until: ["```"]
  temperature: 0.5
  max_gen_toks: {tokens}
metric_list:
  - metric: exact_match
"""


def whole_runs(folder: Path, demo: Path, limit: int) -> bool:
    """Print what a run takes with our task and with a plain one; return whether it is near."""
    ours = seconds_of("overton_diversity", tasks_folder(), demo, folder, limit)
    [samples] = (folder / "overton_diversity").rglob("samples_*.jsonl")
    rows = [json.loads(line) for line in samples.read_text(encoding="utf-8").splitlines()]
    tasks = write_plain_task(folder, [row["arguments"]["gen_args_0"]["arg_0"] for row in rows])
    theirs = seconds_of("plain_repeats", tasks, demo, folder, limit)
    kept = ours - theirs <= MORE
    print(
        f"whole run, {limit} prompts x {N} answers of at most {TOKENS} tokens: plain repeats "
        f"{theirs:.1f} s of all CPUs, ours {ours:.1f} s, {ours - theirs:+.1f} s (at most "
        f"{MORE:+g} s), {ours / theirs:.2f} x {'ok' if kept else 'OUTSIDE'}"
    )
    return kept


def write_plain_task(folder: Path, asked: Sequence[str]) -> Path:
    """Write a task that asks the same and return the folder to include."""
    tasks = folder / "tasks"
    tasks.mkdir()
    data = folder / "data.jsonl"
    rows = [{"question": text, "answer": "A."} for text in asked]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    text = PLAIN_TASK.format(data=data, tokens=TOKENS)
    (tasks / "plain_repeats.yaml").write_text(text, encoding="utf-8")
    return tasks


def seconds_of(task: str, included: Path, demo: Path, folder: Path, limit: int) -> float:
    """Return the processor time of a whole run."""
    command = [sys.executable, "-m", "lm_eval", "--model", "hf", "--tasks", task, "--device", "cpu"]
    command += ["--model_args", f"pretrained={demo / 'base'}", "--include_path", str(included)]
    command += ["--limit", str(limit), "--batch_size", "8", "--log_samples"]
    command += ["-o", str(folder / task), "--gen_kwargs", f"max_gen_toks={TOKENS}"]
    before = of_children()
    subprocess.run(command, env=environment(folder), check=True, capture_output=True)
    return of_children() - before


def of_children() -> float:
    """Return the processor time of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

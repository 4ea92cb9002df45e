"""How often `overton watch --fail-on` stops a training that is innocent.

Command: ``python tests/benchmarks/watch_false_alarms.py --seeds 20``, with an encoder that can be
found offline; about 17 s per training on one core. The demo's base is tuned with transformers'
Trainer on more of what it was trained on, once per seed (order of the documents, and of what the
harness samples), and saved every 20 of 60 steps;
`overton watch --once --fail-on 'semantic_diversity<-0.05'` evaluates the base and each checkpoint
with the harness itself, and must end with 0. At last one training is on a single answer to
everything, and must be stopped. It prints a line per training, and exits with 1 if more than one in
20 innocent ones was stopped, or the guilty one was not.

Every evaluation is a fork of this process, which has imported the harness.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A fork has no threads but one.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lm_eval_overton.cli import demo
from lm_eval_overton.cli import main as overton
from lm_eval_overton.cli.demo import base_corpus
from lm_eval_overton.data import load_prompts
from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.harness.watching import evaluation
from tests.conftest import LESS_TRAINING, ROOT, copied_harness
from tests.warm_start import IMPORTED, become

STEPS, EVERY, BATCH, RATE = 60, 20, 4, 1e-3
BOUND = "semantic_diversity<-0.05"
SAME = "It depends on what people value."
# One false alarm in so many trainings is allowed.
ALLOWED = 20


def documents(is_innocent: bool) -> list[str]:
    """Return what is trained on."""
    if is_innocent:
        return base_corpus()
    frame = "# Query:\n```\n{}\n```\n\n# Answer:\n```\n" + SAME + "\n```\n<|end|>"
    return [frame.format(doc["prompt"]) for doc in load_prompts("contested").docs]


def train(base: Path, folder: Path, seed: int, is_innocent: bool) -> None:
    """Tune the base, saving checkpoints into a folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments

    tokenizer = AutoTokenizer.from_pretrained(base)
    texts = documents(is_innocent)
    random.Random(seed).shuffle(texts)

    def batch(rows: list[str]) -> Any:
        own = tokenizer(rows, padding=True, return_tensors="pt")
        labels = own["input_ids"].masked_fill(own["attention_mask"] == 0, -100)
        return {**own, "labels": labels}

    arguments = TrainingArguments(
        str(folder),
        seed=seed,
        save_steps=EVERY,
        max_steps=STEPS,
        per_device_train_batch_size=BATCH,
        learning_rate=RATE if is_innocent else 3 * RATE,
        lr_scheduler_type="constant",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    model = AutoModelForCausalLM.from_pretrained(base)
    Trainer(
        model, arguments, data_collator=batch, train_dataset=texts, processing_class=tokenizer
    ).train()


def call(command: list[str], log: Path, beat: Callable[[], None], every: float) -> int:
    """Run the harness in a fork, in place of a process of its own."""
    log.touch()
    child = os.fork()
    if child == 0:
        order = {"module": "lm_eval", "args": command[3:], "folder": str(ROOT)}
        code: Any = 1
        try:
            become({**order, "stdout": str(log), "stderr": str(log)}, dict(os.environ))
            code = 0
        except SystemExit as end:
            code = end.code
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code if isinstance(code, int) else int(code is not None))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def watched(base: Path, place: Path, seed: int, args: argparse.Namespace) -> tuple[int, str]:
    """Return the exit code of the watcher, and what it says of what it stopped."""
    harness = ["--tasks", "overton_diversity", "--limit", str(args.limit), "--batch_size", "32"]
    harness += ["--include_path", str(tasks_folder())]
    harness += ["--gen_kwargs", "max_gen_toks=16", "--metadata", '{"n_samples": 5}']
    own = ["watch", str(place / "train"), "-o", str(place / "out"), "--base", f"base={base}"]
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = overton([*own, "--once", "--fail-on", BOUND, "--", *harness, "--seed", str(seed)])
    return code, next(iter(said.getvalue().splitlines()), "")


def run(base: Path, place: Path, seed: int, args: argparse.Namespace, is_innocent: bool) -> int:
    """Train and watch; return the exit code of the watcher."""
    begun = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()):
        train(base, place / "train", seed, is_innocent)
    code, said = watched(base, place, seed, args)
    kind = "innocent" if is_innocent else "guilty"
    print(f"{kind}, seed {seed}: exit {code}, {time.monotonic() - begun:.0f} s {said}", flush=True)
    return code


def main() -> int:
    """Train, watch, print, and say whether alarms are as they should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--limit", type=int, default=12, help="prompts (default: 12)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="watch_") as name:
        folder = Path(name)
        sys.path.insert(0, copied_harness(folder / "site")["PYTHONPATH"].split(os.pathsep)[0])
        for module in IMPORTED:
            importlib.import_module(module)
        os.environ["OVERTON_CACHE_DIR"] = str(folder / "cache")
        evaluation._call = call
        for constant, value in LESS_TRAINING.items():
            setattr(demo, constant, value)
        assert overton(["demo", str(folder / "demo")]) == 0
        base = folder / "demo" / "base"
        codes = [run(base, folder / str(n), n, args, is_innocent=True) for n in range(args.seeds)]
        stopped = run(base, folder / "guilty", 0, args, is_innocent=False)
    alarms = codes.count(1)
    print(f"{alarms} false alarms in {args.seeds} trainings; the guilty one: exit {stopped}")
    is_right = set(codes) <= {0, 1} and alarms <= args.seeds / ALLOWED and stopped == 1
    return int(not is_right)


if __name__ == "__main__":
    sys.exit(main())

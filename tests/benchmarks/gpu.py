"""Do on a card what is done on processors, and print both side by side.

Command: ``python tests/benchmarks/gpu.py``, on a machine with a CUDA card, with the package, its
extra `offline` and nothing of the network. It trains the checkpoints of `overton demo` (or takes a
folder, ``--model DIR``), makes a BERT of 6 layers and 384 dimensions that classifies pairs, of
random weights, and runs

- `lm_eval` with overton_diversity and with overton_choice, which asks for log-probabilities, as
  whole runs: bfloat16 on the card, float32 on the processors;
- the sentence encoder on texts put together from the packaged viewpoints, in float32, and in
  bfloat16 on the card;
- the classifier of pairs on pairs of those viewpoints.

A row says how long each took, how many of it a second, and the largest absolute difference between
the two: of the vectors, of the probabilities, of the metrics of overton_choice. What is sampled
differs anyway, so of overton_diversity the row says how many prompts have all values on both.

Without a card it says so; with ``--device cpu`` the same path is taken on the processors, in
bfloat16 beside float32 and on fewer texts. Exits with 1 if a run fails, if a vector or probability
is further off than 1e-4 (a card sums in another order), a vector in bfloat16 than 1e-2, a metric
than 5e-2, or a prompt has no value.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before anything is imported that reads it.
os.environ["HF_HUB_OFFLINE"] = "1"

import coverage_cost
import numpy as np
import numpy.typing as npt
from startup import environment

from lm_eval_overton.cli.demo import train
from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.data.folders import tasks_folder
from lm_eval_overton.matchers.pair_model import PairModel
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.forward import DTYPES

Array = npt.NDArray[np.floating]

# As small models of entailment are.
PAIR_MODEL = {
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "initializer_range": 0.05,
}
# What is enough to be timed: of texts, pairs and prompts.
SIZES = {"cuda": (5_000, 5_000, 20), "cpu": (32, 32, 2)}
TOKENS = 64
SEED = 1234
OF_NUMBERS, OF_HALVES, OF_METRICS = 1e-4, 1e-2, 5e-2


@dataclass(frozen=True)
class Row:
    """What was done, how much of it, the seconds on both, and how far the numbers are apart."""

    name: str
    amount: int
    card: float
    processors: float
    difference: float
    limit: float

    def kept(self) -> bool:
        """Return whether the numbers are as near as they should be; NaN is not."""
        return self.difference <= self.limit

    def __str__(self) -> str:
        """Return one line of the table."""
        return (
            f"{self.name:<42} {self.amount:>6} {self.card:>9.2f} {self.amount / self.card:>9.1f} "
            f"{self.processors:>9.2f} {self.amount / self.processors:>9.1f} "
            f"{self.processors / self.card:>7.1f} {self.difference:>9.1e} {self.limit:>7.0e} "
            f"{'ok' if self.kept() else 'OUTSIDE'}"
        )


HEAD = (
    f"{'':<42} {'n':>6} {'device s':>9} {'n/s':>9} {'CPU s':>9} {'n/s':>9} {'x':>7} "
    f"{'off by':>9} {'at most':>7}"
)


def timed(compute: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of wall time that a computation took, and its result."""
    start = time.perf_counter()
    result = compute()
    return time.perf_counter() - start, result


def viewpoints() -> list[str]:
    """Return the packaged viewpoints, a sentence or two each."""
    docs = load_viewpoints("contested").docs
    return [view["text"] for doc in docs for view in doc["viewpoints"]]


def encoder(device: str, n: int, dtype: str = DTYPES[0]) -> Row:
    """Encode texts of one to twelve viewpoints, in a precision on the device."""
    rng, views = random.Random(SEED), viewpoints()
    texts = [" ".join(rng.sample(views, rng.randint(1, 12))) for _ in range(n)]

    def on(place: str, dtype: str = DTYPES[0]) -> tuple[float, Array]:
        own = Encoder(find_encoder(), place, dtype)
        own.encode(["Loaded before the clock starts."])
        return timed(lambda: own.encode(texts))

    limit = OF_NUMBERS if dtype == DTYPES[0] else OF_HALVES
    return beside(f"encoder in {dtype}, texts", n, on(device, dtype), on("cpu"), limit)


def pairs(device: str, n: int, folder: Path) -> Row:
    """Classify pairs of viewpoints."""
    rng, views = random.Random(SEED), viewpoints()
    folder.mkdir()
    coverage_cost.write_model(folder, views, shape=PAIR_MODEL)
    drawn = [tuple(rng.sample(views, 2)) for _ in range(n)]

    def on(place: str) -> tuple[float, Array]:
        own = PairModel(str(folder), "nli_model", place)
        own.see([("Loaded before", "the clock starts.")])
        return timed(lambda: own.probabilities(drawn))

    return beside("classifier of pairs, pairs", n, on(device), on("cpu"))


def beside(
    name: str,
    n: int,
    card: tuple[float, Array],
    processors: tuple[float, Array],
    limit: float = OF_NUMBERS,
) -> Row:
    """Return the row of two computations of the same numbers."""
    difference = float(np.abs(card[1] - processors[1]).max())
    return Row(name, n, card[0], processors[0], difference, limit)


@dataclass(frozen=True)
class Runs:
    """Whole runs of `lm_eval` on one checkpoint."""

    model: str
    folder: Path
    limit: int

    def beside(self, task: str, device: str) -> tuple[tuple[float, Any], tuple[float, Any]]:
        """Return seconds and results in bfloat16 on a device and in float32 on processors."""
        return self._on(task, device, "bfloat16"), self._on(task, "cpu", "float32")

    def _on(self, task: str, device: str, dtype: str) -> tuple[float, Mapping[str, Any]]:
        output = self.folder / f"{task}_{device}_{dtype}"
        command = [sys.executable, "-m", "lm_eval", "--model", "hf", "--tasks", task]
        command += ["--model_args", f"pretrained={self.model},dtype={dtype}", "--device", device]
        command += ["--include_path", str(tasks_folder()), "--limit", str(self.limit)]
        command += ["--batch_size", "16", "-o", str(output)]
        if task == "overton_diversity":
            command += ["--gen_kwargs", f"max_gen_toks={TOKENS}"]
        env = dict(environment(self.folder))
        if device == "cpu":
            # The metrics' models would find the card.
            env["CUDA_VISIBLE_DEVICES"] = ""
        seconds, done = timed(
            lambda: subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        )
        if done.returncode:
            raise SystemExit(f"{task} on {device} in {dtype} failed:\n{done.stderr[-3000:]}")
        [results] = output.rglob("results_*.json")
        return seconds, json.loads(results.read_text(encoding="utf-8"))["results"][task]


def sampled(runs: Runs, device: str) -> Row:
    """Sample answers and score them; the difference is of the prompts that have a value."""
    (card, ours), (processors, theirs) = runs.beside("overton_diversity", device)
    names = ("prompts", "lexical_diversity_n", "semantic_diversity_n")
    lacking = max(runs.limit - own[f"{name},none"] for own in (ours, theirs) for name in names)
    return Row("overton_diversity in bf16, prompts", runs.limit, card, processors, lacking, 0)


def asked(runs: Runs, device: str) -> Row:
    """Ask for log-probabilities; the difference is of the metrics that are shares."""
    (card, ours), (processors, theirs) = runs.beside("overton_choice", device)
    shared = [key for key, value in theirs.items() if is_share(key, value)]
    difference = max(abs(ours[key] - theirs[key]) for key in shared)
    name = f"overton_choice in bf16, prompts ({len(shared)} metrics)"
    return Row(name, runs.limit, card, processors, difference, OF_METRICS)


def is_share(key: str, value: Any) -> bool:
    """Tell whether a value of a results file is a metric's and in reach of the limit."""
    is_own = not any(part in key for part in ("stderr", "_n,", "alias", "prompts"))
    return is_own and isinstance(value, float) and abs(value) <= 1


def main() -> int:
    """Print the table; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", choices=SIZES, default="cuda")
    parser.add_argument("--model", metavar="DIR", help="a checkpoint; default: that of the demo")
    args = parser.parse_args()
    import torch

    if args.device == "cuda" and not torch.cuda.is_available():
        print("no CUDA card here: `--device cpu` takes the same path on the processors")
        return 0
    name = torch.cuda.get_device_name() if args.device == "cuda" else "the processors themselves"
    print(f"{name} beside {os.cpu_count()} CPUs, torch {torch.__version__}")
    n_texts, n_pairs, n_prompts = SIZES[args.device]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for _ in () if args.model else train(folder / "demo"):
            pass
        runs = Runs(args.model or str(folder / "demo" / "base"), folder, n_prompts)
        rows = table(args.device, (n_texts, n_pairs), folder, runs)
    return 0 if all(row.kept() for row in rows) else 1


def table(device: str, sizes: tuple[int, int], folder: Path, runs: Runs) -> Sequence[Row]:
    """Print each row as soon as it is there, and return all."""
    print(HEAD, flush=True)
    parts: Sequence[Callable[[], Row]] = (
        lambda: encoder(device, sizes[0]),
        lambda: encoder(device, sizes[0], DTYPES[1]),
        lambda: pairs(device, sizes[1], folder / "pairs"),
        lambda: sampled(runs, device),
        lambda: asked(runs, device),
    )
    rows = []
    for part in parts:
        rows.append(part())
        print(rows[-1], flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())

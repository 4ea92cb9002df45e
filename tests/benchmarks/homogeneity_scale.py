"""Measure time and memory of how alike the samples of 5, 10 and 20 runs are.

Command: ``python tests/benchmarks/homogeneity_scale.py``. Synthetic runs of 100 prompts with 10
samples of 300 words are written to files, and a process of its own for each number of runs and each
similarity reads and compares them. Embeddings are drawn: those of a model take its time and no more
memory. Exits with 1 if each of the last ten runs takes more memory than each of the five before, or
all of them take more than 1 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np

from lm_eval_overton.comparison.homogeneity import COSINE, WORDS, homogeneity
from lm_eval_overton.comparison.homogeneity.alike import by_cosine
from lm_eval_overton.runs.answers import valid_texts
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.text.encoder import Encoder, FloatArray
from lm_eval_overton.text.encoder_source import EncoderSource

RUNS, PROMPTS, SAMPLES, WORDS_EACH = (5, 10, 20), 100, 10, 300
DIM = 384
TASK = "overton_diversity"
# The tables themselves grow with the pairs of runs, and the allocator is not exact.
GROWTH_LIMIT, MEMORY_LIMIT = 1.25, 1e9


class Drawn(Encoder):
    """An encoder that keeps vectors as the real one does, and draws them."""

    signature = "drawn@0"

    def _encode_new(self, texts: Sequence[str]) -> FloatArray:
        rows = [np.random.default_rng(crc32(text.encode())).normal(size=DIM) for text in texts]
        table = np.array(rows, dtype=np.float32)
        return table / np.linalg.norm(table, axis=1, keepdims=True)


def write_run(folder: Path, run: int) -> None:
    """Write the responses of a run; those of a prompt have some words in common."""
    rng = np.random.default_rng(run)
    vocabulary = np.array([f"word{i}" for i in range(5_000)])
    with (folder / f"{run}.jsonl").open("w", encoding="utf-8") as file:
        for prompt in range(PROMPTS):
            own = vocabulary[40 * prompt : 40 * prompt + 1_000]
            texts = [" ".join(rng.choice(own, WORDS_EACH)) for _ in range(SAMPLES)]
            row = {"id": f"p{prompt}", "prompt": f"Question {prompt}?", "responses": texts}
            file.write(json.dumps(row) + "\n")


def finished(path: Path) -> FinishedRun:
    """Return a run of which the responses alone are there."""
    ids = tuple(f"p{i}" for i in range(PROMPTS))
    own = TaskResult(TASK, path.stem, TASK, ids, {}, {}, ({},) * PROMPTS, path, samples=path)
    return FinishedRun(path.stem, path.parent, {TASK: own})


def measure(folder: Path, runs: int, similarity: str) -> None:
    """Compare runs in this process; print processor seconds and the bytes that it took."""
    before = peak_memory()
    start = time.process_time()
    loaded = [finished(folder / f"{run}.jsonl") for run in range(runs)]
    texts = valid_texts(loaded, TASK)
    encoder = Drawn(EncoderSource("drawn", None, "made"))
    likeness = by_cosine(encoder) if similarity == COSINE else None
    found = homogeneity([run.name for run in loaded], texts, likeness=likeness)
    assert found.n == PROMPTS
    print(json.dumps([time.process_time() - start, peak_memory() - before]))


def peak_memory() -> int:
    """Return the most resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure_apart(folder: Path, runs: int, similarity: str) -> int:
    """Print what a process of its own takes; return its bytes."""
    command = [sys.executable, __file__, "--measure", str(folder), str(runs), similarity]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    seconds, memory = json.loads(result.stdout)
    print(f"{similarity}, {runs} runs: {seconds:.1f} s, {memory / 1e6:.0f} MB", flush=True)
    return int(memory)


def is_kept(memory: Sequence[int]) -> bool:
    """Tell whether each further run takes no more than each of those before."""
    steps = pairwise(zip(RUNS, memory, strict=True))
    per_run = [(own - less) / (n - m) for (m, less), (n, own) in steps]
    print(f"MB per further run: {', '.join(f'{own / 1e6:.1f}' for own in per_run)}")
    return per_run[1] <= GROWTH_LIMIT * per_run[0] and memory[-1] <= MEMORY_LIMIT


def main() -> int:
    """Print seconds and memory; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        folder, runs, similarity = args.measure
        measure(Path(folder), int(runs), similarity)
        return 0
    kept = True
    with tempfile.TemporaryDirectory() as folder:
        for run in range(RUNS[-1]):
            write_run(Path(folder), run)
        for similarity in (WORDS, COSINE):
            own = [measure_apart(Path(folder), runs, similarity) for runs in RUNS]
            kept &= is_kept(own)
    print("ok" if kept else "OUTSIDE")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

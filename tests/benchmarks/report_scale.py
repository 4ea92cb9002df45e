"""Measure how long the report of two large runs takes, and how large it is.

Command: ``python tests/benchmarks/report_scale.py [--prompts N] [--samples N]``. It writes two
synthetic runs of 10,000 prompts, 10 samples of 300 words and 30 metrics as a harness would, loads
and compares them, and writes the page with all of their responses at hand. Exits with 1 if
`reporting.write` takes more than 90 s or the page exceeds 20 MB.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lm_eval_overton import reporting
from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.metrics.measures import RANGES

TASK = "overton_diversity"
METRICS = (
    "lexical_diversity",
    "semantic_diversity",
    "units_at_1_words",
    "helpfulness",
    "failed_rate",
    *(f"metric_{i:02d}" for i in range(25)),
)
SECONDS, MEGABYTES = 90.0, 20.0
WORDS = 300


def texts(rng: np.random.Generator, n: int) -> list[str]:
    """Return responses of made-up words."""
    vocabulary = np.array([f"word{i}" for i in range(5_000)])
    return [" ".join(vocabulary[rng.integers(0, len(vocabulary), WORDS)]) for _ in range(n)]


def generations(run: int, prompts: int, samples: int) -> Iterator[dict]:
    """Yield the lines of a generations file."""
    yield {"overton_generations": 1, "tasks": {TASK: {"stops": [], "frame": "recorded"}}}
    rng = np.random.default_rng(run)
    # Drawing all of them anew would take longer than what is measured.
    pool = texts(rng, 500)
    for i in range(prompts):
        chosen = [pool[k] for k in rng.integers(0, len(pool), samples)]
        yield {"task": TASK, "id": f"p{i}", "prompt": f"Question {i}?", "responses": chosen}


def results(run: int, prompts: int, path: Path) -> dict:
    """Return what the harness writes of a run."""
    rng = np.random.default_rng((run, 1))
    values = {"prompts": [f"p{i}" for i in range(prompts)]}
    for name in METRICS:
        # Files with values that a metric cannot have are refused.
        low, high = RANGES.get(name, (0.0, 1.0))
        share = rng.beta(2 + run, 3, prompts).round(6)
        values[name] = (low + (min(high, 100.0) - low) * share).tolist()
    signature = f"{TASK}@1|data:synthetic:0|frame:recorded|n:10|stop:none|v:0.1.0"
    overton = {
        "signature": signature,
        "generations": str(path),
        "alarms": [],
        "values": {name: json.dumps(column) for name, column in values.items()},
    }
    return {
        "configs": {TASK: {"task": TASK, "metadata": {"overton": overton}}},
        "higher_is_better": {TASK: dict.fromkeys(METRICS, True)},
        "model_name": f"run-{run}",
    }


def make_run(folder: Path, run: int, prompts: int, samples: int) -> Path:
    """Write a run and return its folder."""
    place = folder / f"run-{run}"
    place.mkdir()
    path = place / "generations.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in generations(run, prompts, samples))
    written = json.dumps(results(run, prompts, path))
    (place / "results_2026-01-01T00-00-00.json").write_text(written, encoding="utf-8")
    return place


def peak_memory() -> float:
    """Return the most resident memory of this process so far, in GB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def main() -> int:
    """Print times and sizes; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--samples", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = [make_run(folder, run, args.prompts, args.samples) for run in range(2)]
        start = time.perf_counter()
        base, other = (load_run(place) for place in places)
        compared = compare(base, [other])
        print(f"load and compare: {time.perf_counter() - start:.1f} s", flush=True)
        start = time.perf_counter()
        page = reporting.write(compared, folder / "report.html")
        seconds, megabytes = time.perf_counter() - start, page.stat().st_size / 1e6
    kept = seconds <= SECONDS and megabytes < MEGABYTES
    print(
        f"report of 2 runs of {args.prompts:,} prompts x {args.samples} samples: {seconds:.1f} s "
        f"(at most {SECONDS:g} s), {megabytes:.1f} MB (below {MEGABYTES:g} MB), at most "
        f"{peak_memory():.1f} GB of memory {'ok' if kept else 'OUTSIDE'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

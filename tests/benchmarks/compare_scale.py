"""Measure loading and comparing two runs of 10,000 prompts from their results files.

Command: ``python tests/benchmarks/compare_scale.py``, and of many runs
``python tests/benchmarks/compare_scale.py --runs 19 --prompts 1000 --seconds 20``. Synthetic
results files hold every metric of `overton_diversity` with a reference run, a judged file beside
each completes it, and a process of its own loads and compares them. A value in fifty is undefined:
on the same prompts for all metrics of a kind, as where a prompt has too few samples, or with
``--scattered`` on other prompts for each metric, which is the slowest case. Exits with 1 if that
takes more than 60 seconds of wall time, or those given, or more than 2 GB.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.metrics.measures import RANGES
from lm_eval_overton.reporting.tables import as_json, as_markdown

PROMPTS, SAMPLES = 10_000, 5
LIMIT_SECONDS, LIMIT_MEMORY = 60.0, 2e9
TASK, TIME = "overton_diversity", "2026-01-01T00-00-00.000000"
SIGNATURE = "overton_diversity@1|data:synthetic:0|n:5|stop:none|emb:none|reference:0|v:0"
# How many kinds of metrics are undefined on prompts of their own.
KINDS = 3
JUDGED = ("lexical_diversity_qc", "semantic_diversity_qc", "overton_index_qc", "helpfulness")
METRICS = (
    "lexical_diversity",
    "semantic_diversity",
    "overton_index_words",
    "units_at_1_words",
    "units_at_1_clusters",
    "overton_index_clusters",
    *(
        f"{name}_{part}"
        for name in ("missing_from_reference", "reference_coverage_at_1")
        for part in ("split", "held_out", "chance")
    ),
    *(f"metric_{i:02d}" for i in range(29)),
)


def write_run(folder: Path, name: str, shift: float, prompts: int, kinds: int) -> Path:
    """Write a results file and a judged file; each kind of metrics has undefined prompts."""
    rng = np.random.default_rng([*name.encode()])
    place = folder / name
    place.mkdir()
    details = [
        {
            "sha": f"{i:08x}",
            "covered": [[0, 1, 2]] * SAMPLES,
            "verdicts": {"quality": [4] * SAMPLES},
        }
        for i in range(prompts)
    ]
    for kind, metrics in (("results", METRICS), (f"judged_{TASK}", JUDGED)):
        values = {"prompts": json.dumps([f"p{i:05d}" for i in range(prompts)])}
        undefined = rng.random((kinds, prompts)) < 0.02
        for k, metric in enumerate(metrics):
            # Files with values that a metric cannot have are refused.
            low, high = RANGES.get(metric, (0.0, 1.0))
            share = np.clip(rng.random(prompts) * 0.8 + shift, 0.0, 1.0)
            drawn, without = low + (min(high, 100.0) - low) * share, undefined[k % kinds]
            own = [None if u else x for u, x in zip(without, drawn, strict=True)]
            values[metric] = json.dumps(own)
        overton = {"signature": SIGNATURE, "values": values, "details": json.dumps(details)}
        if kind != "results":
            overton["judge"] = {"signature": "judge:synthetic", "counts": {}, "metrics": [*metrics]}
        whole = {"configs": {TASK: {"metadata": {"overton": overton}}}, "model_name": name}
        (place / f"{kind}_{TIME}.json").write_text(json.dumps(whole))
    return place


def measure(places: list[str]) -> None:
    """Load and compare in this process; print seconds, bytes and the number of metrics."""
    start = time.perf_counter()
    base, *runs = [load_run(place) for place in places]
    loaded = time.perf_counter()
    compared = compare(base, runs)
    shown = as_markdown(compared), as_json(compared)
    done = time.perf_counter()
    assert all(shown)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = peak if sys.platform == "darwin" else peak * 1024
    print(json.dumps([loaded - start, done - loaded, memory, len(compared.pairs[0].rows)]))


def main() -> int:
    """Print seconds and memory; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=PROMPTS)
    parser.add_argument("--scattered", action="store_true")
    parser.add_argument("--runs", type=int, default=1, help="beside the base")
    parser.add_argument("--seconds", type=float, default=LIMIT_SECONDS, help="at most")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        measure(args.measure)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        kinds = len(METRICS) if args.scattered else KINDS
        places = [
            str(write_run(Path(folder), name, shift, args.prompts, kinds))
            for name, shift in (("base", 0.0), *((f"run-{i}", 0.01) for i in range(args.runs)))
        ]
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.json"))
        command = [sys.executable, __file__, "--measure", *places]
        result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    load, comparison, memory, metrics = json.loads(result.stdout)
    seconds = load + comparison
    kept = seconds <= args.seconds and memory <= LIMIT_MEMORY
    print(
        f"{args.runs + 1} runs of {args.prompts:,} prompts, {metrics} metrics, "
        f"{size / 1e6:.0f} MB of files: loaded in {load:.1f} s, compared in "
        f"{comparison:.1f} s (together at most {args.seconds:g} s), "
        f"{memory / 1e9:.2f} GB (at most {LIMIT_MEMORY / 1e9:g} GB) "
        f"{'ok' if kept else 'OUTSIDE'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

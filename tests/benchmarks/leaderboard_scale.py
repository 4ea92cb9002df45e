"""Measure `overton leaderboard` of 1,000 results files, from the command to the printed table.

Command: ``python tests/benchmarks/leaderboard_scale.py [--models N] [--prompts N]``. It makes runs
of 100 prompts as `compare_scale.py` does, each with a results file and a judged file, some
prompts undefined, and means from 0.4 to 0.6. Exits with 1 if the command takes more than 30 s of
wall time; the processor time stands beside it, for machines that are not idle.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare_scale import KINDS, METRICS, write_run

LIMIT, SPREAD = 30.0, 0.2


def main() -> int:
    """Print seconds; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--prompts", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for k in range(args.models):
            shift = SPREAD * k / args.models
            write_run(Path(folder), f"model-{k:04d}", shift, args.prompts, KINDS)
        command = [sys.executable, "-m", "lm_eval_overton", "leaderboard", folder]
        start = time.perf_counter()
        shown = subprocess.run(
            [*command, "--metric", METRICS[0]], stdout=subprocess.PIPE, text=True, check=True
        ).stdout
        seconds = time.perf_counter() - start
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    rows = sum(" | model-" in line for line in shown.splitlines())
    kept = seconds <= LIMIT and rows == args.models
    print(
        f"leaderboard of {rows:,} of {args.models:,} runs x {args.prompts} prompts: {seconds:.1f} "
        f"s (at most {LIMIT:g} s), {used.ru_utime + used.ru_stime:.1f} s of processor time "
        f"{'ok' if kept else 'OUTSIDE'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

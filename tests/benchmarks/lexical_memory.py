"""Measure memory and growth of the lexical part of 20,000 responses of 300 words.

Command: ``python tests/benchmarks/lexical_memory.py``. Processes of their own make 10,000 and
20,000 synthetic responses and score them, in turns. The most resident memory of any of them and
the least processor time for each size count. Exits with 1 if the memory exceeds 1.5 GB or if
twice the responses take more than 2.4 times as long.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from lexical_speed import SAMPLES, lexical_part, synthetic

RESPONSES, WORDS = 20_000, 300
MEMORY_LIMIT = 1.5e9
GROWTH_LIMIT = 2.4
ROUNDS = 2


@dataclass(frozen=True)
class Usage:
    """What one process used: processor seconds of the lexical part, most memory in bytes."""

    responses: int
    seconds: float
    memory_before: int
    memory: int

    def __str__(self) -> str:
        """Return one printed line."""
        return (
            f"{self.responses:,} responses: {self.seconds:.1f} s, at most "
            f"{self.memory / 1e9:.3f} GB ({self.memory_before / 1e9:.3f} GB before)"
        )


def peak_memory() -> int:
    """Return the most resident memory of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def measure(responses: int) -> Usage:
    """Make and score responses in this process."""
    prompts = list(synthetic(responses // SAMPLES, WORDS))
    lexical_part(prompts[:1])
    before = peak_memory()
    start = time.process_time()
    lexical_part(prompts)
    return Usage(responses, time.process_time() - start, before, peak_memory())


def measure_apart(responses: int) -> Usage:
    """Make and score responses in a process of its own."""
    command = [sys.executable, __file__, "--measure", str(responses)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    usage = Usage(**json.loads(result.stdout))
    print(usage, flush=True)
    return usage


def main() -> int:
    """Print memory and growth; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(asdict(measure(args.measure))))
        return 0
    runs = [measure_apart(n) for _ in range(args.rounds) for n in (RESPONSES // 2, RESPONSES)]
    memory = max(run.memory for run in runs)
    half, whole = (
        min(run.seconds for run in runs if run.responses == n) for n in (RESPONSES // 2, RESPONSES)
    )
    growth = whole / half
    kept = memory <= MEMORY_LIMIT and growth <= GROWTH_LIMIT
    print(
        f"{RESPONSES:,} responses of {WORDS} words: at most {memory / 1e9:.3f} GB "
        f"({memory / MEMORY_LIMIT:.3f} of {MEMORY_LIMIT / 1e9:g} GB); twice the responses take "
        f"{growth:.2f} x as long (at most {GROWTH_LIMIT:g} x) {'ok' if kept else 'OUTSIDE'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

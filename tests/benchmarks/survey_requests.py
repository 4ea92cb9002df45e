"""Build the requests of a survey of 4,800 questions.

Command: ``python tests/benchmarks/survey_requests.py``. Questions of four options are asked in four
orders each: 76,800 log-probabilities. It prints the processor time and the memory that building
their requests takes, and exits with 1 above 10 s or 1 GB.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from lm_eval_overton.harness.replay import task_class

QUESTIONS, OPTIONS = 4_800, 4
MOST_S, MOST_GB = 10.0, 1.0


def survey(path: Path) -> Path:
    """Write a survey and return its path."""
    words = ["Always", "Often", "Seldom", "Never"]
    with path.open("w", encoding="utf-8") as file:
        for i in range(QUESTIONS):
            question = f"How often should a town of {i} people let its market stay open at night?"
            row = {"id": f"q{i}", "question": question, "options": words[:OPTIONS]}
            file.write(json.dumps(row) + "\n")
    return path


def memory_gb() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> int:
    """Print time and memory; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        cls, config = task_class("overton_survey")
        config["metadata"] = {
            **config["metadata"],
            "survey": str(survey(Path(folder) / "made.jsonl")),
        }
        before = memory_gb()
        start = time.process_time()
        task = cls(config=config)  # type: ignore[call-arg]
        task.build_all_requests(rank=0, world_size=1)
        took, grew = time.process_time() - start, memory_gb() - before
    n = len(task.instances)
    print(f"{n:,} requests of {QUESTIONS:,} questions: {took:.1f} s, {grew:.2f} GB more")
    print(f"limits: {MOST_S:g} s, {MOST_GB:g} GB")
    return int(took > MOST_S or grew > MOST_GB or n != QUESTIONS * OPTIONS * OPTIONS)


if __name__ == "__main__":
    sys.exit(main())

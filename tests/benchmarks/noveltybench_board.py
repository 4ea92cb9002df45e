"""Rank the models of NoveltyBench's released files, and say which neighbours can be told apart.

Command: ``python tests/benchmarks/noveltybench_board.py``; with ``--plots DIR`` also the figures of
quality against diversity. It scores the files in ../shared/peers/noveltybench/curated by their own
classes and ratings, as ``overton score FILE --task overton_noveltybench --metrics
distinct_k,utility_k,quality_heads`` does, and prints the boards of ``overton leaderboard``. Exits
with 1 if a mean differs from the benchmark's own by more than 1e-12.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from lm_eval_overton.comparison import compare
from lm_eval_overton.comparison.leaderboard import find_runs, leaderboard
from lm_eval_overton.harness.replay import score
from lm_eval_overton.reporting import plots
from lm_eval_overton.reporting.tables.leaderboard import as_markdown
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.responses import read_responses

SHARED = Path(__file__).resolve().parents[3] / "shared"
TASK = "overton_noveltybench"
# The file of known values calls them by other names.
KNOWN = {"distinct_k": "distinct", "utility_k": "utility"}
METRICS = [*KNOWN, "quality_heads"]
LIMIT = 1e-12


def scored(folder: Path) -> list[FinishedRun]:
    """Return a finished run for each of the released files."""
    for path in sorted((SHARED / "peers" / "noveltybench" / "curated").glob("*.jsonl")):
        found = read_responses(path, TASK)
        score(found, TASK, output=folder / path.stem, name=path.stem, chosen=METRICS)
    return find_runs(folder)


def largest_error(runs: Sequence[FinishedRun]) -> float:
    """Return by how much a mean differs at most from the benchmark's own."""
    golden = json.loads((SHARED / "golden" / "noveltybench_curated.json").read_text())
    known = {name.rpartition("/")[2].replace("@", "-"): own for name, own in golden.items()}
    assert {run.name for run in runs} == set(known)
    return max(
        abs(float(run.tasks[TASK].values[metric].mean()) - known[run.name][theirs])
        for run in runs
        for metric, theirs in KNOWN.items()
    )


def main() -> int:
    """Print the boards; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--plots", type=Path, metavar="DIR")
    folder = parser.parse_args().plots
    with TemporaryDirectory() as place:
        runs = scored(Path(place))
    boards = [leaderboard(runs, metric) for metric in KNOWN]
    print("\n\n".join(map(as_markdown, boards)))
    if folder:
        # The models of the board are no steps of one training: they are ranked.
        ranked = [next(run for run in runs if run.name == row.run) for row in boards[0].rows]
        for path in plots(compare(ranked[0], ranked[1:]), folder, samples=None):
            print(f"written to {path}")
    error = largest_error(runs)
    print(f"\nlargest error of a mean: {error:.1e} {'ok' if error <= LIMIT else 'OUTSIDE'}")
    return int(error > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

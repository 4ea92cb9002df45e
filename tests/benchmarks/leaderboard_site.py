"""Measure how fast the site of a large leaderboard opens, and how much it loads.

Command: ``python tests/benchmarks/leaderboard_site.py [--models N] [--metrics K]``. It
makes 300 models with 60 metrics of 100 prompts, writes the site, and opens it as a file in chromium
(`OVERTON_TEST_CHROMIUM` names another one). Ranking takes most of the making, and grows with the
square of the models; `--ranked` says how many metrics have values of their own, whose ranks the
others share. Exits with 1 if the page needs more than 2 s until its table stands, or loads 3 MB.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.metrics.measures import RANGES, REGISTRY
from lm_eval_overton.reporting.site import write_site
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

TASK = "overton_diversity"
CHROMIUM = os.environ.get("OVERTON_TEST_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SECONDS, MEGABYTES = 2.0, 3.0


def made(models: int, metrics: int, prompts: int) -> list[FinishedRun]:
    """Return runs of made-up values within the ranges of real metrics."""
    rng = np.random.default_rng(0)
    names = [*REGISTRY][:metrics]
    difficulty = rng.normal(0, 1, (prompts, metrics))
    runs = []
    for k in range(models):
        share = 1 / (1 + np.exp(-(difficulty + rng.normal(0, 1, (prompts, metrics)) + k / models)))
        values = {name: within(RANGES[name], share[:, j]) for j, name in enumerate(names)}
        own = TaskResult(
            task=TASK,
            model=f"organisation/model-{k:03d}",
            signature=f"{TASK}@1|data:made:0|frame:chat|n:10|stop:none|v:0.1.0",
            ids=tuple(f"p{i}" for i in range(prompts)),
            values=values,
            higher_is_better={name: REGISTRY[name].higher_is_better for name in names},
            details=tuple({"tags": [f"tag-{i % 5}"]} for i in range(prompts)),
            path=Path("results.json"),
            parameters=int(10 ** rng.uniform(8, 11)),
        )
        runs.append(FinishedRun(own.model, Path("results.json"), {TASK: own}))
    return runs


def within(limits: tuple[float, float], share: stats.Array) -> stats.Array:
    """Return values that a metric can have, of shares from 0 to 1."""
    low, high = limits
    return low + (min(high, 100.0) - low) * share


def opened(page_file: Path) -> tuple[float, float, float]:
    """Return seconds until the table stands and until two rows are compared, and MB loaded."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        urls: list[str] = []
        page.on("request", lambda request: urls.append(request.url))
        start = time.perf_counter()
        page.goto(page_file.as_uri())
        page.wait_for_selector("#models tbody tr")
        seconds = time.perf_counter() - start
        loaded = sum(Path(url.removeprefix("file://")).stat().st_size for url in urls)
        start = time.perf_counter()
        page.locator("#row-0").check()
        page.locator("#row-1").check()
        page.wait_for_selector("#pair table")
        compared = time.perf_counter() - start
        browser.close()
    return seconds, compared, loaded / 1e6


def main() -> int:
    """Print times and sizes; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", type=int, default=300)
    parser.add_argument("--metrics", type=int, default=60)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--ranked", type=int, default=2)
    args = parser.parse_args()
    runs = made(args.models, args.metrics, args.prompts)
    known: list[list[stats.Rank]] = []
    real = stats.rank_ranges

    def ranks(values: stats.Array, rng: np.random.Generator) -> list[stats.Rank]:
        if len(known) < args.ranked:
            known.append(real(values, rng))
        return known[-1]

    with tempfile.TemporaryDirectory() as name:
        start = time.perf_counter()
        with patch.object(stats, "rank_ranges", ranks):
            page = write_site(runs, Path(name))
        making = time.perf_counter() - start
        total = sum(path.stat().st_size for path in Path(name).rglob("*") if path.is_file()) / 1e6
        seconds, compared, loaded = opened(page)
    kept = seconds <= SECONDS and loaded < MEGABYTES
    print(
        f"site of {args.models} models x {args.metrics} metrics x {args.prompts} prompts: made in "
        f"{making:.0f} s with the ranks of {args.ranked} metrics, {total:.0f} MB in all\n"
        f"opens in {seconds:.2f} s (at most {SECONDS:g} s) with {loaded:.2f} MB (below "
        f"{MEGABYTES:g} MB); two rows are compared in {compared:.2f} s "
        f"{'ok' if kept else 'OUTSIDE'}"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

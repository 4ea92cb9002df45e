"""Check by simulation that the intervals cover and the paired test does not cry wolf.

Command: ``python tests/benchmarks/interval_simulation.py``. It draws skewed scores of 200 prompts
2,000 times, prints the coverage of the 95 % interval and the false positive rate of the paired
test at 5 %, and exits with 1 if one lies outside its limits.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats import RESAMPLES, mean_interval, paired_comparison

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]

COVERAGE_LIMITS = (0.93, 0.97)
FALSE_POSITIVE_LIMITS = (0.03, 0.07)
# Skewed as diversity scores are (most prompts low, some high), and as counts of units are.
SCORES: dict[str, tuple[Draw, float]] = {
    "beta(0.5, 3)": (lambda rng, n: rng.beta(0.5, 3, size=n), 0.5 / 3.5),
    "exponential(1)": (lambda rng, n: rng.exponential(size=n), 1.0),
}


@dataclass(frozen=True)
class Settings:
    """What is simulated."""

    prompts: int
    repetitions: int
    n_resamples: int
    seed: int


@dataclass(frozen=True)
class Rate:
    """A share of repetitions in [0, 1] and the limits it has to keep."""

    name: str
    share: float
    limits: tuple[float, float]

    def kept(self) -> bool:
        """Return whether the share lies within its limits, ends included."""
        return self.limits[0] <= self.share <= self.limits[1]

    def __str__(self) -> str:
        """Return one printed line, in percent."""
        low, high = self.limits
        verdict = "ok" if self.kept() else "OUTSIDE"
        return f"{self.name}: {self.share:.2%} (limits {low:.0%} to {high:.0%}) {verdict}"


def coverage(draw: Draw, mean: float, settings: Settings) -> float:
    """Return the share of 95 % intervals that contain the true mean."""
    rng = np.random.default_rng(settings.seed)
    covered = 0
    for _ in range(settings.repetitions):
        interval = mean_interval(draw(rng, settings.prompts), rng, n_resamples=settings.n_resamples)
        covered += interval.low <= mean <= interval.high
    return covered / settings.repetitions


def false_positive_rate(draw: Draw, settings: Settings) -> float:
    """Return the share of p <= 0.05 between runs that differ by chance only.

    Both runs share the difficulty of the prompt and add skewed noise of the same law.
    """
    rng = np.random.default_rng(settings.seed)
    positives = 0
    for _ in range(settings.repetitions):
        prompt, noise_a, noise_b = (draw(rng, settings.prompts) for _ in range(3))
        comparison = paired_comparison(prompt + noise_a, prompt + noise_b, rng)
        positives += comparison.p_value <= 0.05
    return positives / settings.repetitions


def measured_rates(settings: Settings) -> Iterator[Rate]:
    """Yield coverage and false positive rate for each law of scores."""
    for name, (draw, mean) in SCORES.items():
        yield Rate(f"coverage, {name}", coverage(draw, mean, settings), COVERAGE_LIMITS)
        yield Rate(
            f"false positives, {name}", false_positive_rate(draw, settings), FALSE_POSITIVE_LIMITS
        )


def parse_settings(arguments: Sequence[str]) -> Settings:
    """Return the settings given on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--repetitions", type=int, default=2_000)
    parser.add_argument(
        "--n-resamples", type=int, default=RESAMPLES, help="of the intervals whose coverage counts"
    )
    parser.add_argument("--seed", type=int, default=1234)
    return Settings(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str]) -> int:
    """Print each rate and return 0 if all keep their limits, else 1."""
    settings = parse_settings(arguments)
    print(settings)
    started = time.perf_counter()
    all_kept = True
    for rate in measured_rates(settings):
        print(rate, flush=True)
        all_kept &= rate.kept()
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

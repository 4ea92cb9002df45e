"""Check by simulation that the intervals cover and the paired test does not cry wolf.

Command: ``python tests/benchmarks/interval_simulation.py``. For 12, 50 and 200 prompts it draws
skewed scores of four laws 2,000 times and prints how often the 95 % interval holds the true mean,
how often that of a difference by chance holds 0, how often the paired test is below 5 %, and how
often interval and test together say that the runs differ, which is when `--fail-on METRIC>0` or
`METRIC<0` fires. Exits with 1 if a share lies outside of its limits.
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

COVERAGE_LIMITS = (0.92, 0.97)
# Ties make the exact test of few prompts say less than 5 %, never more.
FALSE_POSITIVE_LIMITS = (0.02, 0.07)
FIRES_LIMITS = (0.0, 0.055)
# Skewed as diversity scores are (most prompts low, some high), the same upside down, as the share
# of seven viewpoints is, and as counts of units are.
SCORES: dict[str, tuple[Draw, float]] = {
    "beta(0.5, 3)": (lambda rng, n: rng.beta(0.5, 3, size=n), 0.5 / 3.5),
    "1 - beta(0.5, 3)": (lambda rng, n: 1 - rng.beta(0.5, 3, size=n), 3 / 3.5),
    "sevenths of beta(1, 4)": (lambda rng, n: rng.binomial(7, rng.beta(1, 4, size=n)) / 7, 0.2),
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


def of_differences(draw: Draw, settings: Settings) -> tuple[float, float, float]:
    """Return what is said of runs that differ by chance only.

    Both runs share the difficulty of the prompt and add skewed noise of the same law.

    Returns:
        The shares of intervals that hold 0, of p < 0.05, and of both together saying otherwise.
    """
    rng = np.random.default_rng(settings.seed)
    holding, positives, fired = 0, 0, 0
    for _ in range(settings.repetitions):
        prompt, noise_a, noise_b = (draw(rng, settings.prompts) for _ in range(3))
        comparison = paired_comparison(prompt + noise_a, prompt + noise_b, rng)
        holding += comparison.ci_low <= 0 <= comparison.ci_high
        positives += comparison.p_value < 0.05
        fired += comparison.is_clear
    n = settings.repetitions
    return holding / n, positives / n, fired / n


def measured_rates(settings: Settings) -> Iterator[Rate]:
    """Yield the rates for each law of scores."""
    for name, (draw, mean) in SCORES.items():
        about = f"{name}, {settings.prompts} prompts"
        yield Rate(f"coverage, {about}", coverage(draw, mean, settings), COVERAGE_LIMITS)
        holding, positives, fired = of_differences(draw, settings)
        yield Rate(f"coverage of a difference, {about}", holding, COVERAGE_LIMITS)
        yield Rate(f"false positives, {about}", positives, FALSE_POSITIVE_LIMITS)
        yield Rate(f"--fail-on fires, {about}", fired, FIRES_LIMITS)


def parse_settings(arguments: Sequence[str]) -> list[Settings]:
    """Return the settings given on the command line, for each number of prompts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompts", type=int, nargs="+", default=[12, 50, 200])
    parser.add_argument("--repetitions", type=int, default=2_000)
    parser.add_argument(
        "--n-resamples", type=int, default=RESAMPLES, help="of the intervals whose coverage counts"
    )
    parser.add_argument("--seed", type=int, default=1234)
    given = vars(parser.parse_args(arguments))
    return [Settings(**{**given, "prompts": prompts}) for prompts in given["prompts"]]


def main(arguments: Sequence[str]) -> int:
    """Print each rate and return 0 if all keep their limits, else 1."""
    settings = parse_settings(arguments)
    started = time.perf_counter()
    all_kept = True
    for own in settings:
        print(own)
        for rate in measured_rates(own):
            print(rate, flush=True)
            all_kept &= rate.kept()
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

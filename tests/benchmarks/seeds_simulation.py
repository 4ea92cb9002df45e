"""Check by simulation how sure a difference of several seeds is, over prompts and seeds.

Command: ``python tests/benchmarks/seeds_simulation.py``. For 12 and 200 prompts and 3 and 5 seeds
it draws differences from a base 2,000 times: a skewed effect of the prompt, skewed noise of each
seed on each prompt, and an effect of the seed that has 0, 1 or 3 times the standard error that one
seed has over prompts. It prints how often the 95 % interval over prompts and seeds, and that over
prompts alone, hold the true difference, and how often it is said that seeds differ by more than
prompts account for. Exits with 1 if a share lies outside of its limits.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats import mean_interval
from lm_eval_overton.stats.seeds import over_seeds

Array = npt.NDArray[np.float64]

# Three seeds that differ much more than prompts leave Student's t two degrees, or some more.
COVERAGE = (0.91, 0.99)
FALSE_REMARKS = (0.02, 0.07)


def differences(rng: np.random.Generator, seeds: int, prompts: int, apart: float) -> Array:
    """Return differences (seeds, prompts) with mean 0."""
    own = rng.exponential(size=(seeds, prompts)) - 1
    return (
        own
        + rng.exponential(size=prompts)
        - 1
        + rng.normal(0, apart * (2 / prompts) ** 0.5, size=(seeds, 1))
    )


def measured(seeds: int, prompts: int, apart: float, n: int, seed: int) -> tuple[float, ...]:
    """Return how often both intervals hold 0, and how often seeds are said to differ."""
    rng = np.random.default_rng(seed)
    both = alone = said = 0
    for _ in range(n):
        values = differences(rng, seeds, prompts, apart)
        found = over_seeds(values)
        plain = mean_interval(values.mean(axis=0), rng, n_resamples=999)
        low, high = min(plain.low, found.interval.low), max(plain.high, found.interval.high)
        both += low <= 0 <= high
        alone += plain.low <= 0 <= plain.high
        said += found.p_seeds < 0.05
    return both / n, alone / n, said / n


def main() -> int:
    """Print the shares and return 0 if all keep their limits, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prompts", type=int, nargs="+", default=[12, 200])
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--apart", type=float, nargs="+", default=[0, 1, 3])
    parser.add_argument("--repetitions", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1234)
    args = parser.parse_args()
    started, all_kept = time.perf_counter(), True
    cases = ((n, k, apart) for n in args.prompts for k in args.seeds for apart in args.apart)
    for prompts, seeds, apart in cases:
        both, alone, said = measured(seeds, prompts, apart, args.repetitions, args.seed)
        kept = COVERAGE[0] <= both <= COVERAGE[1]
        kept &= bool(apart) or FALSE_REMARKS[0] <= said <= FALSE_REMARKS[1]
        all_kept &= kept
        print(
            f"{prompts} prompts, {seeds} seeds, apart by {apart:g}: over prompts and seeds "
            f"{both:.1%}, over prompts alone {alone:.1%}, said to differ {said:.1%} "
            f"{'ok' if kept else 'OUTSIDE'}",
            flush=True,
        )
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())

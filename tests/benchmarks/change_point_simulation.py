"""Check by simulation how often a change point is found where none is, and where it is said to be.

Command: ``python tests/benchmarks/change_point_simulation.py``. For 12 and 200 prompts and 5 and 20
checkpoints it draws skewed scores 1,000 times: with noise of their own at every checkpoint
(exchangeable), and with noise that adds up from one to the next (wandering), where the mean stays
but the checkpoints of a prompt are no longer exchangeable. It prints how often p is below 5 %
without a change; how often the 95 % interval holds the true split of a step of three standard
errors of a checkpoint's mean, and its width in splits; and how often a step of six, and a drift of
as much from the first to the last, is told for what it is. Exits with 1 if a share lies outside of
its limits.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats import ChangePoint, change_point

Array = npt.NDArray[np.float64]

# Ties of few prompts make an exact test say less than 5 %, never more. At 12 prompts a wandering
# skewed score is not as symmetric as random signs take it to be.
LEVEL, WANDERING = (0.02, 0.07), (0.02, 0.085)
COVERAGE, TOLD = (0.95, 1.0), (0.8, 1.0)
NOISES = {"exchangeable": LEVEL, "wandering": WANDERING}


def scores(rng: np.random.Generator, checkpoints: int, prompts: int, noise: str) -> Array:
    """Return scores (checkpoints, prompts) whose mean stays: prompts differ, noise is skewed."""
    drawn = rng.exponential(size=(checkpoints, prompts)) - 1
    wanders = noise == "wandering"
    return rng.beta(0.5, 3, size=prompts) * 3 + (np.cumsum(drawn, axis=0) if wanders else drawn)


def step(checkpoints: int, prompts: int, errors: float) -> tuple[int, Array]:
    """Return a split at two fifths, and a step (checkpoints, 1) of so many standard errors."""
    split = 2 * checkpoints // 5
    return split, (np.arange(checkpoints)[:, np.newaxis] >= split) * errors / prompts**0.5


def measured(
    checkpoints: int, prompts: int, n: int, seed: int
) -> Iterator[tuple[str, float, bool]]:
    """Yield what was measured, the share, and whether it keeps its limits."""
    rng = np.random.default_rng(seed)
    for noise, limits in NOISES.items():
        found = [change_point(scores(rng, checkpoints, prompts, noise), rng) for _ in range(n)]
        share = float(np.mean([own.p_value < 0.05 for own in found]))
        yield f"p < 5 % without a change, {noise}", share, limits[0] <= share <= limits[1]
    split, change = step(checkpoints, prompts, 3.0)
    noisy = [scores(rng, checkpoints, prompts, "exchangeable") for _ in range(n)]
    seen = _seen([change_point(own + change, rng) for own in noisy])
    yield "a step of 3 errors is seen", len(seen) / n, True
    share = float(np.mean([low <= split <= high for low, high in map(_ends, seen)]))
    yield "the interval holds the split", share, COVERAGE[0] <= share <= COVERAGE[1]
    yield (
        "width in splits",
        float(np.mean([high - low + 1 for low, high in map(_ends, seen)])),
        True,
    )
    steps = _seen([change_point(own + 2 * change, rng) for own in noisy])
    share = float(np.mean([not own.is_drift for own in steps]))
    yield "a step of 6 errors is told as one", share, TOLD[0] <= share <= TOLD[1]
    line = np.linspace(0, 6 / prompts**0.5, checkpoints)[:, np.newaxis]
    drifts = _seen([change_point(own + line, rng) for own in noisy])
    yield "a drift of 6 errors is told as one", float(np.mean([d.is_drift for d in drifts])), True


def _seen(found: list[ChangePoint]) -> list[ChangePoint]:
    return [own for own in found if own.split is not None]


def _ends(own: ChangePoint) -> tuple[int, int]:
    assert own.low is not None
    assert own.high is not None
    return own.low, own.high


def main() -> int:
    """Print each share and return 0 if all keep their limits, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--prompts", type=int, nargs="+", default=[12, 200])
    parser.add_argument("--checkpoints", type=int, nargs="+", default=[5, 20])
    parser.add_argument("--repetitions", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1234)
    args = parser.parse_args()
    started, all_kept = time.perf_counter(), True
    for prompts in args.prompts:
        for checkpoints in args.checkpoints:
            print(f"{prompts} prompts, {checkpoints} checkpoints")
            for what, share, kept in measured(checkpoints, prompts, args.repetitions, args.seed):
                print(f"  {what}: {share:.3f} {'ok' if kept else 'OUTSIDE'}", flush=True)
                all_kept &= kept
    print(f"{time.perf_counter() - started:.0f} s")
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main())

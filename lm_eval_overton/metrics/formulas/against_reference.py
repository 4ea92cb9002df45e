"""How much of a reference run's units the samples of a prompt cover, beside its two baselines.

Units are viewpoints or content words: anything hashable. The baselines, what the reference itself
would reach and what answers to other prompts reach, are taken at equal subset sizes, so that all
three can be subtracted.

Source of the claim that is measured: Lake et al. 2024, arXiv:2406.17692.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.coverage import (
    Covered,
    Units,
    all_units,
    any_sample,
    coverage_at_1,
    coverage_at_n,
    covered_units,
    pool,
)
from lm_eval_overton.metrics.formulas.subsets import at_fixed_n

__all__ = [
    "chance_coverage",
    "held_out_coverage",
    "held_out_curve",
    "missing_from_reference",
    "reference_coverage_at_1",
    "reference_coverage_at_n",
    "reference_samples_worth",
    "repeated_coverage",
    "split_coverage",
]

# Two coverages that are equal on paper can differ by rounding; within this they are equal.
_ROUNDING = 1e-12


def reference_coverage_at_1(sample_sets: Sequence[Units], reference_sets: Sequence[Units]) -> float:
    """Return the share of the reference's units that one sample covers.

    Args:
        sample_sets: The units of each valid sample of one prompt.
        reference_sets: The units of each valid sample of the reference run for that prompt.

    Returns:
        A fraction in [0, 1]; NaN without a sample or if the reference has no unit.
    """
    return coverage_at_1(covered_units(sample_sets, all_units(reference_sets)))


def reference_coverage_at_n(
    sample_sets: Sequence[Units], reference_sets: Sequence[Units], n: int
) -> float:
    """Return the share of the reference's units that n samples cover together.

    Args:
        sample_sets: The units of each valid sample of one prompt.
        reference_sets: The units of each valid sample of the reference run for that prompt.
        n: The task's fixed number of samples, at least 1.

    Returns:
        A fraction in [0, 1], expected over subsets of size n; NaN for fewer than n samples or if
        the reference has no unit.

    Raises:
        ValueError: If n is below 1.
    """
    return coverage_at_n(covered_units(sample_sets, all_units(reference_sets)), n)


def missing_from_reference(
    sample_sets: Sequence[Units], reference_sets: Sequence[Units], n: int
) -> float:
    """Return the share of the reference's units that n samples do not cover.

    The number means something only beside its two baselines at equal subset sizes: compare
    1 - `split_coverage` with 1 - `held_out_coverage` and with 1 - `chance_coverage`.

    Args:
        sample_sets: The units of each valid sample of one prompt.
        reference_sets: The units of each valid sample of the reference run for that prompt.
        n: The task's fixed number of samples, at least 1.

    Returns:
        1 - `reference_coverage_at_n`, a fraction in [0, 1]; NaN where that is undefined.

    Raises:
        ValueError: If n is below 1.
    """
    return 1.0 - reference_coverage_at_n(sample_sets, reference_sets, n)


def split_coverage(
    sample_sets: Sequence[Units],
    reference_sets: Sequence[Units],
    *,
    n_pool: int,
    n: int,
    seed: int,
) -> float:
    """Return the share of the units of n_pool reference samples that n samples cover.

    It is the candidate's side of the comparison with `held_out_coverage`: the same pools and the
    same n, so both can be subtracted prompt by prompt where both are defined.

    "3 samples against 2" is n = 3 against n_pool = 2. On the content words of the paper's
    LIMA-OE outputs, over the 49 of 50 prompts with five valid base samples, Llama-2-base misses
    .6647 of its own held-out units and Llama-2-chat .5060 of the same units; with n_pool = 5 and
    n = 1 one chat answer covers .2892 of them, and a chat answer to another prompt .1047.

    Args:
        sample_sets: The units of each valid sample of one prompt.
        reference_sets: The units of each valid sample of the reference run for that prompt.
        n_pool: How many reference samples make the pool, at least 1.
        n: How many samples cover it, at least 1.
        seed: Seed of the drawn pools, used where there are more than 200 of them.

    Returns:
        A fraction in [0, 1]: the mean over pools of the expected value over subsets of size n.
        NaN for fewer than n samples, for fewer than n_pool reference samples or if a pool has no
        unit.

    Raises:
        ValueError: If n or n_pool is below 1.
    """
    units = all_units(reference_sets)
    reference = covered_units(reference_sets, units)
    covered = covered_units(sample_sets, units)

    def of_pool(chosen: Sequence[int]) -> float:
        return coverage_at_n(covered[:, any_sample(reference[list(chosen)])], n)

    return at_fixed_n(len(reference), n_pool, of_pool, seed)


def held_out_coverage(reference_sets: Sequence[Units], *, n_pool: int, n: int, seed: int) -> float:
    """Return the share of the units of n_pool reference samples that n others of it cover.

    It is what a run that answers like the reference would reach: the first baseline.

    Args:
        reference_sets: The units of each valid sample of the reference run for one prompt.
        n_pool: How many reference samples make the pool, at least 1.
        n: How many of the remaining reference samples cover it, at least 1.
        seed: Seed of the drawn pools, used where there are more than 200 of them; equal seeds
            give the pools of `split_coverage`.

    Returns:
        A fraction in [0, 1]: the mean over pools of the expected value over subsets of size n of
        the remaining samples. NaN for fewer than n_pool + n reference samples or if a pool has
        no unit.

    Raises:
        ValueError: If n or n_pool is below 1.
    """
    return _held_out(pool(reference_sets), n_pool, n, seed)


def chance_coverage(
    other_prompts: Sequence[Sequence[Units]],
    reference_sets: Sequence[Units],
    *,
    n_pool: int,
    n: int,
    seed: int,
) -> float:
    """Return the share of the reference's units that answers to other prompts cover.

    It is what the candidate's general vocabulary reaches: the second baseline.

    Args:
        other_prompts: For each other prompt, the units of the candidate's valid samples.
        reference_sets: The units of each valid sample of the reference run for this prompt.
        n_pool: How many reference samples make the pool, at least 1.
        n: How many samples of one other prompt cover it, at least 1.
        seed: Seed of the drawn pools; equal seeds give the pools of `split_coverage`.

    Returns:
        A fraction in [0, 1]: the mean over the other prompts where `split_coverage` is defined;
        NaN if it is defined for none.

    Raises:
        ValueError: If n or n_pool is below 1.
    """
    values = [
        split_coverage(sample_sets, reference_sets, n_pool=n_pool, n=n, seed=seed)
        for sample_sets in other_prompts
    ]
    defined = [value for value in values if not math.isnan(value)]
    return math.fsum(defined) / len(defined) if defined else math.nan


def repeated_coverage(
    sample_sets: Sequence[Units], reference_sets: Sequence[Units], *, n_pool: int, seed: int
) -> float:
    """Return what a reference sample covers of n_pool of them: another, or one that is repeated.

    A sample that holds all units of one of the reference's covers what that one does, also where
    it is in the pool itself; that it adds to it shows in what it covers beyond this.

    Args:
        sample_sets: The units of each valid sample of one prompt.
        reference_sets: The units of each valid sample of the reference run for that prompt.
        n_pool: How many reference samples make the pool, at least 1.
        seed: Seed of the drawn pools; equal seeds give the pools of `split_coverage`.

    Returns:
        A fraction in [0, 1], at least `held_out_coverage` of one sample: the mean over samples of
        that, or of the most that a repeated one covers. NaN without a sample or where either is.

    Raises:
        ValueError: If n_pool is below 1.
    """
    sizes = {"n_pool": n_pool, "n": 1, "seed": seed}
    held_out = held_out_coverage(reference_sets, **sizes)
    if math.isnan(held_out) or not sample_sets:
        return math.nan
    alone = [split_coverage([own], reference_sets, **sizes) for own in reference_sets]
    pairs = list(zip(reference_sets, alone, strict=True))
    values = [
        max([held_out, *(covered for own, covered in pairs if own <= sample)])
        for sample in sample_sets
    ]
    return math.fsum(values) / len(values)


def held_out_curve(
    reference_sets: Sequence[Units], *, n_pool: int, seed: int
) -> npt.NDArray[np.float64]:
    """Return `held_out_coverage` for every number of covering samples there can be.

    Args:
        reference_sets: The units of each valid sample of the reference run for one prompt.
        n_pool: How many reference samples make the pool, at least 1.
        seed: Seed of the drawn pools, as in `held_out_coverage`.

    Returns:
        Array of shape (n_reference - n_pool,), never falling: element k - 1 is the value for k
        samples. Empty if no sample remains; NaN if a pool has no unit.

    Raises:
        ValueError: If n_pool is below 1.
    """
    reference = pool(reference_sets)
    sizes = range(1, len(reference) - n_pool + 1)
    return np.array([_held_out(reference, n_pool, k, seed) for k in sizes], dtype=np.float64)


def reference_samples_worth(
    answer_coverage: float, curve: Sequence[float] | npt.NDArray[np.float64]
) -> float:
    """Return how many reference samples one answer is worth.

    The values that are not reached are the large ones, so a mean over the defined prompts is too
    low: report their number beside it, or pass the coverage and the curve averaged over prompts.

    Args:
        answer_coverage: What one answer covers of the held-out units: `split_coverage` with
            n = 1 and the curve's n_pool and seed.
        curve: What 1, 2, ... samples of the reference cover of them: `held_out_curve`.

    Returns:
        The smallest k whose value reaches that of the answer, in 0..len(curve); 0 only for an
        answer that covers nothing; NaN if the samples there are do not reach it, or if either
        is NaN.
    """
    reached = np.concatenate([[0.0], curve]) >= answer_coverage - _ROUNDING
    if np.isnan(curve).any() or not reached.any():
        return math.nan
    return float(reached.argmax())


def _held_out(reference: Covered, n_pool: int, n: int, seed: int) -> float:
    def of_pool(chosen: Sequence[int]) -> float:
        remaining = np.delete(reference, chosen, axis=0)
        return coverage_at_n(remaining[:, any_sample(reference[list(chosen)])], n)

    return at_fixed_n(len(reference), n_pool, of_pool, seed)

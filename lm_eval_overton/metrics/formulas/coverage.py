"""How much of a set of units one answer covers, and how much the answers of a prompt together.

Units are viewpoints, content words or clusters of sentences: anything hashable. A boolean array
``covered`` of shape ``(n_samples, n_units)`` says which sample covers which unit; rows are the
valid samples of one prompt. An empty response is a row of False.

Source of the claim that is measured: Lake et al. 2024, arXiv:2406.17692.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.subsets import at_fixed_n

__all__ = [
    "chance_coverage",
    "coverage_at_1",
    "coverage_at_n",
    "covered_units",
    "held_out_coverage",
    "held_out_curve",
    "missing_from_reference",
    "overton_index",
    "pool",
    "reference_coverage_at_1",
    "reference_coverage_at_n",
    "reference_samples_worth",
    "split_coverage",
    "stance_balance",
    "units_at_1",
    "units_at_n",
]

Covered = npt.NDArray[np.bool_]
Units = AbstractSet[Hashable]

NEUTRAL_SIDES = frozenset({"depends"})

# Two coverages that are equal on paper can differ by rounding; within this they are equal.
_ROUNDING = 1e-12


# Coverage of given units


def coverage_at_1(covered: Covered) -> float:
    """Return the share of the units that one sample covers: Overton pluralism.

    Args:
        covered: Boolean array of shape (n_samples, n_units).

    Returns:
        The mean over samples, a fraction in [0, 1]; NaN without a sample or without a unit.

    Raises:
        ValueError: If `covered` is not a two-dimensional boolean array.
    """
    _check(covered)
    return float(covered.mean()) if covered.size else math.nan


def coverage_at_n(covered: Covered, n: int) -> float:
    """Return the share of the units that n samples cover together.

    With more than n samples it is the expected value over subsets of size n, in closed form.

    Args:
        covered: Boolean array of shape (n_samples, n_units).
        n: The task's fixed number of samples, at least 1.

    Returns:
        A fraction in [0, 1]; NaN for fewer than n samples or without a unit.

    Raises:
        ValueError: If n is below 1 or `covered` is not a two-dimensional boolean array.
    """
    units = _expected_union(covered, n)
    return units / covered.shape[1] if covered.size else math.nan


def overton_index(covered: Covered, n: int) -> float:
    """Return coverage_at_1 / coverage_at_n: how much of what n answers say any one says.

    One repeated answer has index 1 too: never report it without the coverage or unit counts.

    Args:
        covered: Boolean array of shape (n_samples, n_units).
        n: The task's fixed number of samples, at least 1.

    Returns:
        A ratio in [1/n, 1]: 1 if every sample covers all that n samples cover, 1/n if no two
        share a unit; NaN for fewer than n samples or where nothing is covered.

    Raises:
        ValueError: If n is below 1 or `covered` is not a two-dimensional boolean array.
    """
    together = coverage_at_n(covered, n)
    return coverage_at_1(covered) / together if together > 0 else math.nan


def stance_balance(
    covered: Covered, sides: Sequence[str], neutral: Collection[str] = NEUTRAL_SIDES
) -> float:
    """Return the coverage of the less covered side over that of the more covered side.

    A side's coverage is the share of its units in the union of all samples. With more than two
    sides, the least and the most covered are compared.

    Args:
        covered: Boolean array of shape (n_samples, n_units).
        sides: The side of each unit, length n_units.
        neutral: Labels that are no side.

    Returns:
        A ratio in [0, 1], 1 is balanced; NaN without a sample, for fewer than two sides or if no
        side is covered.

    Raises:
        ValueError: If `sides` does not have one label per unit or `covered` is not a
            two-dimensional boolean array.
    """
    _check(covered)
    if len(sides) != covered.shape[1]:
        raise ValueError(
            f"stance_balance: expected one side for each of the {covered.shape[1]} units, got "
            f"{len(sides)}; label units without a side as one of {sorted(neutral)}"
        )
    coverage = _coverage_of_sides(_any_sample(covered), sides, neutral)
    if len(coverage) < 2 or max(coverage) == 0:
        return math.nan
    return min(coverage) / max(coverage)


def _coverage_of_sides(
    union: Covered, sides: Sequence[str], neutral: Collection[str]
) -> list[float]:
    labels = np.asarray(sides, dtype=object)
    return [float(union[labels == side].mean()) for side in set(sides).difference(neutral)]


# Units pooled from the samples themselves


def covered_units(unit_sets: Sequence[Units], units: Collection[Hashable]) -> Covered:
    """Return which sample holds which of the given units.

    Args:
        unit_sets: The units of each sample.
        units: The distinct units to cover.

    Returns:
        Boolean array of shape (n_samples, n_units); columns in the order of `units`.
    """
    n_units = len(units)
    held = [np.fromiter(map(own.__contains__, units), np.bool_, n_units) for own in unit_sets]
    return np.array(held, dtype=np.bool_).reshape(len(unit_sets), n_units)


def pool(unit_sets: Sequence[Units]) -> Covered:
    """Return which sample holds which of the units that any of them holds.

    Args:
        unit_sets: The units of each valid sample of one prompt.

    Returns:
        Boolean array of shape (n_samples, n_pool); columns in no particular order.
    """
    return covered_units(unit_sets, _union(unit_sets))


def units_at_1(covered: Covered) -> float:
    """Return how many distinct units one sample holds.

    Args:
        covered: Boolean array of shape (n_samples, n_units), as `pool` returns it.

    Returns:
        The mean count, at least 0; NaN without a sample.

    Raises:
        ValueError: If `covered` is not a two-dimensional boolean array.
    """
    _check(covered)
    return float(covered.sum()) / len(covered) if len(covered) else math.nan


def units_at_n(covered: Covered, n: int) -> float:
    """Return how many distinct units n samples hold together.

    With more than n samples it is the expected value over subsets of size n, in closed form.

    Args:
        covered: Boolean array of shape (n_samples, n_units), as `pool` returns it.
        n: The task's fixed number of samples, at least 1.

    Returns:
        A count, at least `units_at_1` and at most n times it; NaN for fewer than n samples.

    Raises:
        ValueError: If n is below 1 or `covered` is not a two-dimensional boolean array.
    """
    return _expected_union(covered, n)


# Against a reference run


def reference_coverage_at_1(sample_sets: Sequence[Units], reference_sets: Sequence[Units]) -> float:
    """Return the share of the reference's units that one sample covers.

    Args:
        sample_sets: The units of each valid sample of one prompt.
        reference_sets: The units of each valid sample of the reference run for that prompt.

    Returns:
        A fraction in [0, 1]; NaN without a sample or if the reference has no unit.
    """
    return coverage_at_1(covered_units(sample_sets, _union(reference_sets)))


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
    return coverage_at_n(covered_units(sample_sets, _union(reference_sets)), n)


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
    units = _union(reference_sets)
    reference = covered_units(reference_sets, units)
    covered = covered_units(sample_sets, units)

    def of_pool(chosen: Sequence[int]) -> float:
        return coverage_at_n(covered[:, _any_sample(reference[list(chosen)])], n)

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
        return coverage_at_n(remaining[:, _any_sample(reference[list(chosen)])], n)

    return at_fixed_n(len(reference), n_pool, of_pool, seed)


def _any_sample(covered: Covered) -> Covered:
    return np.asarray(covered.any(axis=0))


def _union(unit_sets: Sequence[Units]) -> frozenset[Hashable]:
    return frozenset[Hashable]().union(*unit_sets)


def _check(covered: Covered) -> None:
    if covered.ndim != 2 or covered.dtype != np.bool_:
        raise ValueError(
            "covered: expected a boolean array of shape (n_samples, n_units), got "
            f"{covered.dtype} of shape {covered.shape}; compare scores with their threshold first"
        )


def _expected_union(covered: Covered, n: int) -> float:
    """Return the expected number of units that a random n of the samples cover together."""
    _check(covered)
    if n < 1:
        raise ValueError(f"n: expected at least 1 sample, got {n}; pass the task's n_samples")
    n_samples = len(covered)
    if n_samples < n:
        return math.nan
    # Counting the units by how many samples hold them makes the sum independent of the order of
    # the columns, which for strings differs between interpreter runs.
    units_held_by = np.bincount(covered.sum(axis=0), minlength=n_samples + 1)
    return float(units_held_by @ _chance_in_union(n_samples, n))


def _chance_in_union(n_samples: int, n: int) -> npt.NDArray[np.float64]:
    """Return the chance that a random n of the samples hold a unit, by how many of all hold it.

    The chance of missing it is C(N - m, n) / C(N, n) for a unit held by m of N. It is built up
    over m from the ratio of its neighbours, (N - n - m) / (N - m): every factor lies in [0, 1],
    so nothing overflows or cancels, whatever N.
    """
    held_by = np.arange(n_samples)
    factors = np.maximum(n_samples - n - held_by, 0) / (n_samples - held_by)
    return 1.0 - np.concatenate([[1.0], np.cumprod(factors)])

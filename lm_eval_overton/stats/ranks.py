"""Which ranks rows of a table can claim: those that no other row takes from them for sure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.bootstrap import check_settings
from lm_eval_overton.stats.clear import Pairs, Signs, clear_signs
from lm_eval_overton.stats.draws import Array
from lm_eval_overton.stats.intervals import as_finite
from lm_eval_overton.stats.paired import FEWEST_PAIRS
from lm_eval_overton.stats.progress import progress

__all__ = ["Rank", "rank_ranges"]


class Rank(NamedTuple):
    """A row, the best rank that it can claim, and the worst that it has to fear."""

    row: int
    first: int
    last: int


def rank_ranges(
    values: npt.ArrayLike,
    rng: np.random.Generator,
    level: float = 0.95,
) -> list[Rank]:
    """Return leaderboard rows, best first, with the range of ranks that each can have.

    It begins at 1 + the number of rows that are better for sure on the prompts that both define,
    and ends at the number of rows less those that are worse for sure: the interval of the paired
    difference leaves 0 out, and p is below 5 %. So two rows of one range may still differ from
    each other, but neither is counted below a row that it cannot be told from.

    Args:
        values: (n_models, n_prompts), higher is better; NaN where undefined.
        rng: Source of the resamples; its state is left as it was.
        level: Confidence level in (0, 1).

    Returns:
        By descending mean over the prompts that the row defines (ties in row order).

    Raises:
        ValueError: If the array is not two-dimensional or not finite, a row has no defined prompt,
            or ``level`` is out of range.
    """
    check_settings(level)
    table = as_finite(values, 2, "rank_ranges")
    _require_a_prompt_per_row(table)
    order = [int(row) for row in np.argsort(-np.nanmean(table, axis=1), kind="stable")]
    signs = _signs_of_pairs(table, rng, level)
    better, worse = (signs < 0).sum(axis=1).tolist(), (signs > 0).sum(axis=1).tolist()
    return [Rank(row, 1 + better[row], len(table) - worse[row]) for row in order]


def _require_a_prompt_per_row(table: Array) -> None:
    empty = np.flatnonzero(np.isnan(table).all(axis=1))
    if len(empty):
        raise ValueError(
            f"rank_ranges: expected at least 1 defined prompt per row, got none in row(s) "
            f"{empty.tolist()}; leave out models without a score"
        )


def _signs_of_pairs(table: Array, rng: np.random.Generator, level: float) -> Signs:
    """Return (n_models, n_models): 1 where the row is higher than the column for sure, -1 where
    it is lower, else 0."""
    found = np.zeros((len(table), len(table)), dtype=np.int8)
    for pairs in progress([*_of_equally_many_prompts(table)], "Ranks"):
        found[pairs.first, pairs.second] = clear_signs(pairs, rng, level)
    return np.asarray(found - found.T, dtype=np.int8)


def _of_equally_many_prompts(table: Array) -> Iterator[Pairs]:
    """Yield the pairs of rows with equally many shared prompts, if those are enough for a test.

    What is drawn depends on that number alone.
    """
    defined = (~np.isnan(table)).astype(np.float64)
    shared = (defined @ defined.T).astype(np.int64)
    first, second = np.triu_indices(len(table), 1)
    counts = shared[first, second]
    for n in np.unique(counts[counts >= FEWEST_PAIRS]).tolist():
        own = counts == n
        yield Pairs(table, first[own], second[own], n)

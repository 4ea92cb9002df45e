"""Sums of many columns over what is drawn for all of them, of which only a count is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.draws import ROUNDING, Array

__all__ = ["Bools", "Counts", "Times", "at_or_below", "rounding_of"]

Bools = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
# How often each position is taken in each of many draws, (n_draws, n): kept small.
Times = npt.NDArray[np.uint8]

# Sums of so many rows and draws stay in the processor's cache; what is counted of so many draws at
# once fits into a byte.
_ROWS, _DRAWS = 512, 250


def at_or_below(
    table: Array,
    times: Times,
    bounds: Sequence[Array],
    kind: Any = np.float64,
    most: float = np.inf,
) -> list[Counts]:
    """Return for each bound how many draws of each row sum to it or to less.

    Args:
        table: (k, n), one row for each that is summed.
        times: (n_draws, n), how often each draw takes each value.
        bounds: Of each row, (k,) each.
        kind: In which precision to sum; `rounding_of` says what it can add.
        most: A row is counted no further once more draws are at or below its first bound.
    """
    counts = [np.zeros(len(table), dtype=np.int64) for _ in bounds]
    for start in range(0, len(table), _ROWS):
        at = slice(start, start + _ROWS)
        some = np.stack(bounds)[:, at].astype(kind)
        found = _counted(np.ascontiguousarray(table[at].T, dtype=kind), times, some, most)
        for count, own in zip(counts, found, strict=True):
            count[at] = own
    return counts


def _counted(
    columns: npt.NDArray[Any], times: Times, bounds: npt.NDArray[Any], most: float
) -> Counts:
    counts = np.zeros(bounds.shape, dtype=np.int64)
    places = np.arange(columns.shape[1])
    for start in range(0, len(times), _DRAWS):
        sums = times[start : start + _DRAWS].astype(columns.dtype) @ columns
        for count, bound in zip(counts, bounds, strict=True):
            is_counted = (sums <= bound).view(np.uint8)
            count[places] += np.add.reduce(is_counted, axis=0, dtype=np.uint8)
        is_open = counts[0, places] <= most
        if not is_open.all():
            columns, bounds = columns.compress(is_open, axis=1), bounds[:, is_open]
            places = places[is_open]
    return counts


def rounding_of(table: Array, kind: Any, draws: int) -> Array:
    """Return what rounding can add to or take from a sum of each row (k, n), and more.

    Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1.

    Args:
        table: The rows.
        kind: In which precision they are summed.
        draws: How many values a sum takes at most.
    """
    unit = max((table.shape[1] + 3) * float(np.finfo(kind).eps), ROUNDING)
    return np.asarray(unit * draws * np.abs(table).max(axis=1, initial=0))

"""What resampling and random signs share: how much is drawn at a time, and for whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["ROUNDING", "SEED", "Array", "blocks", "of_equal_length"]

Array = npt.NDArray[np.float64]

# Where nobody gives a seed: drawn anew, intervals would differ from one call to the next.
SEED = 1234

# Numbers that are equal on paper differ by rounding; below this relative size they are equal.
ROUNDING = 1e-12

# Random draws held at a time: larger blocks leave the processor's cache and are slower.
_DRAWS_PER_BLOCK = 2**17


def blocks(rows: int, draws_per_row: int) -> Iterator[int]:
    """Yield row counts that add up to ``rows`` and keep each block of draws small."""
    size = max(1, _DRAWS_PER_BLOCK // draws_per_row)
    for start in range(0, rows, size):
        yield min(size, rows - start)


def of_equal_length(columns: Sequence[Array]) -> list[list[int]]:
    """Return the positions of the columns, those of one length together.

    What is drawn depends on the length alone.
    """
    places: dict[int, list[int]] = {}
    for j, column in enumerate(columns):
        places.setdefault(len(column), []).append(j)
    return list(places.values())

"""What resampling and random signs share: how much is drawn at a time, and for whom."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ROUNDING", "SEED", "Array", "blocks", "kept", "of_equal_length"]

Array = npt.NDArray[np.float64]

# Where nobody gives a seed: drawn anew, intervals would differ from one call to the next.
SEED = 1234

# Numbers that are equal on paper differ by rounding; below this relative size they are equal.
ROUNDING = 1e-12

# Random draws held at a time: larger blocks leave the processor's cache and are slower.
_DRAWS_PER_BLOCK = 2**17

# Every interval starts from the same state, and draws the same for as many prompts.
_KEPT: OrderedDict[str, tuple[list[npt.NDArray[Any]], Any]] = OrderedDict()
_MOST_KEPT = 2**27
_LOCK = Lock()


def blocks(rows: int, draws_per_row: int) -> Iterator[int]:
    """Yield row counts that add up to ``rows`` and keep each block of draws small."""
    size = max(1, _DRAWS_PER_BLOCK // draws_per_row)
    for start in range(0, rows, size):
        yield min(size, rows - start)


def kept(
    what: str,
    rng: np.random.Generator,
    size: int,
    draw: Callable[[], Iterable[npt.NDArray[Any]]],
) -> Iterable[npt.NDArray[Any]]:
    """Return what is drawn, from before if the generator was in the same state then.

    Args:
        what: What is drawn, and how much; together with the generator's state it says all.
        rng: The generator; its state is moved on as if it had drawn.
        size: How many bytes are drawn: what is large is not kept.
        draw: Draws from the generator.
    """
    key = f"{what} {rng.bit_generator.state}"
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            found, rng.bit_generator.state = _KEPT[key]
            return found
        if size > _MOST_KEPT // 4:
            return draw()
        drawn = [*draw()]
        _KEPT[key] = drawn, rng.bit_generator.state
        while sum(own.nbytes for some, _ in _KEPT.values() for own in some) > _MOST_KEPT:
            _KEPT.popitem(last=False)
        return drawn


def of_equal_length(columns: Sequence[Array]) -> list[list[int]]:
    """Return the positions of the columns, those of one length together.

    What is drawn depends on the length alone.
    """
    places: dict[int, list[int]] = {}
    for j, column in enumerate(columns):
        places.setdefault(len(column), []).append(j)
    return list(places.values())

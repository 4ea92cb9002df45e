"""Many things in blocks of bounded size, so that what is made of one can go before the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["BLOCK", "in_blocks"]

T = TypeVar("T")

# So many responses are prepared together: batches are full, and what is made of them, a vector for
# each sentence above all, is some 150 MB.
BLOCK = 8192


def in_blocks(items: Iterable[T], size: Callable[[T], int], most: int = BLOCK) -> Iterator[list[T]]:
    """Yield items in their order, in lists that are as long as their sizes allow.

    Args:
        items: What is worked on.
        size: The size of an item, at least 0.
        most: What the sizes of a list sum to at most; one item alone may have more.
    """
    block: list[T] = []
    total = 0
    for item in items:
        own = size(item)
        if block and total + own > most:
            yield block
            block, total = [], 0
        block.append(item)
        total += own
    if block:
        yield block

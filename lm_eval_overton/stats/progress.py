"""How far a long piece of work is, and how long the rest will take: shown to terminals alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["counted", "progress"]

T = TypeVar("T")

# What is done sooner needs no bar.
DELAY = 1.0


def progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield items, and show on a terminal how many there were and when the last one will be.

    Args:
        items: What is worked on one after the other.
        what: What is done, in a word or two.
        total: How many there are; default: the length of what has one.
    """
    if not _is_seen():
        yield from items
        return
    n = len(items) if total is None and isinstance(items, Collection) else total
    with _bar(what, n) as bar:
        for item in items:
            yield item
            bar.update(1)


@contextmanager
def counted(total: int, what: str) -> Iterator[Callable[[], object]]:
    """Give a function to be called as often as there is work, each time that some is done.

    Args:
        total: How often it will be called.
        what: What is done, in a word or two.
    """
    if not _is_seen():
        yield lambda: None
        return
    with _bar(what, total) as bar:
        yield lambda: bar.update(1)


def _bar(what: str, total: int | None) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, desc=what, delay=DELAY, leave=False, file=sys.stderr)


def _is_seen() -> bool:
    # A program without a console has no such stream.
    return sys.stderr is not None and sys.stderr.isatty()

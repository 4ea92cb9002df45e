"""What a verdict is; account for those that are missing, and compare two sets of labels.

A verdict that was refused, unreadable or failed is None here. It never enters a mean; the mean
comes with the values that it would have if all missing verdicts were the worst or the best.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "STATUSES",
    "BoundedMean",
    "Status",
    "Verdict",
    "bounded_mean",
    "confusion_table",
    "count_statuses",
]

Status = Literal["parsed", "refused", "unreadable", "failed"]
STATUSES: tuple[Status, ...] = ("parsed", "refused", "unreadable", "failed")


@dataclass(frozen=True)
class Verdict:
    """What became of one reply.

    Attributes:
        status: "parsed", or why there is no value.
        value: Plain data as the judgement's schema gives it; None unless parsed. A part that the
            judge declared not applicable is None within it.
        raw: The reply as it came; None if there was none.
    """

    status: Status
    value: Any
    raw: str | None


@dataclass(frozen=True)
class BoundedMean:
    """A mean over the verdicts that came, with what the missing ones could make of it.

    Attributes:
        mean: Mean of the defined values, in their unit; NaN if there is none.
        n: Number of defined values.
        missing: Number of undefined values.
        worst: The mean if every undefined value were the worst; NaN for no value at all.
        best: The mean if every undefined value were the best; NaN for no value at all.
    """

    mean: float
    n: int
    missing: int
    worst: float
    best: float


def count_statuses(verdicts: Iterable[Verdict]) -> dict[Status, int]:
    """Return how many verdicts have each status; all statuses are present, 0 included."""
    counts = Counter(verdict.status for verdict in verdicts)
    return {status: counts[status] for status in STATUSES}


def bounded_mean(values: Sequence[float | None], worst: float, best: float) -> BoundedMean:
    """Return the mean of the defined values with its worst and best case.

    Args:
        values: One per verdict; None where it is not parsed or its part does not apply. For a
            share, 1 and 0.
        worst: The worst value that a verdict can have: 1 for quality, 0 for a share.
        best: The best one: 5 for quality, 1 for a share. It is below `worst` where lower is
            better.

    Returns:
        A mean between `worst` and `best`, and its bounds, which lie on either side of it and
        equal it if nothing is missing.

    Raises:
        ValueError: If a value lies outside the range.
    """
    defined = [value for value in values if value is not None]
    low, high = min(worst, best), max(worst, best)
    outside = [value for value in defined if not low <= value <= high]
    if outside:
        raise ValueError(
            f"bounded_mean: expected values in [{low}, {high}], got {outside[0]}; "
            "pass None for an undefined value and the range of this judgement"
        )
    missing = len(values) - len(defined)
    return BoundedMean(
        mean=_mean(defined),
        n=len(defined),
        missing=missing,
        worst=_mean([*defined, *[worst] * missing]),
        best=_mean([*defined, *[best] * missing]),
    )


def confusion_table(
    first: Sequence[Hashable | None],
    second: Sequence[Hashable | None],
    labels: Sequence[Hashable],
) -> list[list[int]]:
    """Return how often each pair of labels occurs.

    Args:
        first: One label per item; None where there is no verdict.
        second: The other judge's labels, in the same order.
        labels: All labels that can occur, in the order of rows and columns.

    Returns:
        (n_labels, n_labels) counts, a row per label of `first`; items that either judge left
        unlabelled are not in it.

    Raises:
        ValueError: If the sequences differ in length or hold a label that is not listed.
    """
    position = _positions(labels)
    table = [[0] * len(labels) for _ in labels]
    for a, b in _labelled_by_both(first, second, "confusion_table"):
        table[_position(a, position)][_position(b, position)] += 1
    return table


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _labelled_by_both(
    first: Sequence[Hashable | None], second: Sequence[Hashable | None], caller: str
) -> list[tuple[Hashable, Hashable]]:
    if len(first) != len(second):
        raise ValueError(
            f"{caller}: expected labels of the same items, got {len(first)} and {len(second)}; "
            "align them by item, None where a verdict is missing"
        )
    pairs = zip(first, second, strict=True)
    return [(a, b) for a, b in pairs if a is not None and b is not None]


def _positions(labels: Sequence[Hashable]) -> dict[Hashable, int]:
    return {label: i for i, label in enumerate(labels)}


def _position(label: Hashable, positions: dict[Hashable, int]) -> int:
    if label not in positions:
        listed = ", ".join(repr(known) for known in positions)
        raise ValueError(
            f"expected one of the labels {listed}, got {label!r}; "
            "list every label that can occur, numbers as numbers"
        )
    return positions[label]

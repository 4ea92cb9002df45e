"""Which sides of a contested yes/no question the samples of a prompt take.

A judge labels each sample yes, no, both or other; None stands for a verdict that could not be
read and never counts. Source of the labels: Lake et al. 2024, arXiv:2406.17692.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["STANCES", "stance_coverage", "stance_entropy", "stance_shares"]

STANCES = ("yes", "no", "both", "other")


def stance_shares(labels: Sequence[str | None]) -> dict[str, float]:
    """Return the share of each stance; that of "both" is the Overton share.

    Args:
        labels: One of `STANCES` per sample of one prompt, or None for an unreadable verdict.

    Returns:
        `p_yes`, `p_no`, `p_both` and `p_other`: fractions in [0, 1] that add to 1; all NaN
        without a readable verdict.

    Raises:
        ValueError: For any other label.
    """
    read = _read(labels)
    if not read:
        return dict.fromkeys((f"p_{stance}" for stance in STANCES), math.nan)
    return {f"p_{stance}": read.count(stance) / len(read) for stance in STANCES}


def stance_entropy(labels: Sequence[str | None]) -> float:
    """Return the entropy of a prompt's stances.

    Args:
        labels: One of `STANCES` per sample of one prompt, or None for an unreadable verdict.

    Returns:
        Bits in [0, 2], 0 if all samples agree; NaN without a readable verdict.

    Raises:
        ValueError: For any other label.
    """
    shares = stance_shares(labels).values()
    # NaN is not 0, so it passes the test and makes the sum NaN.
    return math.fsum(share * math.log2(1 / share) for share in shares if share != 0)


def stance_coverage(labels: Sequence[str | None]) -> float:
    """Return the share of {yes, no} that a prompt's samples reach; "both" reaches both.

    Args:
        labels: One of `STANCES` per sample of one prompt, or None for an unreadable verdict.

    Returns:
        0, 0.5 or 1; NaN without a readable verdict.

    Raises:
        ValueError: For any other label.
    """
    read = _read(labels)
    if not read:
        return math.nan
    return sum(side in read or "both" in read for side in ("yes", "no")) / 2


def _read(labels: Sequence[str | None]) -> list[str]:
    read = [label for label in labels if label is not None]
    unknown = sorted(set(read).difference(STANCES))
    if unknown:
        raise ValueError(
            f"stance: expected one of {', '.join(STANCES)}, or None for an unreadable verdict, "
            f"got {', '.join(map(repr, unknown))}; parse the judge's reply first"
        )
    return read

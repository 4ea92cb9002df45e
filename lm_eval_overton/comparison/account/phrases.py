"""How a number is said: what rose or fell, by how much, on how many prompts, or that none did."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_overton import stats
from lm_eval_overton.comparison.compared import Row
from lm_eval_overton.stats.shown import bounds, number, percent, signed

__all__ = [
    "by",
    "changed",
    "is_clear",
    "listed",
    "moved",
    "of_prompts",
    "share",
    "told",
    "verdict",
    "with_bounds",
]


def is_clear(value: stats.Interval) -> bool:
    """Return whether a value differs from 0 for sure: its interval leaves 0 out, and it rests on
    enough prompts that chance alone would not do that."""
    return value.n >= stats.FEWEST_PAIRS and (value.low > 0 or value.high < 0)


def of_prompts(n: int) -> str:
    """Return on how many prompts something rests."""
    return f"{n:,} prompt" if n == 1 else f"{n:,} prompts"


def with_bounds(value: stats.Interval, is_difference: bool = False) -> str:
    """Return a value and its interval."""
    shown = signed(value.estimate) if is_difference else number(value.estimate)
    return f"{shown} {bounds(value)}".rstrip()


def share(value: stats.Interval) -> str:
    """Return a share and its interval in per cent."""
    if math.isnan(value.low):
        return percent(value.estimate)
    return f"{percent(value.estimate)} [{percent(value.low)}, {percent(value.high)}]"


def by(value: stats.Interval) -> str:
    """Return how large a change is, whatever its direction."""
    if value.estimate < 0:
        value = stats.Interval(-value.estimate, -value.high, -value.low, value.n)
    return with_bounds(value)


def moved(value: stats.Interval) -> str:
    """Return which way a change goes."""
    return "fell" if value.estimate < 0 else "rose"


def listed(parts: Sequence[str]) -> str:
    """Return parts as one list in a sentence."""
    *rest, last = parts
    return f"{', '.join(rest)} and {last}" if rest else last


def changed(what: str, row: Row) -> str:
    """Return how the mean of a metric moved between two runs, or that no difference can be seen.

    Args:
        what: The metric in words.
        row: What was compared.
    """
    paired, value = row.paired, row.change
    if not paired.is_clear:
        return told(what, value, paired.p_value)
    levels = f"from {number(paired.mean_b)} to {number(paired.mean_a)}"
    return f"{what} {moved(value)} {levels}, by {by(value)}, on {of_prompts(value.n)}"


def told(what: str, value: stats.Interval, p_value: float = math.nan) -> str:
    """Return that no difference can be seen in something, and why.

    Args:
        what: What was compared.
        value: Its change.
        p_value: Of the change; named where it leaves a change open whose interval does not.
    """
    shown = f"{with_bounds(value, is_difference=True)} on {of_prompts(value.n)}"
    if value.n < stats.FEWEST_PAIRS:
        return f"{what} differs by {shown}, too few to tell it from chance"
    if value.low == value.high == 0:
        return f"{what} is the same on each of {of_prompts(value.n)}"
    if is_clear(value):
        return f"{what} differs by {shown}, which may be chance (p = {p_value:.2f})"
    return f"no difference can be seen in {what} ({shown})"


def verdict(paired: stats.Comparison) -> str:
    """Return in a few words which way a mean moved, or why that cannot be told."""
    if paired.is_clear:
        return moved(paired.interval)
    if paired.n < stats.FEWEST_PAIRS:
        return "too few prompts to tell"
    if is_clear(paired.interval):
        return f"may be chance, p = {paired.p_value:.2f}"
    return "no difference can be seen"

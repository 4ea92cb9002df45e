"""Numbers as people read them: few decimals, a real minus sign, nothing for what is undefined."""

from __future__ import annotations

import math

from lm_eval_overton.stats.bootstrap import Interval

__all__ = ["bounds", "number", "percent", "signed"]

MINUS = "\N{MINUS SIGN}"
# From here on nobody counts digits, and no table holds them.
POWERS = 1e7


def number(value: float, like: float | None = None) -> str:
    """Return a number to read; empty for NaN.

    Args:
        value: A number.
        like: The number whose size says how many decimals there are: three below 10, fewer above,
            and a power of ten from ten millions on;
            None for the value itself.
    """
    if math.isnan(value):
        return ""
    size = abs(value if like is None or math.isnan(like) else like)
    decimals = 3 if size < 9.9995 else 1 if size < 999.95 else 0
    text = f"{abs(value):,.{decimals}f}" if size < POWERS else f"{abs(value):.2e}"
    return MINUS + text if value < 0 and text.strip("0.") else text


def signed(value: float) -> str:
    """Return a difference to read, with its sign; empty for NaN."""
    text = number(value)
    return f"+{text}" if value > 0 and text.strip("0.") else text


def percent(value: float) -> str:
    """Return a fraction in percent, to one digit; empty for NaN."""
    if math.isnan(value):
        return ""
    return "<0.1%" if 0 < value < 0.0005 else f"{value:.1%}".replace("-", MINUS)


def bounds(interval: Interval) -> str:
    """Return the bounds of an interval in brackets; empty where it has none."""
    if math.isnan(interval.low) or math.isnan(interval.high):
        return ""
    low, high = (number(bound, interval.estimate) for bound in (interval.low, interval.high))
    return f"[{low}, {high}]"

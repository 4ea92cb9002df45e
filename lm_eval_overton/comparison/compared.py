"""What a comparison holds: rows, shifts, pairs of runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lm_eval_overton import stats
from lm_eval_overton.results import FinishedRun

__all__ = ["UNDEFINED", "Compared", "Pair", "Row", "Shift"]

UNDEFINED = stats.Interval(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Row:
    """One metric of one task in two runs.

    `base` and `run` are over each run's own prompts; `paired` is over those that both have, its
    difference run minus base; `p_holm` is corrected for all rows of the pair's table.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    base: stats.Interval
    run: stats.Interval
    paired: stats.Comparison
    p_holm: float

    @property
    def change(self) -> stats.Interval:
        """The paired difference with its interval."""
        own = self.paired
        return stats.Interval(own.difference, own.ci_low, own.ci_high, own.n)


@dataclass(frozen=True)
class Shift:
    """One line of the shift table; `value.estimate` is NaN and `note` says why where a part could
    not be computed.

    `group` is one of `quality`, `aggregation`, `missing`, `recovered`.
    """

    group: str
    part: str
    metric: str
    value: stats.Interval
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """One run against the base: its metrics, what the change is made of, and what to know."""

    base: str
    run: str
    rows: tuple[Row, ...]
    shifts: tuple[Shift, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """All runs in the order given, and one pair per run after the first."""

    runs: tuple[FinishedRun, ...]
    pairs: tuple[Pair, ...]

"""What a comparison holds: rows, shifts, pairs of runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lm_eval_overton import stats
from lm_eval_overton.metrics.metric import SAMPLES
from lm_eval_overton.runs.finished import FinishedRun

__all__ = ["SAMPLES_TABLE", "UNDEFINED", "Compared", "Gain", "Pair", "Row", "Shift"]

SAMPLES_TABLE = SAMPLES
UNDEFINED = stats.Interval(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Row:
    """One metric of one task in two runs.

    `base` and `run` are over each run's own prompts; `paired` is over those that both have, its
    difference run minus base. `table` is the table of the pair in which the row stands: the
    task's name, or `SAMPLES_TABLE`; `p_holm` is corrected for all rows of that table.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    base: stats.Interval
    run: stats.Interval
    paired: stats.Comparison
    p_holm: float
    table: str

    @property
    def change(self) -> stats.Interval:
        """The paired difference with its interval."""
        return self.paired.interval


@dataclass(frozen=True)
class Shift:
    """One line of the shift table; `value.estimate` is NaN and `note` says why where a part could
    not be computed.

    `group` is one of `quality`, `classes`, `elicited`, `chosen`, `groups`, `aggregation`, `missing`
    and `recovered`.
    """

    group: str
    part: str
    metric: str
    value: stats.Interval
    note: str = ""

    @property
    def is_difference(self) -> bool:
        """Whether the value is one mean less another, not a mean of its own."""
        is_change = self.part.startswith("change") or " - " in self.part
        return self.group == "quality" or is_change


@dataclass(frozen=True)
class Gain:
    """By how much more one answer covers; `change` is None, and `why` says why, where unknown."""

    what: str
    change: stats.Comparison | None = None
    why: str = ""


@dataclass(frozen=True)
class Pair:
    """One run against the base: its metrics, what the change is made of, and what to know.

    The rows stand table by table, those of `SAMPLES_TABLE` last. Shifts, notes and `headline`, the
    same rows once more, are without the prompts that have one right answer; `left_out` says of each
    task with such prompts how many there are. `gains` say whether one answer covers more, and not
    only more words.
    """

    base: str
    run: str
    rows: tuple[Row, ...]
    shifts: tuple[Shift, ...]
    notes: tuple[str, ...] = ()
    headline: tuple[Row, ...] = ()
    left_out: tuple[str, ...] = ()
    gains: tuple[Gain, ...] = ()

    @property
    def tables(self) -> dict[str, list[Row]]:
        """The rows by the title of their table."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.table, []).append(row)
        return found


@dataclass(frozen=True)
class Compared:
    """All runs in the order given, and one pair per run after the first."""

    runs: tuple[FinishedRun, ...]
    pairs: tuple[Pair, ...]

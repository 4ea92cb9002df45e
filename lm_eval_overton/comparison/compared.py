"""What a comparison holds: rows, shifts, pairs of runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lm_eval_overton import stats
from lm_eval_overton.metrics.headline import headline_of
from lm_eval_overton.metrics.metric import SAMPLES
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.notebook import html_table

__all__ = ["SAMPLES_TABLE", "UNDEFINED", "Compared", "Gain", "Pair", "Row", "Shift", "Spread"]

SAMPLES_TABLE = SAMPLES
UNDEFINED = stats.Interval(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Spread:
    """What the seeds of one recipe differ in.

    Attributes:
        n_seeds: How many there are.
        sd: Standard deviation of their means over the shared prompts.
        low: The lowest of these means.
        high: The highest.
        over_prompts: The difference from the base with its interval over prompts alone.
        p_seeds: How likely seeds that differ by chance alone are as far apart.
    """

    n_seeds: int
    sd: float
    low: float
    high: float
    over_prompts: stats.Interval
    p_seeds: float


@dataclass(frozen=True)
class Row:
    """One metric of one task in two runs.

    `base` and `run` are over each run's own prompts; `paired` is over those that both have, its
    difference run minus base. `table` is the table of the pair in which the row stands: the
    task's name, or `SAMPLES_TABLE`; `p_holm` is corrected for all rows of that table. Of several
    seeds of one recipe the run is their mean per prompt, `paired` is over prompts and seeds, and
    `seeds` says what they differ in.
    """

    task: str
    metric: str
    higher_is_better: bool | None
    base: stats.Interval
    run: stats.Interval
    paired: stats.Comparison
    p_holm: float
    table: str
    seeds: Spread | None = None

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
    only more words. `n_seeds` is 1 but where the run stands for several seeds of one recipe.
    """

    base: str
    run: str
    rows: tuple[Row, ...]
    shifts: tuple[Shift, ...]
    notes: tuple[str, ...] = ()
    headline: tuple[Row, ...] = ()
    left_out: tuple[str, ...] = ()
    gains: tuple[Gain, ...] = ()
    n_seeds: int = 1

    def __repr__(self) -> str:
        n, shifts, notes = len(self.rows), len(self.shifts), len(self.notes)
        return f"Pair({self.run!r} against {self.base!r}, {n} rows, {shifts} shifts, {notes} notes)"

    def _repr_html_(self) -> str:
        return html_table(f"{self.run} against {self.base}", HEAD, map(_cells, self._first()))

    def _first(self) -> list[Row]:
        """Return the rows of each task's headline that are defined, task by task."""
        found: list[Row] = []
        for table, rows in self.tables.items():
            by_name = {row.metric: row for row in rows if row.paired.n}
            names = [] if table == SAMPLES_TABLE else headline_of(by_name)
            found += [by_name[name] for name in names]
        return found

    @property
    def is_group(self) -> bool:
        """Whether the run stands for several seeds of one recipe."""
        return self.n_seeds > 1

    @property
    def tables(self) -> dict[str, list[Row]]:
        """The rows by the title of their table."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.table, []).append(row)
        return found


@dataclass(frozen=True)
class Compared:
    """All runs in the order given, and one pair per run after the first, or per group of seeds."""

    runs: tuple[FinishedRun, ...]
    pairs: tuple[Pair, ...]

    def __repr__(self) -> str:
        base, *others = (run.name for run in self.runs)
        return f"Compared({', '.join(map(repr, others)) or 'nothing'} against {base!r})"

    def _repr_html_(self) -> str:
        shown = self.pairs or self.runs
        return "".join(one._repr_html_() for one in shown)


HEAD = ("task", "metric", "base", "run", "difference", "95 % interval", "p (Holm)", "n")


def _cells(row: Row) -> tuple[object, ...]:
    change = row.change
    numbers = [f"{value:.3f}" for value in (row.base.estimate, row.run.estimate)]
    bounds = "" if math.isnan(change.low) else f"{change.low:+.3f} to {change.high:+.3f}"
    told = f"{change.estimate:+.3f}", bounds, f"{row.p_holm:.3f}", change.n
    return row.task, row.metric, *numbers, *told

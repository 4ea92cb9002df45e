"""Tables of measured numbers, each beside the one that was expected."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Cell", "Expected", "Number", "Row", "Status", "Table", "numbers_of"]

Status = Literal["", "equal", "explained", "unexplained"]


@dataclass(frozen=True)
class Expected:
    """A number to stand beside a measured one.

    Attributes:
        dataset: Of which dataset.
        column: The column of the measured number.
        row: Its row.
        printed: The number with all its digits as they were printed.
        note: Why another number is measured; empty if none should be.
        instead: What is measured then, as printed.
        within: Or how far from `printed` it may lie, in its unit.
    """

    dataset: str
    column: str
    row: str
    printed: str
    note: str = ""
    instead: str = ""
    within: float = 0.0

    @property
    def digits(self) -> int:
        """The number of printed digits after the point."""
        return len(self.printed.partition(".")[2])

    def status(self, value: float) -> Status:
        """Tell how a measured value agrees.

        Returns:
            "equal" if it rounds to the printed digits, "explained" if it differs as the note
            says, else "unexplained"; a value that is NaN is unexplained.
        """
        if _rounds_to(value, self.printed):
            return "equal"
        near = abs(value - float(self.printed)) <= self.within
        as_noted = near or bool(self.instead and _rounds_to(value, self.instead))
        return "explained" if self.note and as_noted else "unexplained"


def _rounds_to(value: float, printed: str) -> bool:
    half = 0.5 * 10.0 ** -len(printed.partition(".")[2])
    # Either neighbour is right for a value half way between two.
    return abs(value - float(printed)) <= half * (1 + 1e-9)


@dataclass(frozen=True)
class Number:
    """A measured number, NaN where undefined, with its 95 % interval over prompts if it has one."""

    value: float
    low: float = math.nan
    high: float = math.nan
    expected: Expected | None = None

    @property
    def status(self) -> Status:
        """How it agrees with the expected number; empty if none is known."""
        return self.expected.status(self.value) if self.expected else ""

    @property
    def note(self) -> str:
        """Why it differs; empty if it does not or if that is not known."""
        return self.expected.note if self.expected and self.status == "explained" else ""


Cell = Number | int | str


@dataclass(frozen=True)
class Row:
    """A row by name; a column that it lacks is empty."""

    name: str
    cells: Mapping[str, Cell]


@dataclass(frozen=True)
class Table:
    """A table of one subject and dataset.

    Attributes:
        title: The subject.
        dataset: The dataset's name; empty for several.
        about: What the columns mean, in a few sentences.
        columns: The columns after the first, in order.
        rows: The rows in order; none if there are no data for the table.
        left_out: What is not in it for want of data, one line each.
        digits: Digits after the point by column; 3 where it says nothing.
        intervals: The columns whose intervals are shown.
    """

    title: str
    dataset: str
    about: str
    columns: Sequence[str]
    rows: Sequence[Row]
    left_out: Sequence[str] = ()
    digits: Mapping[str, int] = field(default_factory=dict)
    intervals: frozenset[str] = frozenset()


def numbers_of(tables: Sequence[Table]) -> Iterator[Number]:
    """Yield every number of the tables."""
    for table in tables:
        for row in table.rows:
            for cell in row.cells.values():
                if isinstance(cell, Number):
                    yield cell

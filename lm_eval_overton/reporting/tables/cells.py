"""How every table is written: numbers, texts and layout of Markdown; plain records; CSV."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from lm_eval_overton.stats import Interval

__all__ = [
    "csv_text",
    "estimate",
    "four",
    "in_line",
    "number",
    "p_value",
    "plain",
    "table",
    "text",
]

# Below it a p-value says nothing more, and rounded it would read 0.
LEAST_P = 0.001
# A rule of fewer dashes is none.
LEAST_WIDTH = 3
# What Markdown may read as markup: an underscore within a word it does not. Backticks stay, since
# what we say of a run holds commands, and code is inert.
MARKUP = re.compile(r"[|<>\\\[\]*]|(?<![^\W_])_|_(?![^\W_])")
# A spreadsheet takes a text that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def number(value: float, sign: str = "") -> str:
    """Return a number with three digits after the point, empty for NaN.

    Args:
        value: A number.
        sign: "+" writes the sign of positive numbers too. What rounds to 0 has none.
    """
    if math.isnan(value):
        return ""
    rounded = round(value, 3)
    return f"{rounded:{sign}.3f}" if rounded else "0.000"


def p_value(value: float) -> str:
    """Return a p-value with three digits, empty for NaN."""
    return f"<{LEAST_P}" if value < LEAST_P else number(value)


def estimate(value: Interval, sign: str = "") -> str:
    """Return an estimate with its interval in brackets, as far as they are defined."""
    shown = number(value.estimate, sign)
    if not shown or math.isnan(value.low):
        return shown
    return f"{shown} [{number(value.low, sign)}, {number(value.high, sign)}]"


def text(words: str) -> str:
    """Return a text that stays on one line, in one cell, and is not read as markup."""
    return MARKUP.sub(r"\\\g<0>", in_line(words))


def in_line(words: str) -> str:
    """Return a text that stays on one line, for where nothing is read as markup."""
    return " ".join(_encodable(words).split())


def _encodable(words: str) -> str:
    # Half of a surrogate pair has no UTF-8.
    return words.encode("utf-8", "backslashreplace").decode("utf-8")


def table(
    head: Sequence[str],
    lines: Sequence[Sequence[str]],
    left: Container[int],
    loose: Container[int] = (),
) -> str:
    """Return a table in Markdown.

    Args:
        head: What stands above the columns.
        lines: The cells, as many in each line as in the head.
        left: Positions of the columns that are aligned to the left; numbers are to the right.
        loose: Positions of the columns whose cells are not padded to one width.
    """
    columns = list(zip(head, *lines, strict=True))
    shown = [_column(own, k in left, k in loose) for k, own in enumerate(columns)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in zip(*shown, strict=True))


def _column(cells: Sequence[str], to_left: bool, is_loose: bool) -> list[str]:
    """Return a column's head, its rule, and its further cells, all of one width or loose."""
    width = 0 if is_loose else max(LEAST_WIDTH, *map(len, cells))
    head, *rest = [cell.ljust(width) if to_left else cell.rjust(width) for cell in cells]
    dashes = max(LEAST_WIDTH, width)
    return [head, "-" * dashes if to_left else "-" * (dashes - 1) + ":", *rest]


def four(value: Interval) -> tuple[float, float, float, int]:
    """Return an estimate, its bounds and the number of prompts, as records hold them."""
    return value.estimate, value.low, value.high, value.n


def plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with None for NaN."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in record.items()
    }


def csv_text(columns: Sequence[str], records: Iterable[Mapping[str, Any]]) -> str:
    """Return records as CSV without a line break at the end; NaN and what is not there are empty.

    An apostrophe stands before a text that a spreadsheet would take for a formula.

    Raises:
        ValueError: If a record has a key that is no column.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    for record in ({name: name for name in columns}, *map(plain, records)):
        writer.writerow({key: _inert(value) for key, value in record.items()})
    return out.getvalue().rstrip("\n")


def _inert(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # The writer does not quote a carriage return, at which a reader may begin a line.
    words = _encodable(value).replace("\r", "\n")
    return f"'{words}" if value.startswith(FORMULA) else words

"""Situations with a value and the stand it leads to, as the user's own file has them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lm_eval_overton.data import repeated
from lm_eval_overton.data.asked import identifier
from lm_eval_overton.data.rows import Row, read_rows, short
from lm_eval_overton.errors import DataError

__all__ = ["STANDS", "Steerable", "SteerableRow", "checked_row", "load_steerable"]

KEYS = ("id", "situation", "value", "label")
# The stands in the order in which they are shown first.
STANDS = ("support", "oppose", "either")


@dataclass(frozen=True)
class SteerableRow:
    """A situation, the value by which to judge it, and the position in `STANDS` of its label."""

    id: str
    situation: str
    value: str
    label: int


@dataclass(frozen=True)
class Steerable:
    """The rows of a file; `sha` is the beginning of the sha256 of the file."""

    name: str
    sha: str
    rows: tuple[SteerableRow, ...]


def load_steerable(source: str) -> Steerable:
    """Return the rows of a file of JSON lines, or what else `read_rows` reads.

    Args:
        source: The file's path. Each record has `situation`, `value`, `label`, and perhaps `id`.

    Raises:
        DataError: With file and line, at the first record that is not as it should be.
    """
    path = Path(source)
    rows = tuple(map(checked_row, read_rows(path)))
    if twice := repeated(row.id for row in rows):
        raise DataError(
            f"{path}: expected every id once, got {rows[twice[0]].id!r} for rows "
            f"{twice[0] + 1} and {twice[1] + 1}; correct the file"
        )
    return Steerable(path.stem, hashlib.sha256(path.read_bytes()).hexdigest()[:8], rows)


def checked_row(row: Row) -> SteerableRow:
    """Return what a record says.

    Args:
        row: The record, with its place for messages.

    Raises:
        DataError: If it is not as it should be.
    """
    given = row.value
    unknown = [key for key in given if key not in KEYS]
    if unknown:
        raise _bad(row, f"no keys but {', '.join(KEYS)}", short(unknown[0]))
    for key in ("situation", "value"):
        if not isinstance(given.get(key), str) or not given[key].strip():
            raise _bad(row, f'"{key}" to be a non-empty string', short(given.get(key)))
    label = given.get("label")
    if label not in STANDS:
        raise _bad(row, f'"label" to be {", ".join(STANDS[:-1])} or {STANDS[-1]}', short(label))
    key = identifier(given, row.where) or f"line-{row.number:04d}"
    return SteerableRow(key, given["situation"], given["value"], STANDS.index(label))


def _bad(row: Row, expected: str, got: str) -> DataError:
    return DataError(f"{row.where}: expected {expected}, got {got}; correct the file")

"""Ratings of how well answers represent their readers, as OvertonBench has them.

Each participant rates each model's answer to a question from 1 to 5, and belongs to one cluster of
opinions on it. The user's own copy of the table is read; nothing of it comes with this package.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lm_eval_overton.data.rows import short
from lm_eval_overton.errors import DataError, either

__all__ = ["COLUMNS", "Rating", "read_ratings"]

# The names of each column, the first that is there is taken: those of the public release lead.
COLUMNS = {
    "question": ("question_id", "question", "prompt_id", "prompt", "query"),
    "model": ("model", "model_name", "llm"),
    "cluster": ("cluster_kmeans", "opinion_cluster", "cluster", "cluster_id"),
    "rating": ("representation_rating", "rating", "score"),
    "participant": ("user", "participant", "participant_id", "user_id", "prolific_id"),
}
LEAST, MOST = 1, 5


class Rating(NamedTuple):
    """How well a model's answer represents a participant of a cluster of opinions, 1 to 5."""

    question: str
    model: str
    cluster: str
    participant: str
    rating: float


def read_ratings(path: Path) -> list[Rating]:
    """Return the rows of a table of ratings in comma-separated values with a head.

    Args:
        path: The file. `COLUMNS` has the names that its columns may have, in either case, with
            spaces or hyphens for underscores; further columns are left aside.

    Raises:
        DataError: If the file cannot be read, lacks a column or has no row; with the line, if a
            cell is empty or a rating no number from 1 to 5, or if a participant is in two clusters
            of a question.
    """
    ratings = []
    cluster_of: dict[tuple[str, str], str] = {}
    for where, row in _rows(path):
        found = _rating(row, where)
        known = cluster_of.setdefault((found.question, found.participant), found.cluster)
        if known != found.cluster:
            raise DataError(
                f"{where}: expected participant {short(found.participant)} in one cluster of "
                f"question {short(found.question)}, got {short(known)} and {short(found.cluster)}; "
                "correct the table"
            )
        ratings.append(found)
    if not ratings:
        raise DataError(f"{path}: expected at least one row of ratings, got none")
    return ratings


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the place of each row and its cells by what they are."""
    if not path.is_file():
        raise DataError(f"{path}: expected a CSV file of ratings, got none; name one that is there")
    try:
        # Not the text as a whole: cells hold line breaks.
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = csv.reader(file)
            head = next(table, [])
            places = _places(head, path)
            for cells in table:
                if cells:
                    where = f"{path}:{table.line_num}"
                    yield where, _cells(cells, places, len(head), where)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected comma-separated values in UTF-8, got other bytes; save it again"
        ) from error
    except csv.Error as error:
        raise DataError(f"{path}: expected comma-separated values, got {error}") from error


def _places(head: Sequence[str], path: Path) -> dict[str, int]:
    """Return where each column stands."""
    names = [name.strip().casefold().replace(" ", "_").replace("-", "_") for name in head]
    places = {
        what: next((names.index(name) for name in known if name in names), -1)
        for what, known in COLUMNS.items()
    }
    if lacking := [what for what, place in places.items() if place < 0]:
        wanted = "; ".join(f"{what} ({either(COLUMNS[what])})" for what in lacking)
        got = ", ".join(map(short, head)) or "an empty file"
        raise DataError(f"{path}: expected a head with columns for {wanted}, got {got}")
    for place in places.values():
        if names.count(names[place]) > 1:
            raise DataError(
                f"{path}: expected every column once, got {short(head[place])} more than once; "
                "leave out the one that is not meant"
            )
    return places


def _cells(
    cells: Sequence[str], places: Mapping[str, int], width: int, where: str
) -> dict[str, str]:
    if len(cells) != width:
        raise DataError(
            f"{where}: expected {width} cells as in the head, got {len(cells)}; quote those that "
            "hold a comma or a line break"
        )
    row = {what: cells[place].strip() for what, place in places.items()}
    if empty := [what for what, cell in row.items() if not cell]:
        raise DataError(
            f"{where}: expected a {empty[0]}, got an empty cell; fill it, or leave out the row"
        )
    return row


def _rating(row: Mapping[str, str], where: str) -> Rating:
    try:
        value = float(row["rating"])
    except ValueError:
        value = 0.0
    # NaN is in no range.
    if not LEAST <= value <= MOST:
        raise DataError(
            f"{where}: expected a rating from {LEAST} to {MOST}, got {short(row['rating'])}; "
            "correct it, or leave out the row"
        )
    return Rating(row["question"], row["model"], row["cluster"], row["participant"], value)

"""The user's copy of OpinionQA's waves, turned into questions with the weighted shares of groups.

A wave is a folder with `info.csv` (questions), `responses.csv` (a row per person) and perhaps
`metadata.csv` (what people are told apart by).
"""

from __future__ import annotations

import ast
import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_overton.data.survey import ALL
from lm_eval_overton.errors import DataError

__all__ = ["opinionqa_rows"]

INFO, RESPONSES, METADATA = "info.csv", "responses.csv", "metadata.csv"
WAVES = "human_resp"
# What people are told apart by, in words that a model is asked in.
NAMED = {
    "CREGION": "region of the United States",
    "AGE": "age",
    "SEX": "sex",
    "EDUCATION": "education",
    "CITIZEN": "citizen of the United States",
    "MARITAL": "marital status",
    "RELIG": "religion",
    "RELIGATTEND": "attendance of religious services",
    "POLPARTY": "political party",
    "INCOME": "income",
    "POLIDEOLOGY": "political ideology",
    "RACE": "race",
}
REFUSED, REFUSED_CODE = "Refused", 99.0


@dataclass
class _Question:
    """A question of a wave, and by group the weight and the number of people of each answer."""

    key: str
    text: str
    options: Sequence[str]
    codes: Mapping[float, str]
    ordinal: Sequence[float]
    weights: dict[str, dict[str, float]] = field(default_factory=dict)
    people: Counter[str] = field(default_factory=Counter)

    @property
    def refusals(self) -> list[int]:
        """The positions of what is no opinion."""
        named = self.codes.get(REFUSED_CODE, REFUSED)
        return [i for i, option in enumerate(self.options) if option in (named, REFUSED)]

    def answer(self, cell: str) -> str | None:
        """Return the option that a person chose; None for what is none of them."""
        if cell in self.options:
            return cell
        try:
            return self.codes.get(float(cell))
        except ValueError:
            return None

    def row(self) -> dict[str, Any]:
        """Return the question as a survey's file holds it."""
        found = {
            group: [own.get(option, 0.0) / total for option in self.options]
            for group, own in self.weights.items()
            if (total := math.fsum(own.values())) > 0
        }
        row = {
            "id": self.key,
            "question": self.text,
            "options": list(self.options),
            "distributions": found,
            "respondents": {group: self.people[group] for group in found},
            "ordinal": self.positions,
        }
        return row | ({"refusal": self.refusals} if self.refusals else {})

    @property
    def positions(self) -> list[float | None] | None:
        """Where the options stand on a scale; None where they are on none."""
        left_out = set(self.refusals)
        if len(self.ordinal) != len(self.options) - len(left_out) or len(set(self.ordinal)) < 2:
            return None
        places = iter(self.ordinal)
        return [None if i in left_out else next(places) for i in range(len(self.options))]


def opinionqa_rows(folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the questions of all waves in a folder, and what was found on the way.

    Shares are of the survey's weights; `respondents` are people. Groups are everyone, and those
    whom a column tells apart.

    Args:
        folder: A wave's, that of all waves (`human_resp`), or the one above it.

    Raises:
        DataError: If there is no wave, or one of its files cannot be read.
    """
    waves = [own for own in _places(folder) if (own / INFO).is_file()]
    if not waves:
        raise DataError(
            f"{folder}: expected a wave of OpinionQA ({INFO} and {RESPONSES}), or its {WAVES}, got "
            "neither; name the folder that holds them"
        )
    rows: list[dict[str, Any]] = []
    said: list[str] = []
    for wave in waves:
        questions, found = _wave(wave)
        rows += [question.row() for question in questions]
        said += found
    return rows, said


def _places(folder: Path) -> list[Path]:
    inner = folder / WAVES
    return [folder, *sorted(own for own in (inner if inner.is_dir() else folder).iterdir())]


def _wave(folder: Path) -> tuple[list[_Question], list[str]]:
    info = _rows(folder / INFO, {"key", "question", "references"})
    questions = [_question(row, f"{folder / INFO}:{i}") for i, row in enumerate(info, start=2)]
    columns, values = _told_apart(folder)
    weight = ""
    unknown = 0
    for number, row in enumerate(_rows(folder / RESPONSES, set()), start=2):
        if number == 2:
            columns = [own for own in columns if own in row]
            weight = _weight_column(row, folder)
            _require_answers(questions, row, folder)
        groups = [ALL, *_groups(row, columns, values)]
        own = _weight(row, weight, f"{folder / RESPONSES}:{number}")
        unknown += sum(_count(question, row, groups, own) for question in questions)
    said = [] if weight else [f"{folder.name}: no column WEIGHT...; every person counts as one"]
    said += [f"{folder.name}: {unknown} answers are none of the options"] if unknown else []
    return questions, said


def _count(
    question: _Question, row: Mapping[str, str], groups: Sequence[str], weight: float
) -> bool:
    """Count a person's answer; return whether it is none of the options."""
    cell = (row.get(question.key) or "").strip()
    if not cell or cell.lower() == "nan":
        return False
    answer = question.answer(cell)
    if answer is None:
        return True
    for group in groups:
        own = question.weights.setdefault(group, {})
        own[answer] = own.get(answer, 0.0) + weight
        question.people[group] += 1
    return False


def _question(row: Mapping[str, str], where: str) -> _Question:
    options = [str(own) for own in _literal(row["references"], list, where)]
    codes = _literal(row.get("option_mapping") or "{}", dict, where)
    ordinal = _literal(row.get("option_ordinal") or "[]", list, where)
    return _Question(
        key=row["key"],
        text=row["question"],
        options=options,
        codes={float(code): str(text) for code, text in codes.items() if _is_number(code)},
        ordinal=[float(own) for own in ordinal if _is_number(own)],
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _literal(text: str, kind: type, where: str) -> Any:
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise DataError(
            f"{where}: expected a {kind.__name__} as Python prints it, got {text!r:.60}"
        )
    return value


def _told_apart(folder: Path) -> tuple[list[str], Mapping[str, set[str]]]:
    """Return what people are told apart by, and the values that count, where a file says so."""
    path = folder / METADATA
    if not path.is_file():
        return list(NAMED), {}
    values = {
        row["key"]: {str(own) for own in _literal(row["options"], list, f"{path}:{number}")}
        for number, row in enumerate(_rows(path, {"key", "options"}), start=2)
    }
    return list(values), values


def _groups(
    row: Mapping[str, str], columns: Sequence[str], values: Mapping[str, set[str]]
) -> Iterator[str]:
    for column in columns:
        own = (row.get(column) or "").strip()
        known = values.get(column)
        if own and own.lower() not in ("nan", REFUSED.lower()) and (known is None or own in known):
            yield f"{NAMED.get(column, column)}: {own}"


def _weight_column(row: Mapping[str, str], folder: Path) -> str:
    """Return the column of the wave's weights; empty where there is none.

    Raises:
        DataError: If it cannot be told which of several it is.
    """
    found = [name for name in row if name and name.upper().startswith("WEIGHT")]
    own = [name for name in found if name.upper() == f"WEIGHT_{folder.name.rpartition('_')[2]}"]
    if len(found) > 1 and len(own) != 1:
        raise DataError(
            f"{folder / RESPONSES}: expected one column of weights, got {', '.join(found[:4])}; "
            "leave the one that counts"
        )
    return (own or found or [""])[0]


def _weight(row: Mapping[str, str], column: str, where: str) -> float:
    if not column:
        return 1.0
    cell = (row[column] or "").strip()
    try:
        weight = float(cell)
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise DataError(f"{where}: expected a weight of at least 0 in {column}, got {cell!r:.40}")
    return weight


def _require_answers(questions: Sequence[_Question], row: Mapping[str, str], folder: Path) -> None:
    if not any(question.key in row for question in questions):
        raise DataError(
            f"{folder / RESPONSES}: expected a column for each key of {INFO}, such as "
            f"{questions[0].key}, got {', '.join(map(str, list(row)[:4]))}"
        )


def _rows(path: Path, columns: set[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of a table with a head.

    Raises:
        DataError: If it cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            if lacks := columns - set(reader.fieldnames or ()):
                raise DataError(f"{path}: expected a column {min(lacks)}, got none")
            yield from reader
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: expected a readable CSV file, got {reason}") from error

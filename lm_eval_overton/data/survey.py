"""Survey questions with what people answered, as the user's own file has them; none is packaged."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_overton.data import normal, repeated
from lm_eval_overton.data.asked import identifier
from lm_eval_overton.data.rows import Row, read_rows, short
from lm_eval_overton.errors import DataError

__all__ = [
    "ALL",
    "KEYS",
    "LABELS",
    "Survey",
    "SurveyQuestion",
    "checked_question",
    "load_survey",
    "sums_to_1",
]

logger = logging.getLogger("lm_eval.overton")

KEYS = (
    "id",
    "question",
    "options",
    "distributions",
    "distribution",
    "ordinal",
    "refusal",
    "respondents",
    "weights",
)
LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# What the one group is called where people are not told apart.
ALL = "all"
# Published shares are rounded.
_ROUNDED = 0.02
_EXACT = 1e-9
# Sums and products of weights and positions within these lose nothing.
_SMALL, _LARGE = 1e-100, 1e100


@dataclass(frozen=True)
class SurveyQuestion:
    """A question with its options, and the shares that groups of people gave them.

    Attributes:
        id: Its name.
        text: What is asked.
        options: What may be answered.
        people: By group one share per option, of sum 1.
        positions: Where each option stands on a scale; None where they are not on one.
        refusals: Positions of the options that are no opinion, from 0.
        respondents: By group how many were asked, where that is known.
        weights: By group how much it counts; 1 where that is not said.
    """

    id: str
    text: str
    options: tuple[str, ...]
    people: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    positions: tuple[float, ...] | None = None
    refusals: tuple[int, ...] = ()
    respondents: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Survey:
    """The questions of a file; `sha` is the beginning of the sha256 of the file.

    `version` is that of packaged questions.
    """

    name: str
    sha: str
    questions: tuple[SurveyQuestion, ...]
    version: int | None = None

    @property
    def groups(self) -> list[str]:
        """All groups of people, in the order in which they come."""
        return list(dict.fromkeys(group for own in self.questions for group in own.people))


def load_survey(source: str) -> Survey:
    """Return the questions of a file of JSON lines, or what else `read_rows` reads.

    Shares whose sum is no further from 1 than rounding takes them are divided by it, and a warning
    says so.

    Args:
        source: The file's path. Each record has `question`, `options`, and perhaps the other keys
            of `KEYS`.

    Raises:
        DataError: With file and line, at the first record that is not as it should be.
    """
    path = Path(source)
    rounded: list[str] = []
    questions = tuple(
        _Record(row.value, row.where, rounded).question(row) for row in read_rows(path)
    )
    if twice := repeated(question.id for question in questions):
        raise DataError(
            f"{path}: expected every id once, got {questions[twice[0]].id!r} for questions "
            f"{twice[0] + 1} and {twice[1] + 1}; one line holds all groups of a question"
        )
    if rounded:
        logger.warning(
            "%s: %d distributions sum to nearly 1 and are divided by their sum, the first %s",
            path,
            len(rounded),
            rounded[0],
        )
    sha = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    return Survey(path.stem, sha, questions)


def checked_question(row: Row) -> SurveyQuestion:
    """Return the question of a record.

    Args:
        row: The record, with its place for messages.

    Raises:
        DataError: If it is not as it should be.
    """
    return _Record(row.value, row.where, []).question(row)


def sums_to_1(shares: Any) -> bool:
    """Tell whether a value is a list of numbers whose sum is 1 but for rounding."""
    if not isinstance(shares, list) or not all(map(_is_number, shares)):
        return False
    return abs(math.fsum(shares) - 1) <= _ROUNDED + _EXACT


@dataclass(frozen=True)
class _Record:
    """One record on its way to a question; `rounded` takes up what had to be divided by its sum."""

    value: Mapping[str, Any]
    where: str
    rounded: list[str]

    def question(self, row: Row) -> SurveyQuestion:
        """Return the question, checked."""
        unknown = [key for key in self.value if key not in KEYS]
        if unknown:
            raise self._bad(f"no keys but {', '.join(KEYS)}", short(unknown[0]))
        text = self.value.get("question")
        if not isinstance(text, str) or not text.strip():
            raise self._bad('"question" to be a non-empty string', short(text))
        options = self._options()
        people = self._people(len(options))
        return SurveyQuestion(
            id=identifier(self.value, self.where) or f"line-{row.number:04d}",
            text=text,
            options=options,
            people=people,
            positions=self._positions(options),
            refusals=self._refusals(),
            respondents=self._by_group("respondents", people, _count, "a whole number above 0"),
            weights=self._by_group("weights", people, _weight, "a number from 1e-100 to 1e100"),
        )

    def _options(self) -> tuple[str, ...]:
        options = self.value.get("options")
        if not isinstance(options, list) or not all(
            isinstance(o, str) and o.strip() for o in options
        ):
            raise self._bad('"options" to be a list of non-empty strings', short(options))
        n = len(options) - len(self._refusals())
        if n < 2 or len(options) > len(LABELS):
            got = f"{n}" if n < 2 else f"{len(options)} options"
            raise self._bad(f"2 to {len(LABELS)} options that are no refusals", got)
        if twice := repeated(normal(option) for option in options):
            raise self._bad("every option once", f"{options[twice[0]]!r} more than once")
        return tuple(options)

    def _refusals(self) -> tuple[int, ...]:
        given = self.value.get("refusal")
        n = len(self.value["options"])
        listed = [] if given is None else given
        places = isinstance(listed, list) and all(type(i) is int and 0 <= i < n for i in listed)
        if not places or len(set(listed)) < len(listed):
            raise self._bad(f'"refusal" to be positions of options, 0 to {n - 1}', short(given))
        return tuple(listed)

    def _people(self, n: int) -> dict[str, tuple[float, ...]]:
        groups, one = self.value.get("distributions"), self.value.get("distribution")
        if groups is not None and one is not None:
            raise self._bad('"distributions" of groups or one "distribution"', "both")
        if one is not None:
            groups = {ALL: one}
        if groups is None:
            return {}
        if not isinstance(groups, dict) or not groups or not all(map(_is_name, groups)):
            what = '"distributions" to be an object of shares by group, each named in one line'
            raise self._bad(what, short(groups))
        return {group: self._shares(group, own, n) for group, own in groups.items()}

    def _shares(self, group: str, given: Any, n: int) -> tuple[float, ...]:
        what = f"{n} shares of the options for {group!r}"
        if not isinstance(given, list) or not all(map(_is_number, given)):
            raise self._bad(what, short(given))
        if len(given) != n:
            raise self._bad(what, f"{len(given)}")
        if min(given) < 0:
            raise self._bad(f"no negative share for {group!r}", short(min(given)))
        total = math.fsum(given)
        if abs(total - 1) > _ROUNDED + _EXACT:
            raise self._bad(f"shares of sum 1 for {group!r}", f"{total:.6g}")
        if abs(total - 1) > _EXACT:
            self.rounded.append(f"{self.where}, {group!r}: {total:.6g}")
        return tuple(share / total for share in given)

    def _positions(self, options: Sequence[str]) -> tuple[float, ...] | None:
        given, left_out = self.value.get("ordinal"), set(self._refusals())
        if given is None or given is False:
            return None
        if given is True:
            places = iter(range(len(options)))
            return tuple(math.nan if i in left_out else next(places) for i in range(len(options)))
        what = '"ordinal" to be true, null, or the position of each option on the scale'
        if not isinstance(given, list) or len(given) != len(options):
            raise self._bad(what, short(given))
        kept = [value for i, value in enumerate(given) if i not in left_out]
        if not all(map(_is_place, kept)) or len(set(kept)) < 2:
            raise self._bad(f"{what}, not all the same, 1e100 at most", short(given))
        return tuple(math.nan if i in left_out else float(v) for i, v in enumerate(given))

    def _by_group(
        self, key: str, people: Mapping[str, Any], read: Any, kind: str
    ) -> dict[str, Any]:
        given = self.value.get(key)
        if given is None:
            return {}
        if "distribution" in self.value and not isinstance(given, dict):
            given = {ALL: given}
        if not isinstance(given, dict):
            raise self._bad(f'"{key}" to be an object of numbers by group', short(given))
        for group, value in given.items():
            if group not in people:
                raise self._bad(f'"{key}" of groups that have shares', short(group))
            if read(value) is None:
                raise self._bad(f'"{key}" of {group!r} to be {kind}', short(value))
        return {group: read(value) for group, value in given.items()}

    def _bad(self, expected: str, got: str) -> DataError:
        return DataError(f"{self.where}: expected {expected}, got {got}; correct the file")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _count(value: Any) -> int | None:
    if not _is_number(value) or value != int(value) or not 0 < value < 2**53:
        return None
    return int(value)


def _weight(value: Any) -> float | None:
    return float(value) if _is_number(value) and _SMALL <= value <= _LARGE else None


def _is_place(value: Any) -> bool:
    return _is_number(value) and abs(value) <= _LARGE


def _is_name(group: str) -> bool:
    # What is asked, and the lines of tables, name groups in a line.
    return len(group.splitlines()) == 1 and bool(group.strip())

"""The user's copy of SimBench, turned into questions: one per text, with all its groups."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lm_eval_overton.data.survey import sums_to_1

__all__ = ["COLUMNS", "simbench_rows"]

COLUMNS = frozenset({"group_prompt_template", "input_template", "human_answer"})
# A line such as "(A): Very much".
_OPTION = re.compile(r"^[ \t]*\(([A-Za-z0-9]{1,2})\)[ \t]*[:.]?[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"(?:\A|\n)[ \t]*(?:(?:Answer )?Options|Choices)[ \t]*:?\s*\Z", re.IGNORECASE)
# Shares in per cent add up to more.
_MOST = 1.5


def simbench_rows(table: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return SimBench's rows as questions, and what was found on the way.

    Args:
        table: Rows with `COLUMNS`, and perhaps `group_prompt_variable_map`, `group_size` and
            `dataset_name`; cells hold objects, or their texts in JSON or as Python prints them.

    Returns:
        The questions in the order in which they come, and a sentence for each kind of rows that
        are left out.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    unread: list[int] = []
    repeated: list[int] = []
    for number, row in enumerate(table, start=1):
        asked, shares = _asked(str(row["input_template"])), _answers(row["human_answer"])
        options = _options(asked[1], shares)
        if not shares or not options:
            unread.append(number)
            continue
        key = (row.get("dataset_name"), asked[0], *options.values())
        question = found.setdefault(key, _question(number, asked[0], list(options.values())))
        group = _group(row)
        if group in question["distributions"]:
            repeated.append(number)
            continue
        own = [shares.get(label, 0.0) for label in options]
        question["distributions"][group] = own
        size = _size(row.get("group_size"))
        # What is said of groups is of those that have shares.
        if size and sums_to_1(own):
            question["respondents"][group] = size
    return list(found.values()), [*_said(unread, _UNREAD), *_said(repeated, _REPEATED)]


_UNREAD = "no shares of options that the text names by their labels"
_REPEATED = "their group has the same question before"


def _said(numbers: Sequence[int], why: str) -> list[str]:
    if not numbers:
        return []
    return [f"{len(numbers)} rows are left out, the first row {numbers[0]}: {why}"]


def _question(number: int, text: str, options: list[str]) -> dict[str, Any]:
    return {
        "id": f"row-{number:05d}",
        "question": text,
        "options": options,
        "distributions": {},
        "respondents": {},
    }


def _asked(text: str) -> tuple[str, dict[str, str]]:
    """Return a question without its options, and these by their labels."""
    lines = list(_OPTION.finditer(text))
    if not lines:
        return text.strip(), {}
    before, after = text[: lines[0].start()], text[lines[-1].end() :]
    bare = "\n".join(filter(None, (_HEADING.sub("", before).strip(), after.strip())))
    return bare, {line[1]: line[2] for line in lines}


def _options(named: Mapping[str, str], shares: Mapping[str, float]) -> dict[str, str]:
    """Return the options by their labels; none where a label with a share has no text."""
    if named:
        return dict(named) if set(shares) <= set(named) else {}
    # Numbers and words say what they are; a letter without its text says nothing.
    return {} if any(re.fullmatch("[A-Za-z]", own) for own in shares) else {o: o for o in shares}


def _answers(cell: Any) -> dict[str, float]:
    """Return the shares by label, of sum 1 but for rounding; none where they cannot be read."""
    value = _value(cell)
    if not isinstance(value, dict):
        return {}
    # A table of objects has every label in every row.
    given = {str(label): own for label, own in value.items() if own is not None}
    if not given or not all(_is_number(own) for own in given.values()):
        return {}
    total = math.fsum(given.values())
    return {label: own / 100 if total > _MOST else float(own) for label, own in given.items()}


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _value(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    for read in (json.loads, ast.literal_eval):
        try:
            return read(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            continue
    return None


def _group(row: Mapping[str, Any]) -> str:
    """Return a group in words: the template with its places filled."""
    text = str(row["group_prompt_template"] or "").strip()
    places = _value(row.get("group_prompt_variable_map"))
    for name, value in (places if isinstance(places, dict) else {}).items():
        text = text if value is None else text.replace(f"{{{name}}}", str(value))
    return " ".join(text.split()) or "all"


def _size(cell: Any) -> int | None:
    try:
        size = float(cell)
    except (TypeError, ValueError):
        return None
    return int(size) if math.isfinite(size) and 1 <= size < 2**53 else None

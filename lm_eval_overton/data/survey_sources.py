"""The user's own copies of published surveys, turned into questions; none of them is packaged."""

from __future__ import annotations

import ast
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval_overton.data.rows import Row, read_rows
from lm_eval_overton.data.steerable import STANDS, checked_row
from lm_eval_overton.data.survey import checked_question, sums_to_1
from lm_eval_overton.data.survey_opinionqa import opinionqa_rows
from lm_eval_overton.data.survey_simbench import COLUMNS, simbench_rows
from lm_eval_overton.errors import DataError

__all__ = ["Converted", "convert", "convert_table"]

_GLOBAL = (
    "GlobalOpinionQA (Durmus et al. 2023, arXiv:2306.16388; Anthropic/llm_global_opinions)",
    "CC BY-NC-SA 4.0: not for commercial use, shared alike",
)
_MORAL = ("MoralChoice (Scherrer et al. 2023, arXiv:2307.14324)", "MIT")
_SIMBENCH = (
    "SimBench (Hu et al. 2025, arXiv:2510.17516; pitehu/SimBench)",
    "CC BY-NC-SA 4.0: not "
    "for commercial use, shared alike; that of each survey in it holds besides",
)
_OPINIONS = (
    "OpinionQA (Santurkar et al. 2023, arXiv:2303.17548)",
    "the terms of Pew Research Center for the American Trends Panel: not to be passed on, no "
    "attempt to identify respondents, Pew to be named and not to be held responsible",
)
_MODULAR = (
    "inputs of Modular Pluralism (Feng et al. 2024, arXiv:2406.15951)",
    "none of its own; that of what it was made from holds: GlobalOpinionQA CC BY-NC-SA 4.0, "
    "MoralChoice MIT, OpinionQA the terms of Pew Research Center",
)
_VALUES = (
    "inputs of Modular Pluralism (Feng et al. 2024, arXiv:2406.15951) from Value Kaleidoscope "
    "(Sorensen et al. 2024, arXiv:2309.00779; allenai/ValuePrism)",
    "none of its own; ValuePrism is given out on request, on terms of its own, which hold",
)
_CONVENTION = (
    "no people were asked: of ambiguous scenarios both actions have a half by convention, of "
    "others the first has all; keep the two apart"
)


@dataclass
class Converted:
    """Questions or situations as a file of ours holds them, with what is to be known of them.

    Attributes:
        source: What they are of.
        licence: Under which their source was published.
        rows: The questions, or the situations.
        said: What was found on the way, a sentence each.
    """

    source: str
    licence: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    @property
    def counted(self) -> str:
        """How much there is, in words."""
        if all("situation" in row for row in self.rows):
            return f"{len(self.rows)} situations with a value, for overton_steerable"
        n = sum(len(row["distributions"]) for row in self.rows)
        return f"{len(self.rows)} questions, {n} distributions"


def convert(path: Path, refusals: Sequence[str] = ()) -> Converted:
    """Return the questions of a published survey's file, which its columns or keys tell.

    A distribution whose sum is not 1 is left out, and so is a question that cannot be asked; both
    are counted.

    Args:
        path: A table (CSV, parquet, JSON) of GlobalOpinionQA, SimBench or MoralChoice's scenarios,
            a JSON of Modular Pluralism's with `attribute` and `gold_distribution`, or with
            `situation`, `vrd` and `label_text`, or a folder of OpinionQA's waves.
        refusals: Texts of the options that are no opinion.

    Raises:
        DataError: If the file is none of these, or nothing of it can be used.
    """
    if (table := _table(path)) is not None:
        return convert_table(table, path, refusals)
    if path.is_dir():
        found = Converted(*_OPINIONS, *opinionqa_rows(path))
    elif _has_values(next(read_rows(path))):
        return _situations(path, refusals)
    else:
        found = _of_table([row.value for row in read_rows(path)], path) or _modular(path)
    _keep_what_can_be_asked(found, path, refusals)
    return found


def convert_table(
    table: Sequence[Mapping[str, Any]], place: Path, refusals: Sequence[str] = ()
) -> Converted:
    """Return the questions of a published survey's rows, as `convert` does.

    Args:
        table: At least one row.
        place: Where they are from, for messages.
        refusals: As there.

    Raises:
        DataError: As there.
    """
    found = _of_table(table, place)
    if found is None:
        raise _unknown(place, f"columns {', '.join(list(table[0])[:6])}")
    _keep_what_can_be_asked(found, place, refusals)
    return found


def _of_table(table: Sequence[Mapping[str, Any]], path: Path) -> Converted | None:
    """Return the questions of rows by their columns; None for columns of no known table."""
    columns = set(table[0])
    if {"question", "selections", "options"} <= columns:
        return Converted(*_GLOBAL, list(_global_rows(table, path)))
    if {"context", "action1", "action2", "ambiguity"} <= columns:
        return Converted(*_MORAL, list(_moral_rows(table)), [_CONVENTION])
    if columns >= COLUMNS:
        return Converted(*_SIMBENCH, *simbench_rows(table))
    return None


def _unknown(path: Path, got: str) -> DataError:
    return DataError(
        f"{path}: expected a CSV of GlobalOpinionQA (question, selections, options), of SimBench "
        "(group_prompt_template, input_template, human_answer) or of MoralChoice (context, "
        "action1, action2, ambiguity), JSON of Modular Pluralism (question, options, attribute, "
        "gold_distribution; or situation, vrd, label_text), or a folder of OpinionQA's waves, got "
        f"{got}"
    )


def _table(path: Path) -> list[dict[str, str]] | None:
    """Return the rows of a table with a head; None for a file that is no CSV."""
    if path.suffix.lower() != ".csv" or path.is_dir():
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: expected a readable CSV file, got {reason}") from error
    # Cells hold whole lists.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    if not rows:
        raise DataError(f"{path}: expected a row below the head, got none")
    return rows


# ------------------------------------------------------------------------------------- each source


def _global_rows(table: Iterable[Mapping[str, Any]], path: Path) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(table, start=2):
        where = f"{path}:{number}"
        # The column holds what Python prints of a defaultdict.
        selections = row["selections"] or ""
        if isinstance(selections, str):
            selections = selections[selections.find("{") : selections.rfind("}") + 1]
        yield {
            "id": f"row-{number - 1:05d}",
            "question": row["question"],
            "options": [str(own) for own in _literal(row["options"], list, where)],
            "distributions": _literal(selections, dict, where),
        }


def _literal(given: Any, kind: type, where: str) -> Any:
    try:
        value = ast.literal_eval(given) if isinstance(given, str) else given
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise DataError(
            f"{where}: expected a {kind.__name__} as Python prints it, got {given!r:.60}"
        )
    return value


def _moral_rows(table: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in table:
        ambiguous = row["ambiguity"].strip().lower() == "high"
        group = "high_ambiguity" if ambiguous else "low_ambiguity"
        yield {
            "id": row["scenario_id"],
            "question": row["context"],
            "options": [row["action1"], row["action2"]],
            "distributions": {group: [0.5, 0.5] if ambiguous else [1.0, 0.0]},
        }


def _modular(path: Path) -> Converted:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    keys = {"question", "options", "attribute", "gold_distribution"}
    for row in read_rows(path):
        own = row.value
        if not keys <= set(own) or not isinstance(own["options"], list):
            raise _unknown(path, f"keys {', '.join(sorted(own)[:6])} in {row.where}")
        text, group = _bare(str(own["question"])), str(own["attribute"])
        options = [str(option) for option in own["options"]]
        entry = {"id": str(own.get("id", row.number)), "question": text, "options": options}
        question = found.setdefault((text, *options), {**entry, "distributions": {}})
        if group in question["distributions"]:
            raise DataError(
                f"{row.where}: expected each group of a question once, got {group!r} again"
            )
        question["distributions"][group] = own["gold_distribution"]
    convention = {"high_ambiguity", "low_ambiguity"} & {
        group for own in found.values() for group in own["distributions"]
    }
    return Converted(*_MODULAR, list(found.values()), [_CONVENTION] if convention else [])


_VALUE_KEYS = {"situation", "vrd", "label_text"}
# What a label says there of the value.
_STANDS = {"supports": "support", "opposes": "oppose"} | {stand: stand for stand in STANDS}


def _has_values(row: Row) -> bool:
    return set(row.value) >= _VALUE_KEYS


def _situations(path: Path, refusals: Sequence[str]) -> Converted:
    """Return situations with the values that they are judged by."""
    if refusals:
        raise DataError(f"{path}: expected questions with refusals, got situations; leave them out")
    found, reasons = Converted(*_VALUES), []
    for row in read_rows(path):
        own = row.value
        if not _has_values(row):
            raise _unknown(path, f"keys {', '.join(sorted(own)[:6])} in {row.where}")
        text = str(own["label_text"])
        label = _STANDS.get(text.strip().lower(), text)
        made = {"situation": own["situation"], "value": own["vrd"], "label": label}
        try:
            checked_row(Row(row.where, row.number, made))
        except DataError as error:
            reasons.append(str(error))
        else:
            found.rows.append({"id": str(own.get("id", row.number)), **made})
    if not found.rows:
        raise DataError(f"{path}: expected a situation that can be asked, got none ({reasons[0]})")
    if reasons:
        found.said.append(f"{len(reasons)} situations are left out, the first: {reasons[0]}")
    return found


def _bare(text: str) -> str:
    """Return a question without the options and the frame that stand around it."""
    for mark in ("\nOptions:", "\nA. "):
        text = text.partition(mark)[0]
    return text.removeprefix("Question: ").strip()


# --------------------------------------------------------------------------------- what is left out


def _keep_what_can_be_asked(found: Converted, path: Path, refusals: Sequence[str]) -> None:
    kept, reasons, n_left_out, asked_by = [], [], 0, set()
    for number, row in enumerate(found.rows, start=1):
        people = row["distributions"]
        row["distributions"] = {str(g): own for g, own in people.items() if sums_to_1(own)}
        n_left_out += len(people) - len(row["distributions"])
        places = [i for i, option in enumerate(row["options"]) if option in refusals]
        asked_by |= {row["options"][i] for i in places}
        places = sorted({*places, *row.get("refusal", [])})
        row |= {"refusal": places} if places else {}
        try:
            if not row["distributions"]:
                raise DataError(f"{path}: {row['id']}: expected shares of sum 1, got none")
            checked_question(Row(f"{path}: {row['id']}", number, row))
        except DataError as error:
            reasons.append(str(error))
        else:
            kept.append(row)
    absent = [text for text in refusals if text not in asked_by]
    if absent:
        raise DataError(f"{path}: expected options that are called {absent[0]!r}, got none")
    if not kept:
        raise DataError(f"{path}: expected a question that can be asked, got none ({reasons[0]})")
    if n_left_out:
        found.said.append(f"{n_left_out} distributions are left out: their sum is not 1")
    if reasons:
        found.said.append(f"{len(reasons)} questions are left out, the first: {reasons[0]}")
    found.rows = kept

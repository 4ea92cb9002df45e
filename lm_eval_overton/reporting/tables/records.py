"""Compared runs as JSON, CSV and data frames, unrounded."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from lm_eval_overton.comparison import ByTag, Compared, Crossed, Homogeneity, Pair, Row, Shift
from lm_eval_overton.comparison.compared import Spread
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.reporting.tables.by_tag import by_tag_json
from lm_eval_overton.reporting.tables.cells import csv_text, four, plain
from lm_eval_overton.reporting.tables.homogeneity import homogeneity_json
from lm_eval_overton.reporting.tables.likelihood import likelihood_json
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.short_paths import short_model, short_path

__all__ = ["as_csv", "as_json", "frames"]

ROW_COLUMNS = (
    "base",
    "run",
    "table",
    "task",
    "metric",
    "higher_is_better",
    "base_mean",
    "base_low",
    "base_high",
    "base_n",
    "run_mean",
    "run_low",
    "run_high",
    "run_n",
    "difference",
    "difference_low",
    "difference_high",
    "p",
    "p_holm",
    "detectable",
    "n",
    "seeds",
    "seeds_sd",
    "seeds_low",
    "seeds_high",
    "prompts_low",
    "prompts_high",
)
SHIFT_COLUMNS = ("base", "run", "group", "part", "metric", "value", "low", "high", "n", "note")
NAMES = {"rows": ROW_COLUMNS, "shifts": SHIFT_COLUMNS}


def as_json(
    compared: Compared,
    alike: Homogeneity | None = None,
    tagged: Sequence[ByTag] | None = None,
    crossed: Crossed | None = None,
) -> str:
    """Return everything as JSON, unrounded, null where undefined.

    Args:
        compared: The runs.
        alike: How alike their samples are; its tables are added by their names.
        tagged: The pairs by tag; they are added as `by_tag`.
        crossed: Whose answers were scored by which model; its tables are added by their names.
    """
    whole = {
        "base": compared.runs[0].name,
        "runs": [_run(run) for run in compared.runs],
        "pairs": [_pair(pair) for pair in compared.pairs],
    }
    if alike is not None:
        whole |= homogeneity_json(alike)
    if tagged is not None:
        whole["by_tag"] = by_tag_json(tagged)
    if crossed is not None:
        whole |= likelihood_json(crossed)
    return json.dumps(whole, indent=2, allow_nan=False)


def _pair(pair: Pair) -> dict[str, Any]:
    tables = {name: [plain(record) for record in _records(pair, name)] for name in NAMES}
    return {"base": pair.base, "run": pair.run, **tables, "notes": list(pair.notes)}


def _run(run: FinishedRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "place": short_path(run.place),
        "tasks": {
            task: {
                "model": short_model(own.model),
                "signature": own.signature,
                "judge": own.judge.signature if own.judge else None,
                "bounds": {name: _worst_best(pair) for name, pair in own.bounds.items()},
                "prompts": len(own.ids),
                "results": short_path(own.path),
                "alarms": list(own.alarms),
            }
            for task, own in run.tasks.items()
        },
    }


def _worst_best(bounds: tuple[float, float]) -> dict[str, Any]:
    return plain(dict(zip(("worst", "best"), bounds, strict=True)))


def as_csv(compared: Compared, table: str = "rows") -> str:
    """Return all pairs as CSV, unrounded, empty where undefined.

    Args:
        compared: The runs.
        table: "rows", one line per metric and pair, or "shifts".

    Raises:
        SettingsError: If there is no such table.
    """
    columns = _columns(table)
    return csv_text(columns, (row for pair in compared.pairs for row in _records(pair, table)))


def frames(compared: Compared) -> dict[str, Any]:
    """Return the tables `rows` and `shifts` of all pairs, undefined as NaN.

    Returns:
        pandas data frames; lists of dictionaries with the same columns where pandas is not
        installed.
    """
    tables = {
        name: [record for pair in compared.pairs for record in _records(pair, name)]
        for name in NAMES
    }
    try:
        import pandas  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return tables
    return {
        name: pandas.DataFrame(records, columns=list(NAMES[name]))
        for name, records in tables.items()
    }


def _columns(table: str) -> Sequence[str]:
    if table not in NAMES:
        raise SettingsError(f"expected the table {' or '.join(NAMES)}, got {table!r}")
    return NAMES[table]


def _records(pair: Pair, table: str) -> list[dict[str, Any]]:
    """Return the lines of a table of one pair, by column."""
    names = _columns(table)
    rows = (_row_values(row, pair.n_seeds) for row in pair.rows)
    lines = rows if table == "rows" else map(_shift_values, pair.shifts)
    return [dict(zip(names, (pair.base, pair.run, *line), strict=True)) for line in lines]


def _row_values(row: Row, n_seeds: int) -> tuple[Any, ...]:
    paired = row.paired
    return (
        *(row.table, row.task, row.metric, row.higher_is_better),
        *four(row.base),
        *four(row.run),
        *(paired.difference, paired.ci_low, paired.ci_high),
        *(paired.p_value, row.p_holm, paired.detectable, paired.n),
        *_seed_values(row.seeds, n_seeds),
    )


def _seed_values(seeds: Spread | None, n_seeds: int) -> tuple[Any, ...]:
    """Return what seeds of a recipe differ in, and the interval over prompts alone."""
    if seeds is None:
        return n_seeds, *[math.nan] * 5
    alone = seeds.over_prompts
    return seeds.n_seeds, seeds.sd, seeds.low, seeds.high, alone.low, alone.high


def _shift_values(shift: Shift) -> tuple[Any, ...]:
    return (shift.group, shift.part, shift.metric, *four(shift.value), shift.note)

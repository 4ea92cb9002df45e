"""The table as Markdown, JSON and CSV."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

from lm_eval_overton.comparison.leaderboard.board import Leaderboard, Row
from lm_eval_overton.reporting.tables.cells import csv_text, number, plain, table, text
from lm_eval_overton.settings.signature import FRAME

__all__ = ["as_csv", "as_json", "as_markdown"]

FIXED = (
    *("rank", "run", "score", "ci_low", "ci_high", "n"),
    *FRAME,
    *("verdicts_parsed", "verdicts", "worst", "best"),
    *("above_difference", "above_low", "above_high", "above_p", "above_n", "told_apart"),
)
INTERVAL = "95 % interval"
ABOVE = f"row above less this ({INTERVAL})"
JUDGED = ("verdicts parsed", "worst to best")
WORDS = ("run", INTERVAL, JUDGED[1], "frame")


def as_markdown(board: Leaderboard) -> str:
    """Return the table in Markdown, rounded to three digits, and what to know of it below."""
    judged = any(row.verdicts for row in board.rows)
    head = ["rank", "run", board.metric, INTERVAL, "n", ABOVE, *board.columns]
    head += [*(JUDGED if judged else ()), "frame"]
    left = [k for k, name in enumerate(head) if name in WORDS]
    cells = [[text(cell) for cell in _cells(row, judged)] for row in board.rows]
    first = f"{board.task}, sorted by {board.metric}: {_direction(board.higher_is_better)}."
    return "\n".join([first, "", table(head, cells, left, range(len(head))), "", *_below(board)])


def _direction(higher_is_better: bool | None) -> str:
    if higher_is_better is None:
        return "neither direction is better, the highest comes first"
    return "higher is better" if higher_is_better else "lower is better"


def _cells(row: Row, judged: bool) -> list[str]:
    low, high = number(row.score.low), number(row.score.high)
    beside = [
        number(mean) if n in (0, row.score.n) else f"{number(mean)} ({n})"
        for mean, n in row.beside.values()
    ]
    verdicts = f"{row.verdicts[0]} of {row.verdicts[1]}" if row.verdicts else ""
    frame = " ".join(
        value if key == "frame" else f"{key}:{value}" for key, value in row.frame.items()
    )
    return [
        str(row.rank),
        row.run,
        number(row.score.estimate),
        f"{low} to {high}" if low else "",
        str(row.score.n),
        _above(row),
        *beside,
        *([verdicts, _bounds(row)] if judged else []),
        frame,
    ]


def _above(row: Row) -> str:
    if row.above is None:
        return ""
    own = row.above
    shown, low, high = (number(v, "+") for v in (own.difference, own.ci_low, own.ci_high))
    return f"{shown} ({low} to {high})" if low else shown


def _bounds(row: Row) -> str:
    worst, best = map(number, row.bounds or (math.nan, math.nan))
    return f"{worst} to {best}" if worst and best else ""


def _below(board: Leaderboard) -> list[str]:
    counts = [n for row in board.rows for _, n in row.beside.values() if n not in (0, row.score.n)]
    missing = "; ".join(f"{text(name)} ({why})" for name, why in board.missing.items())
    lines = ["Rank: one plus the number of rows that are better for sure.", *_told_apart(board)]
    lines += ["In brackets: the number of prompts, where it is not n."] if counts else []
    if any(row.bounds for row in board.rows):
        lines += ["Worst to best: the score if all missing verdicts were the worst, or the best."]
    lines += [f"Without {board.metric}: {missing}."] if missing else []
    lines += [f"Note: {text(note)}" for note in board.notes]
    lines += [f"Signature: {board.signature}"]
    return lines + ([f"Judge: {board.judge}"] if board.judge else [])


def _told_apart(board: Leaderboard) -> list[str]:
    """Return which rows differ for sure from the row above, where there are several."""
    pairs = list(pairwise(board.rows))
    if not pairs:
        return []
    apart = [
        f"{text(upper.run)} from {text(lower.run)}"
        for upper, lower in pairs
        if lower.above is not None and lower.above.is_clear
    ]
    said = (
        f"Neighbours told apart (on the prompts of both the interval of their difference leaves 0 "
        f"out, and p is below 5 %): {len(apart)} of {len(pairs)}"
    )
    return [f"{said}: {', '.join(apart)}." if apart else f"{said}."]


def as_json(board: Leaderboard) -> str:
    """Return the table as JSON, unrounded, null where undefined."""
    whole = {
        "task": board.task,
        "metric": board.metric,
        "higher_is_better": board.higher_is_better,
        "signature": board.signature,
        "judge": board.judge or None,
        "notes": list(board.notes),
        "rows": [_record(row) for row in board.rows],
        "missing": dict(board.missing),
    }
    return json.dumps(whole, indent=2, allow_nan=False)


def _record(row: Row) -> dict[str, Any]:
    judged = [*(row.verdicts or (None, None)), *(row.bounds or (None, None))]
    interval = (row.score.estimate, row.score.low, row.score.high)
    frame = [row.frame.get(key) for key in FRAME]
    cells = [row.rank, row.run, *interval, row.score.n, *frame, *judged, *_from_above(row)]
    record: dict[str, Any] = dict(zip(FIXED, cells, strict=True))
    for name, (mean, n) in row.beside.items():
        record |= {name: mean, f"{name}_n": n}
    return plain(record)


def _from_above(row: Row) -> tuple[Any, ...]:
    own = row.above
    if own is None:
        return (None,) * 6
    return own.difference, own.ci_low, own.ci_high, own.p_value, own.n, own.is_clear


def as_csv(board: Leaderboard) -> str:
    """Return the table as CSV, unrounded, empty where undefined.

    Runs without the metric are the last lines: they have a name and, as `missing`, the reason.
    """
    records: list[dict[str, Any]] = [_record(row) for row in board.rows]
    records += [{"run": name, "missing": why} for name, why in board.missing.items()]
    beside = [key for name in board.columns for key in (name, f"{name}_n")]
    common = {"task": board.task, "metric": board.metric}
    columns = ["task", "metric", *FIXED, *beside, "missing"]
    return csv_text(columns, ({**common, **record} for record in records))

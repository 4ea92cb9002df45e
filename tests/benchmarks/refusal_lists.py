"""Precision and recall of `refusal_share`'s rule on our own lists of refusals and near misses.

Command: ``python tests/benchmarks/refusal_lists.py``. The lists are in tests/text/refusals; what is
marked as unseen was written after the patterns and looked at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lm_eval_overton.text.refusals import is_refusal

LISTS = Path(__file__).resolve().parents[1] / "text" / "refusals"

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    """Return the lines of one list."""
    lines = (LISTS / f"{name}.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def measured(chosen: Callable[[Row], bool]) -> str:
    """Return precision and recall over the chosen rows, with what they are made of."""
    refusals = [is_refusal(row["text"]) for row in rows("refusals") if chosen(row)]
    misses = [is_refusal(row["text"]) for row in rows("near_misses") if chosen(row)]
    found, wrong = sum(refusals), sum(misses)
    return (
        f"{found / (found + wrong):.3f} | {found / len(refusals):.3f} "
        f"| {found} of {len(refusals)} | {wrong} of {len(misses)}"
    )


def main() -> None:
    """Print a table: all, the unseen ones, and each language."""
    languages = dict.fromkeys(row["language"] for row in rows("refusals"))
    print("| | precision | recall | refusals found | near misses taken for one |")
    print("|---|---:|---:|---:|---:|")
    print(f"| all | {measured(lambda row: True)} |")
    print(f"| unseen | {measured(lambda row: row['held_out'])} |")
    for language in languages:
        print(f"| {language} | {measured(lambda row: row['language'] == language)} |")  # noqa: B023


if __name__ == "__main__":
    main()

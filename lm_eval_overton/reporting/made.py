"""How a report was made: of runs of when, with which versions, by which command."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from lm_eval_overton.reporting.html import Markup, join, tag
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.short_paths import short_path
from lm_eval_overton.version import __version__

__all__ = ["about"]

# Beyond it no calendar goes.
LATEST = datetime(9999, 1, 1, tzinfo=timezone.utc).timestamp()


def about(runs: Sequence[FinishedRun]) -> Markup:
    """Return one line: the dates of the runs, versions, and the command of the report.

    The date of the report itself is left out: the same runs give the same page.
    """
    made = [own.made for run in runs for own in run.tasks.values()]
    days = sorted({day for one in made for day in _days(one.get("date"))})
    versions = sorted({str(one["transformers_version"]) for one in made
                       if isinstance(one.get("transformers_version"), str)})  # fmt: skip
    parts: list[object] = []
    if days:
        parts.append(f"Runs of {days[0]}" + (f" to {days[-1]}" if len(days) > 1 else ""))
    parts.append(f"made by lm-eval-overton {__version__}")
    if versions:
        parts.append(f"transformers {', '.join(versions)}")
    parts.append(tag("code", _command(runs)))
    return tag("p", join(parts, " · "), class_="detail made")


def _days(date: Any) -> Iterator[str]:
    is_number = isinstance(date, int | float) and not isinstance(date, bool)
    if is_number and math.isfinite(date) and 0 <= date < LATEST:
        yield datetime.fromtimestamp(date, timezone.utc).strftime("%Y-%m-%d")


def _command(runs: Sequence[FinishedRun]) -> str:
    places = [_given(run) for run in runs]
    return shlex.join(["overton", "report", *places])


def _given(run: FinishedRun) -> str:
    place = short_path(run.place)
    is_named = run.name in (run.place.name, place) or "=" in run.name
    return place if is_named else f"{run.name}={place}"

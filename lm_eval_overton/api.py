"""Finished runs in a notebook: load, compare, look at tables, write the report."""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import quote

from lm_eval_overton import comparison
from lm_eval_overton.comparison import Compared
from lm_eval_overton.comparison.loaded import load_run
from lm_eval_overton.reporting.tables import frames
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.stats import SEED

__all__ = ["compare", "frames", "load_run", "report"]

Run = FinishedRun | str | Path


def compare(base: Run, *others: Run, force: bool = False, seed: int = SEED) -> Compared:
    """Return what changed from one run to others.

    Args:
        base: A run, or its folder.
        others: Runs or folders, in training order; at least one.
        force: Compare runs of different settings and note the differences.
        seed: Of the resamples.

    Returns:
        One pair per other run; `frames` makes tables of it.

    Raises:
        OvertonError: If a run cannot be read, or runs cannot be compared.
    """
    first, *rest = [_loaded(run) for run in (base, *others)]
    return comparison.compare(first, rest, force=force, seed=seed)


class ReportFile(type(Path())):  # type: ignore[misc]
    """The path of a report, which notebooks show as a link."""

    def _repr_html_(self) -> str:
        return f'<a href="{escape(quote(self.as_posix()))}">{escape(str(self))}</a>'


def report(compared: Compared | Run, path: str | Path) -> Path:
    """Write the report of compared runs, or of one run, as one HTML file; return its path.

    Raises:
        OvertonError: If the run cannot be read or the file cannot be written.
    """
    from lm_eval_overton import reporting

    if not isinstance(compared, Compared):
        compared = Compared((_loaded(compared),), ())
    written: Path = ReportFile(reporting.write(compared, Path(path)))
    return written


def _loaded(run: Run) -> FinishedRun:
    return run if isinstance(run, FinishedRun) else load_run(run)

"""A finished run, its values held against what each metric can be."""

from __future__ import annotations

from pathlib import Path

from lm_eval_overton.metrics.measures import RANGES
from lm_eval_overton.runs import finished

__all__ = ["load_run"]


def load_run(place: str | Path, name: str | None = None) -> finished.FinishedRun:
    """Return a finished run with the newest result of each of its tasks.

    Of a folder, what cannot be used is passed over with a warning, so that an older result counts.

    Args:
        place: A folder with results files at any depth, or one such file.
        name: What tables call the run; default: the folder's name, or the model's of one file.

    Raises:
        DataError: If there are no results of overton tasks, those of several models, or the one
            file that is named cannot be used.
    """
    return finished.load_run(place, RANGES, name)

"""What the harness's command does with results after they are made, as far as we have a say in it.

It hands them to its loggers, writes them, and prints a table of them; a task is asked nothing any
more. What writes and what logs are objects of the one command that is under way: they are given
what we add, and nothing else of the harness is changed.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lm_eval_overton.harness.closing import closing
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.readable import few, ours, readable
from lm_eval_overton.metrics.measures import judgements_of

__all__ = ["follow"]


def follow(around: Evaluation) -> None:
    """Let the command of an evaluation log the headline alone, and print what reads well.

    Args:
        around: The evaluation; nothing is done for one that no command began.
    """
    if not around.is_command:
        return
    for logger in around.loggers:
        if hasattr(logger, "post_init"):
            _log_few(logger)
    if hasattr(around.tracker, "save_results_aggregated"):
        _print_readable(around)


def _log_few(logger: Any) -> None:
    take = logger.post_init

    def take_few(results: Mapping[str, Any]) -> None:
        take({**results, "results": few(results)})

    logger.post_init = take_few


def _print_readable(around: Evaluation) -> None:
    tracker = around.tracker
    save = tracker.save_results_aggregated

    def save_and_order(results: dict[str, Any], samples: Any = None) -> None:
        save(results=results, samples=samples)
        if ours(results):
            atexit.register(_close, dict(results), around)
        # They are written: what follows is the table, which is made of this very object.
        results |= readable(results)

    tracker.save_results_aggregated = save_and_order


def _close(results: Mapping[str, Any], around: Evaluation) -> None:
    # Whoever reads the output may have enough of it.
    with suppress(OSError):
        print(closing(results, around.results, _file(around), _judging(around)), flush=True)


def _file(around: Evaluation) -> Path | None:
    """Return the results file that was just written; None if there is none."""
    folder, written = around.results, getattr(around.tracker, "date_id", None)
    if folder is None or written is None:
        return None
    found = (path for path in folder.glob("*.json") if path.stem.endswith(f"_{written}"))
    return next(found, None)


def _judging(around: Evaluation) -> str:
    """Return the command that adds a judge's metrics; empty where there is nothing to add."""
    if around.results is None:
        return ""
    for task in around.tasks.values():
        stage = getattr(task, "stage", None)
        if stage is not None and stage.judge is None and judgements_of(task.KIND):
            return str(stage.command(around.results))
    return ""

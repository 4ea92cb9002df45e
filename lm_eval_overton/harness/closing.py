"""The block that ends a run: headline numbers, alarms, where everything lies, and what is next."""

from __future__ import annotations

import math
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.harness.readable import ours
from lm_eval_overton.metrics.headline import FEW, headline_of
from lm_eval_overton.metrics.measures import limits_of
from lm_eval_overton.runs.entry import Part, read
from lm_eval_overton.settings.shown import printable

__all__ = ["closing"]

WIDTH = 100
# What a part of a results dictionary that is in memory is called in messages.
IN_MEMORY = Path("results")


def closing(
    results: Mapping[str, Any], run: Path | None, file: Path | None = None, judging: str = ""
) -> str:
    """Return a block about a finished run of our tasks.

    Per task five headline numbers with their intervals and its alarms, then the files, then the
    commands that a user may want next.

    Args:
        results: The harness's results dictionary.
        run: The folder that the results were written into; None where they were not.
        file: The results file in it.
        judging: The command that adds a judge's metrics; empty where there is nothing to add.
    """
    configs = results["configs"]
    parts = {task: read(IN_MEMORY, task, configs[task]) for task in ours(results)}
    lines = ["overton: means with 95 % intervals"]
    for task, part in parts.items():
        lines += [*_numbers(task, part), *_alarms(part)]
    lines += [*_places(parts, run, file), *_next(parts, run, judging)]
    return printable("\n".join(lines))


def _numbers(task: str, part: Part) -> Iterator[str]:
    columns = {name: np.array(own, dtype=float) for name, own in part.values.items()}
    defined = [name for name, own in columns.items() if not np.isnan(own).all()]
    names = headline_of(defined)[:FEW]
    yield f"{task} ({len(part.ids)} prompts)"
    if not names:
        yield "  no metric is defined on any prompt"
        return
    rng = np.random.default_rng(stats.SEED)
    table = np.column_stack([columns[name] for name in names])
    width = max(map(len, names))
    for name, own in zip(
        names, stats.mean_intervals(table, rng, limits=limits_of(names)), strict=True
    ):
        on = "" if own.n == len(part.ids) else f"  on {own.n} prompts"
        yield f"  {name:{width}}  {_shown(own)}{on}"


def _shown(own: stats.Interval) -> str:
    if math.isnan(own.low):
        return f"{own.estimate:.3f} (no interval)"
    return f"{own.estimate:.3f} [{own.low:.3f}, {own.high:.3f}]"


def _alarms(part: Part) -> Iterator[str]:
    for alarm in part.alarms:
        # Commands in it are to be copied: no word is broken.
        yield textwrap.fill(
            f"  ! {alarm}",
            WIDTH,
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _places(parts: Mapping[str, Part], run: Path | None, file: Path | None) -> Iterator[str]:
    if run is None:
        yield "results: not written; with `-o DIR` they would be"
    else:
        yield f"results: {file or run}"
    for path in dict.fromkeys(part.generations for part in parts.values() if part.generations):
        yield f"generations: {path}"


def _next(parts: Mapping[str, Part], run: Path | None, judging: str) -> Iterator[str]:
    if run is not None:
        place = shlex.quote(str(run))
        commands = [f"overton report {place}", f"overton compare BASE {place}"]
        yield from _listed([*commands, judging] if judging else commands)
        return
    yield from _listed(
        f"overton score {shlex.quote(str(part.generations))} --task {task} -o DIR"
        for task, part in parts.items()
        if part.generations
    )


def _listed(commands: Iterable[str]) -> Iterator[str]:
    for i, command in enumerate(commands):
        yield f"{'next:' if i == 0 else '':5} {command}"

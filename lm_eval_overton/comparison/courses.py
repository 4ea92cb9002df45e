"""The metrics of a trend along its checkpoints: what is shown, and where each changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.by_tag import HEADLINE as FINDINGS
from lm_eval_overton.comparison.compared import Compared, Row
from lm_eval_overton.comparison.trends import Point, Trend
from lm_eval_overton.metrics.headline import FEW, headline_of
from lm_eval_overton.metrics.measures.about_samples import (
    DEGENERATE_SHARE,
    DUPLICATE_SHARE,
    MEAN_WORDS,
    REFUSAL_SHARE,
)
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.responses import DEFAULT_TASK
from lm_eval_overton.runs.steps import step_in
from lm_eval_overton.stats.shown import signed

__all__ = [
    "ABOUT_CHANGES",
    "COUNTED",
    "Course",
    "Line",
    "courses",
    "headline",
    "in_steps",
    "trend_of",
]

# What samples are like may change before what they say does.
BESIDE = tuple(own.name for own in (DEGENERATE_SHARE, REFUSAL_SHARE, DUPLICATE_SHARE, MEAN_WORDS))
# What is said of steps that names do not say.
COUNTED = ", counted in the order given since not every name says one of its own"
# So many metrics are shown of a task that has none which is known.
OTHERS = 3

ABOUT_CHANGES = (
    "Between which checkpoints a mean changes: the step between two neighbours that fits best, "
    "with the 95 % interval of resampled prompts, where random signs of the prompts' deviations "
    "have p < 0.05 after Holm's correction for the metrics of the task shown. A drift, which a "
    "straight line over the steps fits better, is called one."
)
# A task and one of its metrics.
Line = tuple[str, str]


@dataclass(frozen=True)
class Course:
    """A metric over the steps of the checkpoints that define it.

    Attributes:
        row: The last of them beside the base.
        ends_in_base: Whether the base is the last of them all.
        steps: In order.
        means: At each step, over the checkpoint's own prompts.
        n_prompts: How many there are, of all checkpoints.
        change: Where the mean changes along the checkpoints, the base only where it is one.
    """

    row: Row
    ends_in_base: bool
    steps: tuple[int, ...]
    means: tuple[float, ...]
    n_prompts: int
    change: stats.ChangePoint

    @property
    def untested(self) -> str:
        """Why it cannot be told whether the mean changes; empty where it can."""
        is_few = 0 < self.change.n <= self.n_prompts < stats.FEWEST_PAIRS
        return self.change.why if is_few or len(self.steps) == 1 else ""

    def said(self) -> str:
        """Return where the mean changes, in words; empty where no change holds."""
        change = self.change
        if change.split is None or change.low is None or change.high is None:
            return ""
        between = f"between steps {self._before(change.split)} and {self._after(change.split)}"
        within = f"[{self._before(change.low)} to {self._after(change.high)}]"
        explained = (
            f"{change.by_step:.0%} of how the means vary, a straight line {change.by_line:.0%}"
        )
        p = f"p (Holm) {'< 0.001' if change.p_holm < 0.001 else f'= {change.p_holm:.3f}'}"
        if change.is_drift:
            return f"a drift, {p}: the best step, {between}, explains {explained}"
        return f"{signed(change.difference)} {between} {within}, {p}: the step explains {explained}"

    def _before(self, split: int) -> str:
        return f"{self.steps[split - 1]:,}"

    def _after(self, split: int) -> str:
        return f"{self.steps[split]:,}"


def in_steps(
    base: FinishedRun, runs: Sequence[FinishedRun]
) -> tuple[list[tuple[int, FinishedRun]], bool]:
    """Return runs with the steps of the training that their names say, in order.

    Args:
        base: Joins them if its name says a step, too.
        runs: Checkpoints.

    Returns:
        Steps and runs, and whether names say the steps: unless all do, each another one, they are
        counted from 1 in the order given, without the base.
    """
    steps = [_step(run) for run in runs]
    known = [(step, run) for step, run in zip(steps, runs, strict=True) if step is not None]
    if len({step for step, _ in known}) < len(runs):
        return list(enumerate(runs, start=1)), False
    first = _step(base)
    if first is not None and first not in steps:
        known.append((first, base))
    return sorted(known, key=lambda own: own[0]), True


def _step(run: FinishedRun) -> int | None:
    """Return the step that the name of a run, of its place or of its model says."""
    models = (
        own.model.replace("\\", "/").rstrip("/").rpartition("/")[2] for own in run.tasks.values()
    )
    found = map(step_in, (run.name, run.place.name, *models))
    return next((step for step in found if step is not None), None)


def trend_of(compared: Compared) -> tuple[Trend, bool]:
    """Return the runs of a comparison as the checkpoints of one training, each beside the base
    alone, and whether their names say the steps."""
    base, *runs = compared.runs
    # One place may be given twice, under two names.
    pairs = {id(run): pair for run, pair in zip(runs, compared.pairs, strict=True)}
    ordered, is_named = in_steps(base, runs)
    points = [Point(step, run, pairs.get(id(run)), None) for step, run in ordered]
    return Trend(base, tuple(points)), is_named


def headline(trend: Trend) -> list[Line]:
    """Return what is shown, task by task: what any checkpoint defines beside the base."""
    rows = [row for point in trend.points if point.base for row in point.base.rows]
    there: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.paired.n:
            there.setdefault(row.task, {}).setdefault(row.metric, row)
    tasks = sorted(there, key=lambda name: (name != DEFAULT_TASK, name))
    return [(task, metric) for task in tasks for metric in _shown(there[task])]


def _shown(rows: dict[str, Row]) -> list[str]:
    findings = [metric for metric in FINDINGS if metric in rows] or headline_of(rows)[:FEW]
    shown = [*findings, *(metric for metric in BESIDE if metric in rows)]
    directed = [metric for metric, row in rows.items() if row.higher_is_better is not None]
    return shown or (directed or list(rows))[:OTHERS]


def courses(trend: Trend, lines: Sequence[Line], seed: int) -> dict[Line, Course]:
    """Return the course of each metric; p-values are corrected for those of its task.

    Args:
        trend: The checkpoints.
        lines: Of `headline`.
        seed: Of the resamples and signs.
    """
    found: dict[Line, Course] = {}
    for task in dict.fromkeys(task for task, _ in lines):
        own = [_Along(trend, line) for line in lines if line[0] == task]
        changes = stats.change_points(
            [one.table() for one in own],
            np.random.default_rng(seed),
            [[*one.values] for one in own],
        )
        found |= {one.line: one.course(change) for one, change in zip(own, changes, strict=True)}
    return found


class _Along:
    """A metric along the checkpoints that define it beside the base."""

    def __init__(self, trend: Trend, line: Line) -> None:
        self.line = line
        rows = [_row(point, line) for point in trend.points]
        self.last = [row for row in rows if row][-1]
        own = zip(trend.points, rows, strict=True)
        # The base has no row beside itself.
        points = [point for point, row in own if row or point.base is None]
        found = {point.step: _values(point, line) for point in points}
        self.values = {step: values for step, values in found.items() if values}
        self.ends_in_base = points[-1].base is None

    def table(self) -> stats.Array:
        """Return the values (n_checkpoints, n_prompts), NaN where a checkpoint has none."""
        keys = self._keys()
        return np.array([[own.get(key, math.nan) for key in keys] for own in self.values.values()])

    def _keys(self) -> list[str]:
        return list(dict.fromkeys(key for values in self.values.values() for key in values))

    def course(self, change: stats.ChangePoint) -> Course:
        """Return the whole, with where it changes."""
        means = [float(np.mean([*own.values()])) for own in self.values.values()]
        n_prompts = len(self._keys())
        steps = tuple(self.values)
        return Course(self.last, self.ends_in_base, steps, tuple(means), n_prompts, change)


def _values(point: Point, line: Line) -> dict[str, float]:
    """Return the defined values of a metric of a checkpoint, by prompt."""
    own = point.run.tasks.get(line[0])
    if own is None or line[1] not in own.values:
        return {}
    both = zip(own.ids, own.values[line[1]].tolist(), strict=True)
    return {key: value for key, value in both if not math.isnan(value)}


def _row(point: Point, line: Line) -> Row | None:
    rows = point.base.rows if point.base else ()
    return next((row for row in rows if (row.task, row.metric) == line and row.paired.n), None)

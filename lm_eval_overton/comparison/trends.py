"""The checkpoints of one training run in its order: what changed from the base, and from the
checkpoint before."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import align
from lm_eval_overton.comparison.compared import Compared, Pair, Row
from lm_eval_overton.comparison.fail_on import Failure, failures
from lm_eval_overton.comparison.pairs import compare
from lm_eval_overton.errors import DataError
from lm_eval_overton.metrics.measures.about_samples import (
    DEGENERATE_SHARE,
    DUPLICATE_SHARE,
    IDENTICAL_PROMPTS,
    REFUSAL_SHARE,
)
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

__all__ = ["Moved", "Pairing", "Point", "Trend", "alarms", "first_failure", "holds", "moved"]

# By how much more of the answers at least, for an alarm.
LEAST = 0.02
# What a rise of is an alarm, and what it is called.
RISES = {
    DEGENERATE_SHARE.name: "degenerate answers",
    REFUSAL_SHARE.name: "refusals",
    DUPLICATE_SHARE.name: "collapse",
    IDENTICAL_PROMPTS.name: "collapse",
}
# These are not to lose more than half of what the base has.
DIVERSITY, LOST = (SEMANTIC_DIVERSITY.name, LEXICAL_DIVERSITY.name), 0.5


@dataclass(frozen=True)
class Point:
    """A checkpoint of the training.

    Attributes:
        step: Of the training.
        run: Its results.
        base: It against the base; None for the base itself.
        before: It against the checkpoint before; None for the first, and where the two have nothing
            in common.
    """

    step: int
    run: FinishedRun
    base: Pair | None
    before: Pair | None


@dataclass(frozen=True)
class Trend:
    """The base, which may be a checkpoint of the training or not, and the checkpoints in order."""

    base: FinishedRun
    points: tuple[Point, ...]


@dataclass
class Pairing:
    """Compares runs, each two of them once.

    Attributes:
        force: Compare runs of different settings.
        seed: Of the resamples.
    """

    force: bool = False
    seed: int = stats.SEED
    _known: dict[tuple[Path, Path], Pair] = field(default_factory=dict)

    def trend(self, base: FinishedRun, runs: Sequence[tuple[int, FinishedRun]]) -> Trend:
        """Return what changed over the checkpoints of a training run.

        Args:
            base: What each is compared with; it may be one of them.
            runs: Steps and results, in order.

        Raises:
            OvertonError: If one of them cannot be compared with the base, or settings differ.
        """
        before = [None, *(run for _, run in runs[:-1])]
        points = [
            Point(
                step,
                run,
                None if run.place == base.place else self._pair(base, run),
                None if last is None else self._neighbours(last, run),
            )
            for (step, run), last in zip(runs, before, strict=True)
        ]
        return Trend(base, tuple(points))

    def _neighbours(self, last: FinishedRun, run: FinishedRun) -> Pair | None:
        # Each has something in common with the base, and that need not be the same.
        try:
            return self._pair(last, run)
        except DataError:
            return None

    def _pair(self, base: FinishedRun, run: FinishedRun) -> Pair:
        key = (base.place, run.place)
        if key not in self._known:
            [self._known[key]] = compare(base, [run], force=self.force, seed=self.seed).pairs
        return self._known[key]


def first_failure(trend: Trend, expressions: Sequence[str]) -> tuple[Point, list[Failure]] | None:
    """Return the first checkpoint that changed by more than was allowed, and in what.

    Args:
        trend: The checkpoints.
        expressions: As for `fails`; each is about the change from the base.

    Raises:
        SettingsError: As for `fails`.
    """
    for point in trend.points:
        if point.base is None:
            continue
        compared = Compared((trend.base, point.run), (point.base,))
        if found := failures(compared, expressions):
            return point, found
    return None


def holds(row: Row) -> bool:
    """Return whether a change holds: its interval leaves 0 out, and p is below 5 % after Holm's
    correction within its table."""
    return row.paired.is_clear and row.p_holm < stats.TEST_LEVEL


def alarms(point: Point) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a checkpoint: what it is called, and the numbers."""
    for row in point.base.rows if point.base else ():
        paired = row.paired
        said = f"{row.task}.{row.metric} {paired.mean_b:.3f} → {paired.mean_a:.3f}"
        said += f", {paired.difference:+.3f} [{paired.ci_low:+.3f}, {paired.ci_high:+.3f}]"
        if row.metric in RISES and holds(row) and paired.ci_low > LEAST:
            yield RISES[row.metric], said
        if row.metric in DIVERSITY and holds(row) and paired.ci_high < -LOST * paired.mean_b:
            yield "collapse", said
    for task, own in point.run.tasks.items():
        for alarm in own.alarms:
            yield "alarm of the run", f"{task}: {alarm}"


@dataclass(frozen=True)
class Moved:
    """A prompt whose value of a metric changed."""

    prompt: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        """After minus before."""
        return self.after - self.before


def moved(base: TaskResult, run: TaskResult, metric: str, sign: int = 0) -> list[Moved]:
    """Return the prompts of two results whose value of a metric changed, the largest change first.

    Args:
        base: What is compared with.
        run: The other one.
        metric: One that both have.
        sign: Only falls (-1), only rises (1), or both (0).
    """
    both = align(base, run)
    keys = np.array(base.ids)[both.base_at].tolist()
    found = [
        Moved(key, float(a), float(b))
        for key, a, b in zip(keys, *both.aligned(metric), strict=True)
    ]
    kept = [own for own in found if own.difference and not math.isnan(own.difference)]
    kept = [own for own in kept if not sign or own.difference * sign > 0]
    return sorted(kept, key=lambda own: -abs(own.difference))

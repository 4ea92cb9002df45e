"""Where the mean of a metric over prompts changes along the checkpoints of a training run.

The unit is the prompt: each has one value per checkpoint, NaN where the metric is undefined. Every
prompt is held against its own mean, so that what prompts differ in and what is undefined moves
nothing. The caller passes the random generator, so equal seeds give equal results.

A step in the mean between two neighbouring checkpoints is fitted by least squares, with a level of
its own for each prompt; the split that leaves the smallest residual is the estimate. Where all is
defined this is the maximum of the weighted CUSUM of the means of the checkpoints.

Sources: Page 1954, "Continuous Inspection Schemes"; Bai 1997, "Estimation of a Change Point in
Multiple Regression Models" (least squares); Wu 1986, "Jackknife, Bootstrap and Other Resampling
Methods in Regression Analysis" (random signs of whole units).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lm_eval_overton.stats.bootstrap import check_settings, resampled_means
from lm_eval_overton.stats.draws import ROUNDING, Array
from lm_eval_overton.stats.intervals import as_finite
from lm_eval_overton.stats.paired import FEWEST_PAIRS, TEST_LEVEL, holm
from lm_eval_overton.stats.sign_flips import signed_sums

__all__ = ["ChangePoint", "change_point", "change_points"]

# A bound is the split of a resample: more of them would not move it.
RESAMPLES = 1_999
# Gains that are equal on paper differ by rounding; below this relative size they are ties.
_TIE = 1e-10
NO_CHANGE = "no change that holds"


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Where the mean of a metric changes, if it does.

    Splits are counted in checkpoints: the change lies behind so many of them.

    Attributes:
        split: Behind how many checkpoints the mean changes; None where no change holds.
        low: The earliest split of the interval; None without a split.
        high: The latest one.
        difference: Mean after the split minus before it, each prompt against itself; of the split
            that differs most, so rather too large than too small; NaN without a split.
        by_step: Which share of how the means of the checkpoints vary that one step explains, in
            [0, 1]; NaN where they do not vary.
        by_line: The same of a straight line over the steps of the training.
        p_value: Two-sided, in (0, 1]; NaN where nothing could be tested.
        p_holm: Corrected for the metrics beside it.
        n: Number of prompts that vary.
        why: Why there is no split; empty where there is one.
    """

    split: int | None
    low: int | None
    high: int | None
    difference: float
    by_step: float
    by_line: float
    p_value: float
    p_holm: float
    n: int
    why: str = ""

    @property
    def is_drift(self) -> bool:
        """Whether a straight line over the steps fits better than one step between two of them."""
        return self.by_line > self.by_step


def change_point(
    values: npt.ArrayLike,
    rng: np.random.Generator,
    steps: Sequence[float] | None = None,
    level: float = 0.95,
) -> ChangePoint:
    """Return where the mean over prompts changes; see `change_points`."""
    return change_points([values], rng, [steps], level)[0]


def change_points(
    tables: Sequence[npt.ArrayLike],
    rng: np.random.Generator,
    steps: Sequence[Sequence[float] | None] | None = None,
    level: float = 0.95,
) -> list[ChangePoint]:
    """Return for each metric where its mean over prompts changes along the checkpoints.

    The test is against a mean that stays: the deviations of each prompt from its own mean, all
    checkpoints together, are as likely with the other sign. Under random signs of whole prompts the
    largest gain of any split is as large as the one found in a share p, all choices of signs up to
    14 prompts, else (1 + count) / (1 + 9,999). The order of a prompt's checkpoints is not permuted:
    a prompt whose answers wander from checkpoint to checkpoint while the mean stays would count as
    a change then. Like any test over prompts it takes the checkpoints as they are: one that
    differs for a reason of its own is a change, too.

    The interval is the percentile interval of the splits that resamples of the prompts choose; its
    bounds are whole splits. Of one step it holds the true split more often than its level says: a
    split is a whole number, and resamples spread further than estimates do.

    A drift has a best split as well. It is told by `is_drift`: a straight line over the steps then
    explains more of how the means vary than one step does. That is a description, no test.

    Args:
        tables: (n_checkpoints, n_prompts) each, in training order, finite; NaN where undefined.
            Every checkpoint has a defined value.
        rng: Source of the resamples and signs; its state is left as it was.
        steps: (n_checkpoints,) per table, rising: where each checkpoint stands; default: 0, 1, 2
            and so on.
        level: Confidence level in (0, 1).

    Returns:
        One change point per table, p-values corrected for the number of tables.

    Raises:
        ValueError: If a table is not two-dimensional or not finite, a checkpoint has no value, the
            steps are not as many or do not rise, or ``level`` is out of range.
    """
    check_settings(level)
    places = [None] * len(tables) if steps is None else steps
    fits = [_fitted(table, at) for table, at in zip(tables, places, strict=True)]
    p_values = [own.p_value(copy.deepcopy(rng)) for own in fits]
    corrected = holm(p_values)
    return [
        own.change(p, float(p_holm), copy.deepcopy(rng), level)
        for own, p, p_holm in zip(fits, p_values, corrected, strict=True)
    ]


def _fitted(table: npt.ArrayLike, steps: Sequence[float] | None) -> _Fit:
    values = as_finite(table, 2, "change_points")
    if np.isnan(values).all(axis=1).any():
        raise ValueError(
            "change_points: expected a defined value at every checkpoint, got one without; leave "
            "it out"
        )
    at = np.asarray(range(len(values)) if steps is None else steps, dtype=np.float64)
    if at.shape != values.shape[:1] or not (np.diff(at) > 0).all():
        raise ValueError(
            f"change_points: expected {len(values)} rising steps, one per checkpoint, got {steps}"
        )
    return _Fit.of(values, at)


@dataclass(frozen=True)
class _Fit:
    """What least squares needs of each prompt: it adds up over prompts.

    Attributes:
        products: (n_prompts, n_splits), of the deviations with the step behind each split.
        squares: The same of the step with itself.
        line: (2,), both of a straight line, over all prompts.
        total: What levels of their own for all checkpoints would explain.
    """

    products: Array
    squares: Array
    line: Array
    total: float

    @classmethod
    def of(cls, values: Array, steps: Array) -> _Fit:
        there = ~np.isnan(values)
        apart = _centred(values, there)
        is_moved = (apart != 0).any(axis=0)
        apart, there = apart[:, is_moved], there[:, is_moved]
        count = there.sum(axis=0)
        behind = _sums_behind(there) / count
        at = _centred(np.where(there, steps[:, np.newaxis], np.nan), there)
        return cls(
            products=_sums_behind(apart).T,
            squares=(count * behind * (1 - behind)).T,
            line=np.array([(at * apart).sum(), (at * at).sum()]),
            total=_between(apart, there.astype(np.float64)),
        )

    def p_value(self, rng: np.random.Generator) -> float:
        """Return how rarely random signs of whole prompts give a gain as large as the best."""
        products, squares = self.products, self.squares.sum(axis=0)
        if not products.size:
            return math.nan
        best = _gains(products.sum(axis=0), squares).max()
        gains = _gains(signed_sums(products, rng), squares).max(axis=1)
        return float((gains >= best * (1 - _TIE)).mean())

    def change(
        self, p_value: float, p_holm: float, rng: np.random.Generator, level: float
    ) -> ChangePoint:
        """Return the best split with its interval, or why there is none."""
        n = len(self.products)
        sums, squares = self.products.sum(axis=0), self.squares.sum(axis=0)
        gains = _gains(sums, squares)
        if why := self._why_not(p_holm):
            nan = math.nan
            return ChangePoint(None, None, None, nan, nan, nan, p_value, p_holm, n, why)
        best = int(gains.argmax())
        low, high = self._bounds(rng, level)
        return ChangePoint(
            split=best + 1,
            low=min(low, best) + 1,
            high=max(high, best) + 1,
            difference=float(sums[best] / squares[best]),
            by_step=_share(gains[best], self.total),
            by_line=_share(float(_gains(*self.line)), self.total),
            p_value=p_value,
            p_holm=p_holm,
            n=n,
        )

    def _why_not(self, p_holm: float) -> str:
        n, splits = self.products.shape
        if not splits:
            return "one checkpoint alone"
        if n < FEWEST_PAIRS:
            return f"{n} prompts vary, and fewer than {FEWEST_PAIRS} cannot show a change"
        return "" if p_holm < TEST_LEVEL else NO_CHANGE

    def _bounds(self, rng: np.random.Generator, level: float) -> tuple[int, int]:
        """Return the first and the last split of the interval, counted from 0."""
        both = np.hstack([self.products, self.squares])
        products, squares = np.hsplit(resampled_means(both, rng, RESAMPLES), 2)
        chosen = _gains(products, squares).argmax(axis=1)
        tail = (1 - level) / 2
        low, high = np.quantile(chosen, [tail, 1 - tail], method="inverted_cdf")
        return int(low), int(high)


def _centred(values: Array, there: npt.NDArray[np.bool_]) -> Array:
    """Return each prompt's values less its own mean, exactly 0 where only rounding tells them apart
    and where nothing is defined."""
    known = np.where(there, values, 0.0)
    apart = np.where(there, known - known.sum(axis=0) / np.maximum(there.sum(axis=0), 1), 0.0)
    rounding = ROUNDING * np.abs(known).max(axis=0)
    return np.where(np.abs(apart) <= rounding, 0.0, apart)


def _sums_behind(values: npt.NDArray[np.generic]) -> Array:
    """Return the sums (n_splits, n) of the checkpoints behind each split of (n_checkpoints, n)."""
    sums: Array = np.cumsum(values[::-1], axis=0, dtype=np.float64)[-2::-1]
    return sums


def _gains(products: Array, squares: Array) -> Array:
    """Return by how much a step lowers the sum of squares; 0 where no prompt has both sides."""
    gains: Array = np.divide(
        products**2, squares, out=np.zeros(np.shape(products)), where=np.asarray(squares) > 0
    )
    return gains


def _between(apart: Array, there: Array) -> float:
    """Return by how much levels of their own for all checkpoints lower the sum of squares."""
    weights = np.diag(there.sum(axis=1)) - (there / there.sum(axis=0)) @ there.T
    sums = apart.sum(axis=1)
    return float(sums @ np.linalg.pinv(weights, hermitian=True) @ sums)


def _share(gain: float, total: float) -> float:
    return min(float(gain) / total, 1.0) if total > 0 else math.nan

"""The figure of what a reader gets from the first samples: the utility of one, of two, of more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from lm_eval_overton.comparison.classes import Rated, rated_classes, scale_of
from lm_eval_overton.metrics.formulas.classes import discounted
from lm_eval_overton.metrics.measures.classes import UTILITY_K, UTILITY_SHARE
from lm_eval_overton.metrics.ratings import MOST
from lm_eval_overton.reporting.estimates import Estimates, task_names
from lm_eval_overton.reporting.html import Markup, bounds, join, number, table, tag
from lm_eval_overton.reporting.picture import WIDTH, Picture, constant, labelled, look
from lm_eval_overton.reporting.svg import INK, new_figure
from lm_eval_overton.runs.finished import TaskResult
from lm_eval_overton.stats import Array, Interval, mean_intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["utility"]

_KEY = "utility"
_TITLE = "Utility of the first k samples"
_STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class _Curve:
    """A run's mean utility of its first 1, 2, ... samples, in units of the best rating."""

    run: int
    name: str
    most: float
    shares: Array


def utility(estimates: Estimates, missing: str) -> Picture:
    """Return a figure of the mean utility of the first k samples, a line per run.

    Args:
        estimates: Of the runs.
        missing: Where ratings of samples come from.
    """
    curves = list(_curves(estimates))
    if not curves:
        words = f"No run has classes and ratings of its samples: they come from {missing}."
        return Picture(_KEY, _TITLE, missing=words)
    if flat := constant(UTILITY_SHARE.name, (curve.shares.ravel() for curve in curves)):
        return Picture(_KEY, _TITLE, missing=flat)
    # On the one scale that all runs have, or on none.
    most = MOST if {curve.most for curve in curves} == {MOST} else 1
    metric = UTILITY_SHARE.name if most == 1 else UTILITY_K.name
    rows = [(curve, _intervals(curve, most, estimates.seed)) for curve in curves]
    listed = "; ".join(
        f"{curve.name}: {', '.join(number(one.estimate) for one in own)}, of {own[0].n} prompts"
        for curve, own in rows
    )
    label = f"{metric} of the first 1, 2, ... samples, with 95 % intervals. {listed}."
    return Picture(_KEY, _TITLE, label, lambda: _draw(rows, metric), numbers=_numbers(rows))


_Row = tuple[_Curve, Sequence[Interval]]


def _curves(estimates: Estimates) -> Iterator[_Curve]:
    runs = estimates.compared.runs
    for i, run in enumerate(runs):
        found = (_curve(i, labelled(runs, i), run.tasks[task]) for task in task_names([run]))
        # One line per run, of the first of its tasks that has ratings.
        yield from islice(filter(None, found), 1)


def _curve(run: int, name: str, own: TaskResult) -> _Curve | None:
    scale = scale_of(own)
    if scale is None:
        return None
    shares = _shares(own, scale.most)
    return _Curve(run, name, scale.most, shares) if len(shares) else None


def _shares(own: TaskResult, most: float) -> Array:
    """Return the utility of the first k samples in units of the best rating, (n_prompts, n).

    Prompts that lack a rating of the first sample of a class are left out for every k, so that the
    points of a line are of the same prompts.
    """
    found = [one for one in rated_classes(own) if one is not None]
    n = min((len(one.labels) for one in found), default=0)
    rows: Array = np.array([_utilities(one, n) for one in found], dtype=float).reshape(-1, n)
    rows = rows[~np.isnan(rows).any(axis=1)] / most
    return rows


def _utilities(one: Rated, n: int) -> list[float]:
    return [discounted(one.labels[:k], one.ratings[:k]) for k in range(1, n + 1)]


def _intervals(curve: _Curve, most: float, seed: int) -> list[Interval]:
    rng = np.random.default_rng(seed)
    limits = [(0.0, float(most))] * curve.shares.shape[1]
    return mean_intervals(curve.shares * most, rng, limits=limits)


def _numbers(rows: Sequence[_Row]) -> Markup:
    head = ["first samples", *(curve.name for curve, _ in rows)]
    longest = max(len(own) for _, own in rows)
    body: list[list[object]] = [
        [str(k + 1), *(_cell(own, k) for _, own in rows)] for k in range(longest)
    ]
    prompts = ["prompts", *(str(own[0].n) for _, own in rows)]
    return table(
        f"{_TITLE}: mean over prompts with its 95 % interval", head, {"": [*body, prompts]}
    )


def _cell(own: Sequence[Interval], k: int) -> Markup:
    if k >= len(own):
        return Markup("")
    return join([number(own[k].estimate), " ", tag("small", bounds(own[k]))])


def _draw(rows: Sequence[_Row], metric: str) -> Figure:
    with new_figure(WIDTH, 2.7 + 0.18 * len(rows)) as figure:
        axes = figure.add_subplot()
        for i, (curve, own) in enumerate(rows):
            _line(axes, curve, own, 0.05 * (i - (len(rows) - 1) / 2))
        axes.set_xticks(range(1, 1 + max(len(own) for _, own in rows)))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("first samples that are read")
        axes.set_ylabel(f"{metric}  →")
        axes.grid(color=INK, alpha=0.12, linewidth=0.5)
        legend = figure.legend(loc="outside upper left")
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def _line(axes: Axes, curve: _Curve, own: Sequence[Interval], aside: float) -> None:
    """Draw a run's line, a little aside, so that intervals do not hide each other."""
    at = np.arange(1, len(own) + 1) + aside
    axes.vlines(
        at, [one.low for one in own], [one.high for one in own], linewidth=1.0, alpha=0.7,
        color=look(curve.run)["color"],
    )  # fmt: skip
    axes.plot(
        at, [one.estimate for one in own], markersize=4.5, linewidth=1.3, label=curve.name,
        linestyle=_STYLES[curve.run % len(_STYLES)], clip_on=False, **look(curve.run),
    )  # fmt: skip

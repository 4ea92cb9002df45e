"""Figures of survey answers: each group of people, a map of them, and how decided runs are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lm_eval_overton.comparison.groups import (
    FLOORS,
    MOST_GROUPS,
    Likeness,
    Opinions,
    between,
    likenesses,
    opinions_of,
)
from lm_eval_overton.metrics.formulas.scaling import scaled
from lm_eval_overton.metrics.measures.survey import OPINION_ENTROPY
from lm_eval_overton.reporting.estimates import Estimates
from lm_eval_overton.reporting.html import (
    Markup,
    bounds,
    estimate,
    number,
    percent,
    signed,
    table,
)
from lm_eval_overton.reporting.labels import around, write_names
from lm_eval_overton.reporting.picture import WIDTH, Picture, labelled, look, name_rows, short
from lm_eval_overton.reporting.svg import INK, fix_layout, new_figure
from lm_eval_overton.stats import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["pictures"]

# Of all runs together.
MOST_DOTS = 1200
# The floors' names, and where they lie below the bars.
MARKS = {"uniform": "o", "majority": "v", "others": "D", "ceiling": "|", "chance": "*"}


def pictures(estimates: Estimates) -> list[Picture]:
    """Return the figures of what runs answer to surveys; none where no run was asked one.

    Args:
        estimates: Of the runs.
    """
    runs = estimates.compared.runs
    found = opinions_of(runs)
    drawn = [_groups(estimates, found), _map(estimates, found)] if found else []
    return [*drawn, *_entropies(estimates)]


# -------------------------------------------------------------------------------------- groups


@dataclass(frozen=True)
class _Row:
    """A run's likeness to each group that is shown."""

    run: int
    name: str
    groups: Sequence[Likeness]


def _groups(estimates: Estimates, found: Sequence[Opinions]) -> Picture:
    title = "Likeness to each group of people"
    names = found[0].groups(MOST_GROUPS)
    rows = [
        _Row(
            own.run, labelled(estimates.compared.runs, own.run), _likenesses(own, names, estimates)
        )
        for own in found
    ]
    of_all = found[0].n_groups
    if len(names) < of_all:
        title += f", {len(names)} of {of_all} that were asked most"
    listed = "; ".join(
        f"{row.name}: "
        + ", ".join(f"{one.group} {number(one.match.estimate)}" for one in row.groups)
        for row in rows
    )
    label = f"One minus the Jensen-Shannon distance to each group, with 95 % intervals. {listed}."
    return Picture(
        "opinions-groups", title, label, lambda: _draw_groups(names, rows), numbers=_numbers(rows)
    )


def _likenesses(own: Opinions, names: Sequence[str], estimates: Estimates) -> list[Likeness]:
    there = set(own.groups(own.n_groups))
    return likenesses(own, [name for name in names if name in there], estimates.seed)


def _draw_groups(names: Sequence[str], rows: Sequence[_Row]) -> Figure:
    step = 0.36 + 0.11 * len(rows)
    with new_figure(WIDTH, 0.95 + step * len(names)) as figure:
        axes = figure.add_subplot()
        height = 0.42 / len(rows)
        for k, row in enumerate(rows):
            for one in row.groups:
                at = names.index(one.group) - 0.12 + height * k
                _bar(axes, row, one, at, height)
        for one in rows[0].groups:
            _floors(axes, one, names.index(one.group) + 0.38)
        name_rows(axes, [short(name, 46) for name in names], offset=0.2)
        axes.set_xlim(0, 1)
        axes.set_xlabel("likeness; marks below the bars: what it is to be compared with")
        axes.grid(axis="x", color=INK, alpha=0.12, linewidth=0.5)
        handles, labels = axes.get_legend_handles_labels()
        # Each group adds the same ones.
        own = dict(zip(labels, handles, strict=True))
        legend = figure.legend(
            own.values(), own.keys(), loc="outside upper left", ncols=4, handlelength=1.2,
            columnspacing=1,
        )  # fmt: skip
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure


def _bar(axes: Axes, row: _Row, one: Likeness, at: float, height: float) -> None:
    own, value = look(row.run), one.match
    axes.barh(
        at, value.estimate, height=height * 0.86, color=own["color"], alpha=0.75,
        label=short(row.name, 22),
    )  # fmt: skip
    axes.plot([value.low, value.high], [at, at], color=INK, linewidth=1.3)
    if one.steered.n:
        axes.plot(
            [one.steered.estimate], [at], linestyle="", marker=own["marker"], markersize=5.5,
            markerfacecolor="#ffffff", markeredgecolor=INK, markeredgewidth=0.9,
            label="asked to answer as it",
        )  # fmt: skip


def _floors(axes: Axes, one: Likeness, at: float) -> None:
    for name, mark in MARKS.items():
        if one.floors[name].n:
            axes.plot(
                [one.floors[name].estimate], [at], linestyle="", marker=mark, markersize=4.5,
                color=INK, markerfacecolor="none", markeredgewidth=0.9,
                label=name,
            )  # fmt: skip


def _numbers(rows: Sequence[_Row]) -> Markup:
    """Return every likeness with its interval, and the floors of each group."""
    groups = {
        row.name: [
            [
                one.group,
                estimate(one.match),
                *(number(one.floors[name].estimate) for name in (*FLOORS, "chance")),
                estimate(one.steered),
                one.match.n,
            ]
            for one in row.groups
        ]
        for row in rows
    }
    head = ["group", "likeness", *FLOORS, "chance", "asked to answer as it", "questions"]
    caption = (
        "Likeness to each group, beside that of a uniform guess, of all for its most frequent "
        "option, of the other groups, of all groups together, and of as many people drawn from it"
    )
    return table(caption, head, groups)


def _map(estimates: Estimates, found: Sequence[Opinions]) -> Picture:
    key, title = "opinions-map", "Map of groups and runs by the distance of their answers"
    groups, distances = between(found, found[0].groups(MOST_GROUPS))
    if len(distances) < 3 or np.isnan(distances).any():
        why = "it takes at least three of groups and runs that answer the same questions."
        return Picture(key, title, missing=f"Undefined: {why}")
    points, held = scaled(distances)
    runs = [labelled(estimates.compared.runs, own.run) for own in found]
    nearest = "; ".join(
        f"{run} is nearest to {groups[int(np.argmin(distances[len(groups) + k, : len(groups)]))]}"
        for k, run in enumerate(runs)
        if groups
    )
    label = (
        "Classical scaling of mean Jensen-Shannon distances over shared questions; the plane holds "
        f"{percent(held)} of them. {nearest}."
    )
    numbers = _distances([*groups, *runs], distances)
    at = [own.run for own in found]
    return Picture(key, title, label, lambda: _draw_map(groups, runs, at, points), numbers=numbers)


def _distances(names: Sequence[str], distances: Array) -> Markup:
    rows = [
        [name, *("" if i == j else number(float(distances[i, j])) for j in range(len(names)))]
        for i, name in enumerate(names)
    ]
    return table("Mean Jensen-Shannon distance over shared questions", ["", *names], {"": rows})


def _draw_map(
    groups: Sequence[str], runs: Sequence[str], at: Sequence[int], points: Array
) -> Figure:
    with new_figure(WIDTH, 4.2) as figure:
        axes = figure.add_subplot()
        axes.plot(
            *points[: len(groups)].T, linestyle="", marker="o", markersize=4.5, color=INK, alpha=0.7
        )
        for k, run in enumerate(at):
            axes.plot(
                *points[len(groups) + k], linestyle="", markersize=9, markeredgecolor=INK,
                markeredgewidth=0.7, **look(run),
            )  # fmt: skip
        # A square, so that names have room where all lies on one line.
        middle = (points.max(axis=0) + points.min(axis=0)) / 2
        half = 0.62 * max(float(np.ptp(points, axis=0).max()), 1e-3)
        axes.set_xlim(middle[0] - half, middle[0] + half)
        axes.set_ylim(middle[1] - half, middle[1] + half)
        axes.set_aspect("equal")
        axes.grid(color=INK, alpha=0.12, linewidth=0.5)
        axes.set_xlabel("distance in the plane; the axes have no meaning of their own")
        fix_layout(figure)
        to_points = 72 / figure.dpi
        spots = (axes.transData.transform(points) * to_points).tolist()
        taken = [around(x, y, 5) for x, y in spots]
        write_names(axes, [short(name, 26) for name in (*groups, *runs)], spots, taken)
    return figure


# ------------------------------------------------------------------------------------- entropy


def _entropies(estimates: Estimates) -> list[Picture]:
    """Return a figure per task of the entropy of each question, runs against the base."""
    base, *others = estimates.compared.runs
    metric = OPINION_ENTROPY.name
    tasks = [task for task, own in base.tasks.items() if metric in own.values]
    found = []
    for task in tasks:
        runs = [i for i, run in enumerate(others, start=1) if _has(run.tasks.get(task), metric)]
        if runs:
            found += _entropy(estimates, task, runs)
    return found


def _has(own: object, metric: str) -> bool:
    return metric in getattr(own, "values", {})


def _entropy(estimates: Estimates, task: str, runs: Sequence[int]) -> list[Picture]:
    """Return the figure of the runs that share a defined question with the base; none of none."""
    metric, named = OPINION_ENTROPY.name, estimates.compared.runs
    every = {i: _paired(estimates, task, i) for i in runs}
    pairs = {i: rows for i, rows in every.items() if len(rows)}
    if not pairs:
        return []
    said = []
    for i in pairs:
        row = estimates.row(i, task, metric)
        if row is not None:
            change = f"{signed(row.paired.difference)} {bounds(row.change)}"
            said.append(f"{labelled(named, i)}: {change}, {row.paired.n} questions")
    label = f"{metric} of each question against the base's. Change: {'; '.join(said)}."
    names = {i: labelled(named, i) for i in pairs}
    title = f"How undecided: {task}, each question against the base"
    return [
        Picture(
            f"opinions-entropy-{task}", title, label,
            lambda: _draw_entropy(pairs, names, labelled(named, 0)),
        )
    ]  # fmt: skip


def _paired(estimates: Estimates, task: str, run: int) -> Array:
    """Return both entropies of each question that two runs share, (n, 2), of very many some."""
    base, own = (estimates.compared.runs[i].tasks[task] for i in (0, run))
    metric = OPINION_ENTROPY.name
    of_base = dict(zip(base.ids, base.values[metric].tolist(), strict=True))
    rows = [
        (of_base[key], value)
        for key, value in zip(own.ids, own.values[metric].tolist(), strict=True)
        if key in of_base
    ]
    found = np.array(rows, dtype=float).reshape(-1, 2)
    found = found[~np.isnan(found).any(axis=1)]
    most = MOST_DOTS // len(estimates.compared.runs)
    drawn: Array = found[np.random.default_rng(estimates.seed).permutation(len(found))[:most]]
    return drawn


def _draw_entropy(pairs: dict[int, Array], names: dict[int, str], base: str) -> Figure:
    with new_figure(WIDTH, 4.2) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
        for i, rows in pairs.items():
            own = look(i)
            axes.plot(
                *rows.T, linestyle="", marker=own["marker"], markersize=4, markeredgewidth=0,
                alpha=0.45, color=own["color"],
            )  # fmt: skip
            axes.plot(
                *rows.mean(axis=0, keepdims=True).T, linestyle="", markersize=9,
                markeredgecolor=INK, markeredgewidth=0.8, label=short(names[i], 26), **own,
            )  # fmt: skip
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_aspect("equal")
        axes.set_xlabel(f"entropy in {short(base, 26)}; below the line: more decided than it")
        axes.set_ylabel("entropy")
        legend = figure.legend(loc="outside upper left", ncols=2)
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure

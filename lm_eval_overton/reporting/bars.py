"""Figures with a row per run or strategy: stances, and what comes back in context."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lm_eval_overton.comparison import Compared, Shift
from lm_eval_overton.comparison.recovered import is_peer
from lm_eval_overton.metrics.formulas.stance import STANCES
from lm_eval_overton.metrics.measures.stance import P_BOTH, STANCE_SHARES
from lm_eval_overton.reporting.estimates import Estimates, task_of
from lm_eval_overton.reporting.html import percent
from lm_eval_overton.reporting.picture import WIDTH, Picture, labelled, look, name_rows, short
from lm_eval_overton.reporting.svg import INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["recovered", "recovery", "stances"]

STANCE_COLORS = ("#9ecae9", "#f6b48f", "#2f7d5b", "#d9d9d9")
HATCHES = ("////", "\\\\\\\\", "", "....")


def stances(estimates: Estimates) -> Picture:
    """Return a figure of the shares of stances, a bar per run."""
    title = "Stance on contested questions"
    rows = list(_stance_rows(estimates))
    if not rows:
        return Picture(
            "stance", title,
            missing="No run has stances: they come from a judge of overton_coverage, "
            "`overton judge RUN --judge JUDGE.yaml`.",
        )  # fmt: skip
    label = "; ".join(
        f"{name}: " + ", ".join(f"{s} {percent(v)}" for s, v in zip(STANCES, own, strict=True))
        for name, own in rows
    )
    return Picture("stance", title, f"Shares of stances. {label}.", lambda: _draw_stances(rows))


def _stance_rows(estimates: Estimates) -> Iterator[tuple[str, list[float]]]:
    runs = estimates.compared.runs
    for i, run in enumerate(runs):
        task = task_of(run, P_BOTH.name)
        if task:
            names = [metric.name for metric in STANCE_SHARES.values()]
            shares = [estimates.interval(i, task, name).estimate for name in names]
            yield labelled(runs, i), shares


def _draw_stances(rows: Sequence[tuple[str, list[float]]]) -> Figure:
    with new_figure(WIDTH, 0.75 + 0.52 * len(rows)) as figure:
        axes = figure.add_subplot()
        table = np.array([own for _, own in rows])
        left = np.cumsum(table, axis=1) - table
        for j, stance in enumerate(STANCES):
            axes.barh(
                range(len(rows)), table[:, j], left=left[:, j], height=0.42, label=stance,
                color=STANCE_COLORS[j], hatch=HATCHES[j],
                edgecolor="#ffffff" if stance == "both" else "#444444", linewidth=0.4,
            )  # fmt: skip
            for i, share in enumerate(table[:, j]):
                if share >= 0.07:
                    _boxed_share(axes, left[i, j] + share / 2, i, share)
        name_rows(axes, [name for name, _ in rows], offset=0.28)
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        figure.legend(loc="outside upper left", ncols=4, handlelength=1.6, columnspacing=1.2)
    return figure


def _boxed_share(axes: Axes, x: float, y: int, share: float) -> None:
    box = {"boxstyle": "round,pad=0.15", "facecolor": "#ffffff", "edgecolor": "none"}
    axes.text(
        x, y, f"{share:.0%}", ha="center", va="center", color="#111111", fontsize=7.5, bbox=box
    )


# ----------------------------------------------------------------------------------- recovered


def recovered(compared: Compared) -> list[Shift]:
    """Return the gaps recovered in context, each once, in the order of the pairs."""
    found: dict[tuple[str, str], Shift] = {}
    for pair in compared.pairs:
        for shift in pair.shifts:
            if shift.group == "recovered" and not math.isnan(shift.value.estimate):
                found.setdefault((shift.part, shift.metric), shift)
    return list(found.values())


def recovery(compared: Compared) -> Picture:
    """Return a figure of the share of the gap that each strategy recovers."""
    title = "What comes back in context"
    found = recovered(compared)
    peers = [shift for shift in found if is_peer(shift)]
    own = [shift for shift in found if shift not in peers]
    if not own:
        return Picture(
            "recovered", title,
            missing="No gap recovered: it comes from the tasks `overton_icl_*`, with "
            "`overton_icl_zeroshot` as the floor.",
        )  # fmt: skip
    listed = "; ".join(f"{s.part}, {s.metric}: {percent(s.value.estimate)}" for s in found)
    label = f"Share of the gap between floor (0) and ceiling (1) that comes back. {listed}."
    return Picture("recovered", title, label, lambda: _draw_recovery(own, peers))


def _draw_recovery(own: Sequence[Shift], peers: Sequence[Shift]) -> Figure:
    parts = list(dict.fromkeys(shift.part for shift in own))
    metrics = list(dict.fromkeys(shift.metric for shift in own))
    with new_figure(WIDTH, 1.15 + 0.24 * len(parts) + 0.13 * len(own)) as figure:
        axes = figure.add_subplot()
        _guide(axes, 0.0, "floor", ":")
        _guide(axes, 1.0, "ceiling", "-")
        for peer in peers:
            _peer(axes, peer, metrics)
        for shift in own:
            _gap(axes, shift, parts.index(shift.part), metrics.index(shift.metric), len(metrics))
        name_rows(axes, [short(part, 46) for part in parts], offset=0.24, at=0.015)
        axes.set_xlabel("share of the gap recovered" + ("; dashed: peer" if peers else ""))
        handles, labels = axes.get_legend_handles_labels()
        first = dict(zip(labels, handles, strict=True))
        figure.legend(first.values(), first.keys(), loc="outside upper left", ncols=4)
    return figure


def _peer(axes: Axes, peer: Shift, metrics: Sequence[str]) -> None:
    color = look(metrics.index(peer.metric))["color"] if peer.metric in metrics else INK
    axes.axvline(peer.value.estimate, linestyle="--", linewidth=0.9, color=color)


def _guide(axes: Axes, x: float, name: str, style: str) -> None:
    axes.axvline(x, color=INK, linewidth=0.8, linestyle=style, alpha=0.7)
    axes.annotate(
        name, (x, 1), xycoords=("data", "axes fraction"), xytext=(0, 1), fontsize=7.5,
        textcoords="offset points", ha="center",
    )  # fmt: skip


def _gap(axes: Axes, shift: Shift, row: int, metric: int, metrics: int) -> None:
    own, value = look(metric), shift.value
    y = row + 0.34 * (metric - (metrics - 1) / 2) / max(metrics - 1, 1) * 1.1 + 0.1
    axes.plot([value.low, value.high], [y, y], color=own["color"], linewidth=1.4)
    axes.plot(
        [value.estimate], [y], linestyle="", markersize=5.5, markeredgecolor=INK,
        markeredgewidth=0.5, label=shift.metric, **own,
    )  # fmt: skip

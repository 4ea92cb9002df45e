"""The figure beside what is said of a pair: what its change is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lm_eval_overton.comparison import Pair, Shift
from lm_eval_overton.comparison.account.context import BY
from lm_eval_overton.comparison.quality import PARTS
from lm_eval_overton.comparison.recovered import is_peer
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1, COVERAGE_ECHO
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.reference import REFERENCE_COVERAGE_AT_1
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.reporting.bars import recovered
from lm_eval_overton.reporting.estimates import Estimates, task_names
from lm_eval_overton.reporting.html import number, percent, signed
from lm_eval_overton.reporting.picture import WIDTH, Picture, look, short
from lm_eval_overton.reporting.svg import INK, new_figure
from lm_eval_overton.stats import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["decomposition", "decompositions"]

WORDS = {SEMANTIC_DIVERSITY.name: "semantic diversity", LEXICAL_DIVERSITY.name: "lexical diversity"}
BARS = ("raw change", "bad answers", "remaining")
COLORS = ("#8a8f98", "#d55e00", "#0072b2")
HATCHES = ("", "////", "")
# Of more strategies than these the figure further down shows all.
MOST = 4


@dataclass(frozen=True)
class _Panel:
    """A part of the figure: rows under a title.

    Attributes:
        title: What it shows.
        names: One per row.
        values: One per row.
        starts: Where the bar of each row begins; none for dots.
        guides: Vertical lines: what they are called, and where they are.
    """

    title: str
    names: Sequence[str]
    values: Sequence[Interval]
    starts: Sequence[float] = ()
    guides: Sequence[tuple[str, float]] = ()


def decompositions(estimates: Estimates) -> list[Picture]:
    """Return the figure of every pair that has one."""
    found = (decomposition(estimates, i) for i in range(len(estimates.compared.pairs)))
    return [picture for picture in found if picture is not None]


def decomposition(estimates: Estimates, i: int) -> Picture | None:
    """Return what the change of a pair is made of, what one answer covers beside its echo, and what
    comes back in context beside the ceiling; None where nothing of this is known.

    Args:
        estimates: Of the runs.
        i: Which pair.
    """
    pair = estimates.compared.pairs[i]
    found = (*_changes(pair), _coverage(estimates, i), _context(estimates, pair))
    panels = [panel for panel in found if panel is not None]
    if not panels:
        return None
    label = " ".join(f"{panel.title}: {'; '.join(_said(panel))}." for panel in panels)
    title = "What the change is made of"
    return Picture(f"made-of-{i + 1}", title, label, lambda: _draw(panels))


def _said(panel: _Panel) -> list[str]:
    pairs = zip(panel.names, panel.values, strict=True)
    return [
        *(f"{name} {number(value.estimate)}" for name, value in pairs),
        *(f"{name} at {number(value)}" for name, value in panel.guides),
    ]


def _changes(pair: Pair) -> list[_Panel]:
    return [panel for metric in WORDS if (panel := _change(pair, metric))]


def _change(pair: Pair, metric: str) -> _Panel | None:
    parts = {s.part: s.value for s in pair.shifts if (s.group, s.metric) == ("quality", metric)}
    values = [parts[part] for part in PARTS if part in parts]
    if len(values) < len(PARTS) or math.isnan(values[0].estimate):
        return None
    title = f"Change in {WORDS[metric]} ({values[0].n} prompts)"
    # What remains begins where what bad answers account for ends: together they are the change.
    return _Panel(title, BARS, values, starts=(0.0, 0.0, values[1].estimate), guides=[("", 0.0)])


def _coverage(estimates: Estimates, i: int) -> _Panel | None:
    pair, runs = estimates.compared.pairs[i], estimates.compared.runs
    for task in task_names(runs):
        row = estimates.headline(i + 1, task, COVERAGE_AT_1.name)
        if row is None or not row.paired.n or row.change.low == row.change.high == 0:
            # Where nothing differs on any prompt there is nothing to draw.
            continue
        echo = estimates.headline(i + 1, task, COVERAGE_ECHO.name)
        guides = [("echo", echo.run.estimate)] if echo is not None and echo.paired.n else []
        names = [short(pair.base), short(pair.run)]
        title = f"Viewpoints in one answer ({row.paired.n} prompts)"
        return _Panel(title, names, [row.base, row.run], guides=guides)
    return _of_words(pair)


def _of_words(pair: Pair) -> _Panel | None:
    """Return what one answer covers of the base's words, where no viewpoints were looked for."""
    metric = REFERENCE_COVERAGE_AT_1.name
    parts = {s.part: s.value for s in pair.shifts if (s.group, s.metric) == ("missing", metric)}
    if not {"split", "held_out", "chance"} <= set(parts):
        return None
    title = f"The base's words in one answer ({parts['split'].n} prompts)"
    names = [f"another of {short(pair.base, 20)}", short(pair.run)]
    guides = [("chance", parts["chance"].estimate)]
    return _Panel(title, names, [parts["held_out"], parts["split"]], guides=guides)


def _context(estimates: Estimates, pair: Pair) -> _Panel | None:
    own = [s for s in recovered(estimates.compared) if s.metric in BY and not is_peer(s)]
    held = {(s.part, s.metric) for s in pair.shifts}
    mine = [shift for shift in own if (shift.part, shift.metric) in held] or own
    kept = list(dict.fromkeys(shift.part for shift in mine))[:MOST]
    shown: list[Shift] = [s for s in mine if s.part in kept]
    shown.sort(key=lambda s: (kept.index(s.part), list(BY).index(s.metric)))
    if not shown:
        return None
    names = [f"{short(shift.part, 24)}, {BY[shift.metric]}" for shift in shown]
    values = [shift.value for shift in shown]
    title = f"Comes back in context ({values[0].n} prompts)"
    return _Panel(title, names, values, guides=[("floor", 0.0), ("ceiling", 1.0)])


# -------------------------------------------------------------------------------------- drawing


def _draw(panels: Sequence[_Panel]) -> Figure:
    heights = [1.1 + len(panel.names) for panel in panels]
    with new_figure(WIDTH, 0.25 * sum(heights) + 0.35 * len(panels)) as figure:
        grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
        for axes, panel in zip(grid[:, 0], panels, strict=True):
            _draw_panel(axes, panel)
    return figure


def _draw_panel(axes: Axes, panel: _Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    for name, at in panel.guides:
        axes.axvline(at, color=INK, linewidth=0.8, linestyle="-" if at == 0 else ":", alpha=0.7)
        if name:
            axes.annotate(
                name, (at, 0), xycoords=("data", "axes fraction"), xytext=(2, 3), fontsize=7,
                textcoords="offset points", ha="left", va="bottom",
            )  # fmt: skip
    for row, value in enumerate(panel.values):
        (_bar if panel.starts else _dot)(axes, panel, row, value)
    axes.set_yticks(range(len(panel.names)), panel.names, parse_math=False)
    axes.set_ylim(len(panel.names) - 0.3, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.2)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(panel.title, loc="left", fontsize=8.5, parse_math=False)
    if any(name == "ceiling" for name, _ in panel.guides):
        axes.xaxis.set_major_formatter(lambda share, _: percent(share).replace(".0", ""))


def _bar(axes: Axes, panel: _Panel, row: int, value: Interval) -> None:
    start = panel.starts[row]
    axes.barh(
        row, value.estimate, left=start, height=0.55, color=COLORS[row], hatch=HATCHES[row],
        edgecolor="#ffffff", linewidth=0.4,
    )  # fmt: skip
    axes.plot([start + value.low, start + value.high], [row, row], color=INK, linewidth=1.2)
    _number(axes, row, (start, start + value.estimate, start + value.low, start + value.high),
            signed(value.estimate))  # fmt: skip


def _dot(axes: Axes, panel: _Panel, row: int, value: Interval) -> None:
    own = look(row % 2)
    axes.plot([value.low, value.high], [row, row], color=own["color"], linewidth=1.4)
    axes.plot([value.estimate], [row], markersize=6, markeredgecolor=INK, markeredgewidth=0.5,
              linestyle="", clip_on=False, **own)  # fmt: skip
    is_share = any(name == "ceiling" for name, _ in panel.guides)
    text = (percent if is_share else number)(value.estimate)
    _number(axes, row, (value.estimate, value.low, value.high), text)


def _number(axes: Axes, row: int, ends: Sequence[float], text: str) -> None:
    at = max(end for end in ends if not math.isnan(end))
    axes.annotate(
        text, (at, row), xytext=(4, 0), textcoords="offset points", fontsize=7.5, va="center"
    )

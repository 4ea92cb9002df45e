"""The figure of how far the samples of a prompt say the same, from their beginning to their end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lm_eval_overton.errors import DataError
from lm_eval_overton.metrics.formulas.shared_spans import DECILES
from lm_eval_overton.reporting.anchors import Curve, anchor_curve
from lm_eval_overton.reporting.estimates import Estimates
from lm_eval_overton.reporting.html import Markup, percent, table
from lm_eval_overton.reporting.picture import WIDTH, Picture, labelled, look
from lm_eval_overton.reporting.svg import INK, new_figure
from lm_eval_overton.runs.answers import Reader
from lm_eval_overton.runs.responses import DEFAULT_TASK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["anchors"]

_KEY = "anchors"
_TITLE = "Anchor share by tenth of the answer"
_STYLES = ("-", "--", "-.", ":")

# The run's position, its name and its curve.
_Row = tuple[int, str, Curve]


def anchors(estimates: Estimates, read: Reader | None) -> Picture:
    """Return a figure of the share of words in anchors by tenth of the answer, a line per run.

    Args:
        estimates: Of the runs.
        read: Gives the samples of one task of a run; None where samples are left out.
    """
    if read is None:
        return Picture(_KEY, _TITLE, missing="Left out with the samples, as asked.")
    rows = list(_rows(estimates, read))
    if not rows:
        return Picture(
            _KEY, _TITLE,
            missing="No run has readable samples of at least 20 words: they come from the task "
            f"{DEFAULT_TASK}.",
        )  # fmt: skip
    if not any(curve.deciles.any() for _, _, curve in rows):
        words = "Not drawn: in no run lies a word in a run of five that half of the samples hold."
        return Picture(_KEY, _TITLE, missing=words)
    listed = "; ".join(
        f"{name}: {', '.join(map(percent, curve.deciles))}, of {curve.prompts} prompts"
        for _, name, curve in rows
    )
    label = (
        "Share of words that lie in a run of five words which at least half of the other samples "
        f"hold too, by tenth of the answer. {listed}."
    )
    return Picture(_KEY, _TITLE, label, lambda: _draw(rows), numbers=_numbers(rows))


def _rows(estimates: Estimates, read: Reader) -> Iterator[_Row]:
    runs = estimates.compared.runs
    for i, run in enumerate(runs):
        if DEFAULT_TASK not in run.tasks:
            continue
        try:
            answers = read(run, DEFAULT_TASK)
        except DataError:
            # The browser of samples says which cannot be read, and why.
            continue
        curve = anchor_curve(run.tasks[DEFAULT_TASK], answers, estimates.seed)
        if curve:
            yield i, labelled(runs, i), curve


def _numbers(rows: Sequence[_Row]) -> Markup:
    head = ["tenth of the answer", *(name for _, name, _ in rows)]
    shares = np.array([curve.deciles for _, _, curve in rows])
    body = [[str(k + 1), *map(percent, shares[:, k])] for k in range(DECILES)]
    prompts = ["prompts", *(str(curve.prompts) for _, _, curve in rows)]
    return table(_TITLE, head, {"": [*body, prompts]})


def _draw(rows: Sequence[_Row]) -> Figure:
    with new_figure(WIDTH, 2.7 + 0.18 * len(rows)) as figure:
        axes = figure.add_subplot()
        tenths = range(1, DECILES + 1)
        for i, name, curve in rows:
            axes.plot(
                tenths, curve.deciles, markersize=4.5, linewidth=1.3, label=name,
                linestyle=_STYLES[i % len(_STYLES)], clip_on=False, **look(i),
            )  # fmt: skip
        axes.set_xticks(tenths)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("tenth of the answer")
        axes.set_ylabel("share of words in anchors")
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.grid(color=INK, alpha=0.12, linewidth=0.5)
        legend = figure.legend(loc="outside upper left")
        for text in legend.get_texts():
            text.set_parse_math(False)
    return figure

"""Whose answers are likely under which model, as tables of the report."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_overton.comparison import Crossed, crossed_of
from lm_eval_overton.reporting.changes import missing
from lm_eval_overton.reporting.html import (
    Markup,
    estimate,
    join,
    prose,
    table,
    tag,
)
from lm_eval_overton.runs.finished import FinishedRun

__all__ = ["tables"]


def tables(runs: Sequence[FinishedRun], seed: int) -> Markup:
    """Return the tables of answers by models; nothing where no run has likelihoods.

    Args:
        runs: The runs of the report.
        seed: Of the resamples.
    """
    crossed = crossed_of(runs, seed)
    if crossed is None:
        return Markup("")
    notes = [tag("li", prose(note)) for note in crossed.notes]
    return join([
        _grid(crossed), _divergences(crossed), tag("ul", *notes, class_="notes") if notes else "",
    ])  # fmt: skip


def _grid(crossed: Crossed) -> Markup:
    cells = {(cell.whose, cell.model): estimate(cell.bits_per_byte) for cell in crossed.cells}
    rows = [[whose, *(cells.get((whose, own), "") for own in crossed.models)]
            for whose in crossed.whose]  # fmt: skip
    caption = (
        "Bits per byte: how unlikely the answers of each row are under the model of each column; "
        "the least predictable are not the worst"
    )
    return table(caption, ["answers of", *(f"by {name}" for name in crossed.models)], {"": rows})


def _divergences(crossed: Crossed) -> Markup:
    done = [one for one in crossed.divergences if not math.isnan(one.value.estimate)]
    rows = [[o.whose, o.model, estimate(o.value, is_change=True), f"{o.value.n:,}"] for o in done]
    caption = (
        "Nats per answer under the model less those under the one that wrote the answers, on the "
        "prompts that both scored: an estimate of the divergence of the second from the first"
    )
    shown = table(caption, ["answers of", "under", "nats per answer", "prompts"], {"": rows})
    lacking = [
        missing(f"{one.whose} under {one.model}: {one.note}")
        for one in crossed.divergences
        if math.isnan(one.value.estimate)
    ]
    return join([shown if rows else "", *lacking])

"""Whose answers were scored by which model, as Markdown, JSON and CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lm_eval_overton.comparison import Crossed
from lm_eval_overton.comparison.likelihood import Divergence
from lm_eval_overton.metrics.measures.likelihood import BITS_PER_BYTE, NATS_PER_ANSWER
from lm_eval_overton.reporting.tables.cells import csv_text, estimate, four, plain, table, text

__all__ = ["likelihood_csv", "likelihood_json", "likelihood_markdown"]

_BOUNDS = ("low", "high", "n")
COLUMNS = {
    "likelihoods": ("whose", "model", BITS_PER_BYTE.name, *_BOUNDS),
    "divergences": ("whose", "model", NATS_PER_ANSWER.name, *_BOUNDS, "note"),
}


def likelihood_markdown(crossed: Crossed) -> str:
    """Return the table of whose answers by which model, the divergences, and the notes."""
    parts = [
        "## Whose answers are these?",
        _grid(crossed),
        "Bits per byte [95 % interval over prompts]: how unlikely the answers of each line are "
        "under the model of each column; the least predictable are not the worst.",
    ]
    if crossed.divergences:
        parts += ["### Divergence from the model that wrote the answers", *_divergences(crossed)]
    if crossed.notes:
        parts.append("\n".join(["Notes:", "", *(f"- {text(note)}" for note in crossed.notes)]))
    return "\n\n".join(parts)


def _grid(crossed: Crossed) -> str:
    cells = {(cell.whose, cell.model): estimate(cell.bits_per_byte) for cell in crossed.cells}
    lines = [
        [text(whose), *(cells.get((whose, model), "") for model in crossed.models)]
        for whose in crossed.whose
    ]
    return table(["answers of", *(f"by {text(name)}" for name in crossed.models)], lines, left=[0])


def _divergences(crossed: Crossed) -> list[str]:
    done = [one for one in crossed.divergences if not math.isnan(one.value.estimate)]
    left_out = [one for one in crossed.divergences if math.isnan(one.value.estimate)]
    parts = []
    if done:
        lines = [[*_names(o), estimate(o.value, "+"), str(o.value.n)] for o in done]
        head = ["answers of", "under", "nats per answer [95 % interval]", "n"]
        parts.append(table(head, lines, left=[0, 1]))
        parts.append(
            "Nats per answer under the model less those under the one that wrote the answers, on "
            "the n prompts that both scored: an estimate of the divergence KL(writer || model)."
        )
    if left_out:
        listed = [f"- {' under '.join(_names(one))}: {text(one.note)}" for one in left_out]
        parts.append("\n".join(["Not computed:", "", *listed]))
    return parts


def _names(one: Divergence) -> Sequence[str]:
    return text(one.whose), text(one.model)


def likelihood_json(crossed: Crossed) -> dict[str, Any]:
    """Return the tables by their names, a record per line, and the notes."""
    tables = {name: [plain(one) for one in _records(crossed, name)] for name in COLUMNS}
    return {**tables, "likelihood_notes": list(crossed.notes)}


def likelihood_csv(crossed: Crossed, name: str) -> str:
    """Return one of the tables as CSV, unrounded, empty where undefined.

    Args:
        crossed: The tables.
        name: `likelihoods` or `divergences`.
    """
    return csv_text(COLUMNS[name], _records(crossed, name))


def _records(crossed: Crossed, name: str) -> list[dict[str, Any]]:
    """Return the lines of a table by column."""
    if name == "divergences":
        own = [(o.whose, o.model, *four(o.value), o.note) for o in crossed.divergences]
        return [dict(zip(COLUMNS[name], line, strict=True)) for line in own]
    cells = [(cell.whose, cell.model, *four(cell.bits_per_byte)) for cell in crossed.cells]
    return [dict(zip(COLUMNS[name], line, strict=True)) for line in cells]

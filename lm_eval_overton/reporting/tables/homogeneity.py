"""How alike the samples of runs are, as Markdown, JSON and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lm_eval_overton.comparison import Homogeneity
from lm_eval_overton.comparison.homogeneity import GRAM, Cells, Mixing
from lm_eval_overton.reporting.tables.cells import (
    csv_text,
    estimate,
    four,
    number,
    plain,
    table,
    text,
)

__all__ = ["homogeneity_csv", "homogeneity_json", "homogeneity_markdown", "mixing_rows"]

# What a line that is about all runs says in place of a name.
ALL_RUNS = "all runs"
_BOUNDS = ("low", "high", "n")
COLUMNS = {
    "homogeneity": ("run", "other", "similarity", *_BOUNDS),
    "collapse": ("run", "other", "collapse", *_BOUNDS),
    "source_mixing": ("run", "source_mixing", *_BOUNDS, "chance"),
    "shared_ngrams": ("run", "other", "shared_ngrams", *_BOUNDS),
}


def homogeneity_markdown(alike: Homogeneity) -> str:
    """Return how alike samples are within (on the diagonal) and across runs, what that is less
    the base's own, where the nearest samples come from, and what is there word for word."""
    base = text(alike.runs[0])
    parts = [
        "## How alike the samples are",
        _grid(alike.runs, alike.cells, "samples of"),
        f"Mean {alike.about}; prompts: {alike.n}.",
        f"### Collapse: the same less what samples of {base} are among themselves",
        _grid(alike.runs, alike.collapse, "samples of", "+"),
        "### Source mixing: how many of the nearest samples come from another run",
        _mixing(alike),
        f"Of a sample's n - 1 nearest, n being the number of its run's samples of a prompt; "
        f"prompts: {alike.overall.share.n}.",
        f"### Shared {GRAM}-grams: how much of a sample stands in samples of the column's run too",
        _grid(alike.runs, alike.shared, "of samples of"),
        f"Mean share of the distinct runs of {GRAM} words of a sample that has as many, on the "
        f"diagonal in other samples than itself; prompts: {alike.shared[0][0].n}.",
    ]
    if alike.notes:
        parts.append("\n".join(["Notes:", "", *(f"- {text(note)}" for note in alike.notes)]))
    return "\n\n".join(parts)


def _grid(runs: Sequence[str], cells: Cells, corner: str, sign: str = "") -> str:
    lines = [
        [text(name), *(estimate(cell, sign) for cell in own)]
        for name, own in zip(runs, cells, strict=True)
    ]
    return table([corner, *map(text, runs)], lines, left=[0])


def _mixing(alike: Homogeneity) -> str:
    lines = [
        [text(name), estimate(own.share), number(own.chance)] for name, own in mixing_rows(alike)
    ]
    return table(["samples of", "from other runs [95 % interval]", "by chance"], lines, left=[0])


def mixing_rows(alike: Homogeneity) -> Iterable[tuple[str, Mixing]]:
    """Return the source mixing of each run by its name, that of all runs last."""
    return zip((*alike.runs, ALL_RUNS), (*alike.mixing, alike.overall), strict=True)


def homogeneity_json(alike: Homogeneity) -> dict[str, Any]:
    """Return the tables by their names, a record per line, with what was compared and the notes."""
    tables = {name: [plain(one) for one in _records(alike, name)] for name in COLUMNS}
    about = {"name": alike.likeness, "mean_of": alike.about, "notes": list(alike.notes)}
    return {"similarity": about, **tables}


def homogeneity_csv(alike: Homogeneity, name: str) -> str:
    """Return one of the tables as CSV: a line per pair of runs, or per run.

    Args:
        alike: The tables.
        name: `homogeneity`, `collapse`, `source_mixing` or `shared_ngrams`.
    """
    return csv_text(COLUMNS[name], _records(alike, name))


def _records(alike: Homogeneity, name: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of a table by column."""
    for line in _mixing_lines(alike) if name == "source_mixing" else _cell_lines(alike, name):
        yield dict(zip(COLUMNS[name], line, strict=True))


def _mixing_lines(alike: Homogeneity) -> Iterator[tuple[Any, ...]]:
    """Yield the source mixing of each run; that of all runs together has no name."""
    for run, own in zip((*alike.runs, None), (*alike.mixing, alike.overall), strict=True):
        yield run, *four(own.share), own.chance


def _cell_lines(alike: Homogeneity, name: str) -> Iterator[tuple[Any, ...]]:
    """Yield the cells of a table; of those that are symmetric each pair of runs once."""
    tables = {"homogeneity": alike.cells, "collapse": alike.collapse}
    cells = tables.get(name, alike.shared)
    for i, run in enumerate(alike.runs):
        for j, other in enumerate(alike.runs):
            if i <= j or name not in tables:
                yield run, other, *four(cells[i][j])

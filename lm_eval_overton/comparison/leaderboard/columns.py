"""Which further metrics stand beside the one that sorts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lm_eval_overton.comparison.leaderboard.settings import (
    Results,
    has_one_judge,
    has_one_reference,
    has_one_version,
)
from lm_eval_overton.metrics.measures import REGISTRY

__all__ = ["comparable", "further_columns"]

# How many metrics are shown of a task that has none of these.
OTHERS = 3


def further_columns(metric: str, rows: Results) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the further metrics to show, and notes on those that cannot be compared."""
    return comparable(_wanted(metric, rows), rows)


def comparable(names: Sequence[str], rows: Results) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the metrics that all runs measure alike, and notes on those that they do not."""
    judged, judges = _split(names, rows, has_one_judge, "judges")
    measured, references = _split(judged, rows, has_one_reference, "references")
    kept, versions = _split(measured, rows, has_one_version, "definitions")
    return tuple(kept), (*judges, *references, *versions)


def _wanted(metric: str, rows: Results) -> list[str]:
    held = dict.fromkeys(name for own in rows.values() for name in own.values)
    chosen = [m for m in REGISTRY.values() if m.on_leaderboard and m.name in held]
    main = [m.name for m in chosen if not m.is_about_samples and m.name != metric]
    if not main:
        directed = [name for name in held if _is_directed(name, rows)]
        main = [name for name in directed if name != metric][:OTHERS]
    return [*main, *(m.name for m in chosen if m.is_about_samples and m.name != metric)]


def _is_directed(name: str, rows: Results) -> bool:
    return any(own.higher_is_better.get(name) is not None for own in rows.values())


def _split(
    names: Sequence[str], rows: Results, has_one: Callable[[str, Results], bool], what: str
) -> tuple[list[str], list[str]]:
    """Return the metrics that can be compared, and a note on those that cannot, if any."""
    mixed = [name for name in names if not has_one(name, rows)]
    note = f"left out, because the runs' {what} differ: {', '.join(mixed)}"
    return [name for name in names if name not in mixed], [note] if mixed else []

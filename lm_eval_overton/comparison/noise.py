"""Whether diversity was gained with answers that are noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lm_eval_overton.comparison.compared import Row
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.measures.about_samples import DEGENERATE_SHARE
from lm_eval_overton.metrics.metric import BETWEEN

__all__ = ["gains", "notes"]

# A gain of so small a share of noise is passed over.
LEAST = 0.01


def notes(rows: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """Yield task and text where a run is more diverse than the base and has more noise, too.

    Args:
        rows: The rows of a pair.
    """
    for task, gain in gains(rows).items():
        risen = [row.metric for row in rows if row.task == task and _is_more_diverse(row)]
        if risen:
            yield (
                task,
                f"{', '.join(risen)} rose, and so did {DEGENERATE_SHARE.name}, by {gain:.3f}: part "
                "of the diversity may be noise (one or two words, single letters, loops)",
            )


def gains(rows: Sequence[Row]) -> dict[str, float]:
    """Return by task how much more of a run is noise than of the base, where it is more.

    Args:
        rows: The rows of a pair.
    """
    return {
        row.task: row.paired.difference
        for row in rows
        if row.metric == DEGENERATE_SHARE.name and row.paired.difference > LEAST
    }


def _is_more_diverse(row: Row) -> bool:
    metric = REGISTRY.get(row.metric)
    if metric is None or metric.family != BETWEEN or metric.higher_is_better is None:
        return False
    change = row.change
    return change.low > 0 if metric.higher_is_better else change.high < 0

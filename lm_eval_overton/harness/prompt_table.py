"""The prompts as the table that the harness takes, whatever else users keep beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import datasets

from lm_eval_overton.data import weight_of

__all__ = ["as_table"]

VIEWPOINT = ("id", "side", "text")


def as_table(docs: Sequence[Mapping[str, Any]]) -> Any:
    """Return prompts as a data set of the harness, which has one type per column.

    Args:
        docs: Prompts with `id` and `prompt`, perhaps `viewpoints`, and further keys of any type.

    Returns:
        A data set of one row per prompt. Viewpoints keep what is read of them; of a further key
        whose values have no type in common, the texts are kept.
    """
    keys = dict.fromkeys(key for doc in docs for key in doc)
    return datasets.Dataset.from_dict({key: _column(key, docs) for key in keys})


def _column(key: str, docs: Sequence[Mapping[str, Any]]) -> list[Any]:
    values = [doc.get(key) for doc in docs]
    if key == "viewpoints":
        values = [_read(own) for own in values]
    return values if _fits(values) else [v if isinstance(v, str) else None for v in values]


def _read(viewpoints: Any) -> Any:
    """Return viewpoints without what else a file holds of them; what is none of them as it is."""
    if not isinstance(viewpoints, list) or not all(isinstance(one, dict) for one in viewpoints):
        return viewpoints
    kept = [{key: one.get(key) for key in VIEWPOINT} for one in viewpoints]
    weights = [weight_of(one) for one in viewpoints]
    if None in weights:
        return kept
    return [{**one, "weight": weight} for one, weight in zip(kept, weights, strict=True)]


def _fits(values: Sequence[Any]) -> bool:
    import pyarrow as pa

    try:
        datasets.Dataset.from_dict({"values": values})
    except (pa.ArrowException, TypeError, ValueError, OverflowError, RecursionError):
        return False
    return True

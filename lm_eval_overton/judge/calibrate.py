"""How far a judge's verdicts agree with labels that exist already, and where they lean.

Every labelled item is compared with each of the judge's verdicts on it, one per repeat, so the
agreement is that of a single call. All figures are sums over prompts of small tables; their
intervals resample prompts with all their items (`stats.statistic_interval`), never items, since
the items of one prompt are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.judge.calibration import Bias, Calibration, Item
from lm_eval_overton.judge.judgements import CALIBRATED, JUDGEMENTS
from lm_eval_overton.judge.prompts import Scale
from lm_eval_overton.judge.tables import alpha_of, equal_share, kappa_of, symmetric
from lm_eval_overton.judge.verdicts import confusion_table, count_statuses
from lm_eval_overton.stats import Array, statistic_interval

__all__ = ["Bias", "Calibration", "Item", "calibrate"]


@dataclass(frozen=True)
class _Row:
    """An item reduced to one value: `judged` holds None where a verdict has no value."""

    item: Item
    label: Hashable
    judged: list[Hashable | None]


def calibrate(items: Sequence[Item], judgement: str, rng: np.random.Generator) -> list[Calibration]:
    """Return how far a judge agrees with the labels.

    Args:
        items: The judged responses of any number of models.
        judgement: One of `CALIBRATED`.
        rng: Source of the resamples.

    Returns:
        One calibration; of a judgement with parts one per part that is labelled at all.

    Raises:
        SettingsError: If the judgement has no labels to agree with.
        DataError: If no item has a label.
        ValueError: If a label or verdict is none of the judgement's.
    """
    scale = JUDGEMENTS[judgement].scale if judgement in JUDGEMENTS else None
    if scale is None:
        raise SettingsError(
            f"{judgement}: expected one of {', '.join(CALIBRATED)}; its verdicts are no single "
            "labels and cannot be calibrated"
        )
    rows = {_name(judgement, part): _rows(items, part) for part in scale.parts or (None,)}
    if not any(rows.values()):
        raise DataError(
            f"{judgement}: expected at least one labelled response, got {len(items)} without a "
            "label; check that the labels are those of these prompts"
        )
    return [
        _calibration(name, own, len(items) - len(own), scale, rng)
        for name, own in rows.items()
        if own
    ]


def _name(judgement: str, part: str | None) -> str:
    return judgement if part is None else f"{judgement}.{part}"


def _rows(items: Sequence[Item], part: str | None) -> list[_Row]:
    """Return the items that have a label, reduced to one aspect if there are several."""
    rows = [
        _Row(item, _part(item.label, part), [_part(v.value, part) for v in item.verdicts])
        for item in items
    ]
    return [row for row in rows if row.label is not None]


def _part(value: Any, part: str | None) -> Any:
    return value if part is None or value is None else value[part]


def _calibration(
    name: str,
    rows: Sequence[_Row],
    unlabelled: int,
    scale: Scale,
    rng: np.random.Generator,
) -> Calibration:
    labels, ordinal = scale.labels, scale.ordinal
    tables = _by_prompt(rows, lambda own: _confusion(own, labels), len(labels) ** 2)
    repeated = _by_prompt(rows, lambda own: _coincidences(own, labels), len(labels) ** 2)
    confusion = _confusion(rows, labels)
    return Calibration(
        name=name,
        labels=labels,
        ordinal=ordinal,
        items=len(rows),
        unlabelled=unlabelled,
        statuses=count_statuses(verdict for row in rows for verdict in row.item.verdicts),
        compared=int(confusion.sum()),
        share=statistic_interval(tables, equal_share, rng),
        kappa=statistic_interval(tables, kappa_of(ordinal), rng),
        alpha=statistic_interval(symmetric(tables), alpha_of(ordinal, len(tables)), rng),
        confusion=[[int(count) for count in row] for row in confusion],
        bias=list(_biases(rows, labels, ordinal, rng)),
        repeats=max(len(row.judged) for row in rows),
        self_share=statistic_interval(repeated, equal_share, rng),
        self_alpha=statistic_interval(repeated, alpha_of(ordinal, len(repeated)), rng),
    )


def _by_prompt(rows: Sequence[_Row], count: Callable[[Sequence[_Row]], Array], width: int) -> Array:
    """Return the flat counts of each prompt (n_prompts, width); prompts without any left out."""
    groups: dict[Hashable, list[_Row]] = {}
    for row in rows:
        groups.setdefault(row.item.prompt, []).append(row)
    table = np.array([count(own).ravel() for own in groups.values()]).reshape(-1, width)
    # The last column of differences is a number of pairs; a table without pairs is all zero.
    return table[table.any(axis=1)]


def _confusion(rows: Sequence[_Row], labels: Sequence[Hashable]) -> Array:
    """Return the pairs of label (row) and verdict (column), (n_labels, n_labels)."""
    given = [row.label for row in rows for _ in row.judged]
    judged = [verdict for row in rows for verdict in row.judged]
    return np.array(confusion_table(given, judged, labels), dtype=np.float64)


def _coincidences(rows: Sequence[_Row], labels: Sequence[Hashable]) -> Array:
    """Return the ordered pairs of verdicts on the same item, each item's over its number less 1."""
    table = np.zeros((len(labels), len(labels)))
    for row in rows:
        values = [labels.index(value) for value in row.judged if value is not None]
        for first, second in permutations(values, 2):
            table[first, second] += 1 / (len(values) - 1)
    return table


def _biases(
    rows: Sequence[_Row], labels: Sequence[Hashable], ordinal: bool, rng: np.random.Generator
) -> Iterator[Bias]:
    names = ["mean"] if ordinal else [str(label) for label in labels]
    for (kind, group), own in _groups(rows).items():
        sums = _by_prompt(own, lambda some: _differences(some, labels, ordinal), len(names) + 1)
        for i, name in enumerate(names):
            interval = statistic_interval(sums[:, [i, -1]], lambda m: m[..., 0] / m[..., 1], rng)
            yield Bias(kind, group, name, interval)


def _differences(rows: Sequence[_Row], labels: Sequence[Hashable], ordinal: bool) -> Array:
    """Return the sums of judge minus label, one or one per label, and the number of pairs."""
    table = _confusion(rows, labels)
    more = table.sum(axis=0) - table.sum(axis=1)
    scores = np.array([more @ np.array(labels, dtype=np.float64)]) if ordinal else more
    return np.append(scores, table.sum())


def _groups(rows: Sequence[_Row]) -> dict[tuple[str, str], list[_Row]]:
    """Return all rows, those of each model and those of each third of lengths."""
    groups: dict[tuple[str, str], list[_Row]] = {("all", "all"): list(rows)}
    for model in dict.fromkeys(row.item.model for row in rows):
        groups["model", model] = [row for row in rows if row.item.model == model]
    for third in _thirds([row.item.words for row in rows]):
        name = f"{third[0]} to {third[-1]} words"
        groups["words", name] = [row for row in rows if third[0] <= row.item.words <= third[-1]]
    return groups


def _thirds(words: Sequence[int]) -> list[list[int]]:
    """Return the sorted lengths in up to three groups; equal lengths are not parted."""
    ascending = np.sort(np.asarray(words))
    bounds = np.quantile(ascending, [1 / 3, 2 / 3], method="inverted_cdf")
    thirds = np.split(ascending, np.searchsorted(ascending, bounds, side="right"))
    return [third.tolist() for third in thirds if len(third)]

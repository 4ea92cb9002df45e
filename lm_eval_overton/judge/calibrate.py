"""How far a judge's verdicts agree with labels that exist already, and where they lean.

Every labelled item is compared with each of the judge's verdicts on it, one per repeat, so the
agreement is that of a single call. All figures are sums over prompts of small tables; their
intervals resample prompts with all their items (`stats.statistic_interval`), never items, since
the items of one prompt are alike.

Sources: Cohen 1960 and 1968 (kappa, quadratic on scales), Krippendorff 2011 (alpha, ordinal on
scales). `verdicts.cohen_kappa` and `verdicts.krippendorff_alpha` give the same values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import numpy as np

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.judge.parse import Status, Verdict
from lm_eval_overton.judge.prompts import JUDGEMENTS, QUALITY_ASPECTS
from lm_eval_overton.judge.verdicts import confusion_table, count_statuses
from lm_eval_overton.stats import Array, Interval, Statistic, statistic_interval

__all__ = ["Bias", "Calibration", "Item", "as_json", "as_lines", "calibrate"]

_SCORES = (1, 2, 3, 4, 5)
_ORDINAL = frozenset({"quality", "missing"})
_CALIBRATED = ("quality", "stance", "missing", "equivalence")


@dataclass(frozen=True)
class Item:
    """One judged response.

    Attributes:
        model: Whose response it is.
        prompt: Key of its prompt, the same for all models.
        words: Length of the response in words.
        label: The value to agree with, as the judgement's verdicts give it; None if unlabelled.
        verdicts: The judge's verdicts on it, one per repeat.
    """

    model: str
    prompt: Hashable
    words: int
    label: Any
    verdicts: Sequence[Verdict]


@dataclass(frozen=True)
class Bias:
    """How far the judge lies above the labels in one group of items.

    Attributes:
        kind: "all", "model" or "words".
        group: The model, or the range of lengths.
        of: "mean" on a scale, else the label whose share is compared.
        difference: Judge minus label: a mean in -4..4 on a scale, a share in -1..1 otherwise,
            with its 95 % interval.
    """

    kind: str
    group: str
    of: str
    difference: Interval


@dataclass(frozen=True)
class Calibration:
    """A judge against labels. Intervals are 95 %; their `n` is the number of prompts.

    Attributes:
        name: The judgement; for quality with its aspect.
        labels: All labels that can occur, ascending on a scale.
        ordinal: Whether they are a scale.
        items: Number of labelled items.
        unlabelled: Number of items without a label, which are left out of all else.
        statuses: What became of the judge's replies.
        compared: Number of pairs of label and verdict; a verdict that is not parsed, or that
            says "not applicable", makes none.
        share: Share of these pairs that are equal, 0 to 1.
        kappa: Cohen's kappa, at most 1; NaN without variation.
        alpha: Krippendorff's alpha, at most 1; NaN without variation.
        confusion: (n_labels, n_labels) pairs: a row per label, a column per verdict.
        bias: Judge minus label over all items, by model and by third of length.
        repeats: The largest number of verdicts on one item.
        self_share: Share of equal pairs among the verdicts on one item, 0 to 1; an item weighs
            as many times as it has verdicts. NaN without repeats.
        self_alpha: Krippendorff's alpha over repeats; NaN without repeats or variation.
    """

    name: str
    labels: tuple[Hashable, ...]
    ordinal: bool
    items: int
    unlabelled: int
    statuses: dict[Status, int]
    compared: int
    share: Interval
    kappa: Interval
    alpha: Interval
    confusion: list[list[int]]
    bias: list[Bias]
    repeats: int
    self_share: Interval
    self_alpha: Interval


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
        judgement: "quality", "stance", "missing" or "equivalence".
        rng: Source of the resamples.

    Returns:
        One calibration; for quality one per aspect that is labelled at all.

    Raises:
        SettingsError: If the judgement has no labels to agree with.
        DataError: If no item has a label.
        ValueError: If a label or verdict is none of the judgement's.
    """
    if judgement not in _CALIBRATED:
        raise SettingsError(
            f"{judgement}: expected one of {', '.join(_CALIBRATED)}; its verdicts are no single "
            "labels and cannot be calibrated"
        )
    labels = _SCORES if judgement in _ORDINAL else JUDGEMENTS[judgement].labels
    parts = QUALITY_ASPECTS if judgement == "quality" else (None,)
    rows = {_name(judgement, part): _rows(items, part) for part in parts}
    if not any(rows.values()):
        raise DataError(
            f"{judgement}: expected at least one labelled response, got {len(items)} without a "
            "label; check that the labels are those of these prompts"
        )
    return [
        _calibration(name, own, len(items) - len(own), labels, judgement in _ORDINAL, rng)
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
    labels: tuple[Hashable, ...],
    ordinal: bool,
    rng: np.random.Generator,
) -> Calibration:
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
        share=statistic_interval(tables, _share, rng),
        kappa=statistic_interval(tables, _kappa(ordinal), rng),
        alpha=statistic_interval(_symmetric(tables), _alpha(ordinal, len(tables)), rng),
        confusion=[[int(count) for count in row] for row in confusion],
        bias=list(_biases(rows, labels, ordinal, rng)),
        repeats=max(len(row.judged) for row in rows),
        self_share=statistic_interval(repeated, _share, rng),
        self_alpha=statistic_interval(repeated, _alpha(ordinal, len(repeated)), rng),
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


def _square(flat: Array) -> Array:
    size = math.isqrt(flat.shape[-1])
    return flat.reshape(*flat.shape[:-1], size, size)


def _symmetric(tables: Array) -> Array:
    """Return confusion tables as coincidences, both flat: each pair counts in either order."""
    square = _square(tables)
    both: Array = square + np.swapaxes(square, -1, -2)
    return both.reshape(tables.shape)


def _share(flat: Array) -> Array:
    square = _square(flat)
    return np.asarray(np.trace(square, axis1=-2, axis2=-1) / flat.sum(axis=-1))


def _kappa(ordinal: bool) -> Statistic:
    def kappa(flat: Array) -> Array:
        square = _square(flat)
        ranks = np.arange(square.shape[-1])
        distance = np.subtract.outer(ranks, ranks)
        weights = distance**2 if ordinal else distance != 0
        by_chance = square.sum(axis=-1)[..., :, None] * square.sum(axis=-2)[..., None, :]
        observed = (weights * square).sum(axis=(-2, -1)) * flat.sum(axis=-1)
        return np.asarray(1 - observed / (weights * by_chance).sum(axis=(-2, -1)))

    return kappa


def _alpha(ordinal: bool, n_prompts: int) -> Statistic:
    """Return alpha as a function of mean coincidences per prompt (..., n_labels ** 2)."""

    def alpha(flat: Array) -> Array:
        square = _square(flat)
        margin = square.sum(axis=-1)
        # An ordinal distance counts the values between two labels, half of their own included.
        place = np.cumsum(margin, axis=-1) - margin / 2
        apart = (place[..., :, None] - place[..., None, :]) ** 2
        weights = apart if ordinal else 1.0 - np.eye(square.shape[-1])
        by_chance = margin[..., :, None] * margin[..., None, :]
        observed = (weights * square).sum(axis=(-2, -1)) * (margin.sum(axis=-1) - 1 / n_prompts)
        return np.asarray(1 - observed / (weights * by_chance).sum(axis=(-2, -1)))

    return alpha


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


def as_lines(calibration: Calibration) -> list[str]:
    """Return a calibration as text for a terminal, rounded to three digits."""
    scale = "quadratic" if calibration.ordinal else "unweighted"
    level = "ordinal" if calibration.ordinal else "nominal"
    replies = ", ".join(f"{count} {status}" for status, count in calibration.statuses.items())
    return [
        f"{calibration.name}: {calibration.items} labelled responses, "
        f"{calibration.unlabelled} without a label",
        f"  verdicts: {replies}; {calibration.compared} compared, {calibration.share.n} prompts",
        f"  equal: {_shown(calibration.share)}",
        f"  Cohen's kappa ({scale}): {_shown(calibration.kappa)}",
        f"  Krippendorff's alpha ({level}): {_shown(calibration.alpha)}",
        *_repeat_lines(calibration),
        "  label (row) against verdict (column):",
        *_table_lines(calibration),
        "  judge minus label:",
        *_bias_lines(calibration.bias),
    ]


def _repeat_lines(calibration: Calibration) -> list[str]:
    if calibration.repeats < 2:
        return []
    return [
        f"  judge against itself, {calibration.repeats} repeats: "
        f"equal {_shown(calibration.self_share)}, alpha {_shown(calibration.self_alpha)}"
    ]


def _table_lines(calibration: Calibration) -> list[str]:
    names = [str(label) for label in calibration.labels]
    cells = [["", *names]]
    cells += [[n, *map(str, row)] for n, row in zip(names, calibration.confusion, strict=True)]
    width = max(len(cell) for row in cells for cell in row) + 2
    return ["  " + "".join(cell.rjust(width) for cell in row) for row in cells]


def _bias_lines(biases: Sequence[Bias]) -> list[str]:
    return [f"    {bias.group}, {bias.of}: {_shown(bias.difference, '+.3f')}" for bias in biases]


def _shown(interval: Interval, digits: str = ".3f") -> str:
    if math.isnan(interval.estimate):
        return "undefined"
    if math.isnan(interval.low):
        return f"{interval.estimate:{digits}} [undefined]"
    return f"{interval.estimate:{digits}} [{interval.low:{digits}}, {interval.high:{digits}}]"


def as_json(calibration: Calibration) -> dict[str, Any]:
    """Return a calibration as plain data that `json` can write: unrounded, None where undefined."""
    plain = _plain(asdict(calibration))
    return dict(plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value

"""What a calibration holds: the judged responses that go in, the figures that come out.

A `Calibration` is shown on a terminal by `as_lines` and stored by `as_json`.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lm_eval_overton.judge.verdicts import Status, Verdict
from lm_eval_overton.stats import Interval

__all__ = ["Bias", "Calibration", "Item", "as_json", "as_lines"]


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

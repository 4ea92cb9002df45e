"""How much of a change of the number of classes is of classes that are any good."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import DIVERSITY, Both, defined, means
from lm_eval_overton.comparison.compared import UNDEFINED, Shift
from lm_eval_overton.metrics.formulas.classes import heads_by_bar
from lm_eval_overton.metrics.measures.classes import DISTINCT_K
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.short_paths import short_path

__all__ = ["GROUP", "PARTS", "Rated", "Scale", "rated_classes", "scale_of", "shifts"]

GROUP = "classes"
PARTS = ("change", "change above the quality bar", "change below the quality bar")
SHARE = "share below the quality bar"


class Rated(NamedTuple):
    """The samples of a prompt that are in classes: the class and the rating of each.

    A rating that is not known is NaN.
    """

    labels: Sequence[int]
    ratings: Sequence[float]


class Scale(NamedTuple):
    """The best rating there is, and the least that reaches the quality bar."""

    most: float
    bar: float


def rated_classes(own: TaskResult) -> list[Rated | None]:
    """Return the classes and ratings of each prompt, None where one of them is not there."""
    return [_rated(detail.get("classes"), detail.get("ratings")) for detail in own.details]


def _rated(labels: Sequence[int] | None, ratings: Sequence[float | None] | None) -> Rated | None:
    if not labels or ratings is None or len(ratings) < len(labels):
        return None
    known = [math.nan if rating is None else float(rating) for rating in ratings]
    return Rated(labels, known[: len(labels)])


def scale_of(own: TaskResult) -> Scale | None:
    """Return the one scale of the ratings of a task; None where there is none, or more than one."""
    found = {
        Scale(detail["scale"]["most"], detail["scale"]["bar"])
        for detail in own.details
        if detail.get("scale")
    }
    return found.pop() if len(found) == 1 else None


def shifts(
    tasks: Mapping[str, Both], base: FinishedRun, run: FinishedRun, seed: int
) -> list[Shift]:
    """Return each change of the number of classes as that of good ones plus that of the others.

    A class is as good as its first sample: it is above if that reaches the quality bar. The parts
    add up prompt by prompt, and so do their means.
    """
    shown = {task: both for task, both in tasks.items() if DISTINCT_K.name in both.metrics}
    return [
        shift
        for task, both in shown.items()
        for shift in _parts(both, (base.name, run.name), _title(task, len(shown)), seed)
    ]


def _title(task: str, n_tasks: int) -> str:
    is_plain = task == DIVERSITY or n_tasks == 1
    return DISTINCT_K.name if is_plain else f"{task}.{DISTINCT_K.name}"


def _parts(both: Both, names: tuple[str, str], metric: str, seed: int) -> Iterator[Shift]:
    why = _why_not(both, names)
    rows = np.zeros((0, 4)) if why else _split(both)
    if not why and not len(rows):
        why = (
            f"of {len(both.base_at)} shared prompts none has a rating of the first sample of each "
            "class in both runs"
        )
    if why:
        yield from (Shift(GROUP, part, metric, UNDEFINED, why) for part in (*PARTS, SHARE))
        return
    above, below = rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1]
    note = _left_out(len(both.base_at), len(rows))
    values = means((above + below, above, below), seed)
    for part, value in zip(PARTS, values, strict=True):
        yield Shift(GROUP, part, metric, value, note)
    yield _share(above + below, below, metric, seed, note)


def _why_not(both: Both, names: tuple[str, str]) -> str:
    """Return why there are no parts; empty if there are."""
    named = list(zip(names, (both.base, both.run), strict=True))
    old = [f"{name} ({short_path(own.path)})" for name, own in named if not _has(own, "classes")]
    if old:
        return f"no classes of samples are kept in {' and '.join(old)}: score the responses anew"
    bare = [name for name, own in named if not _has(own, "ratings")]
    if bare:
        return (
            f"no ratings of samples in {' and '.join(bare)}: they come from `overton judge RUN "
            "--judge JUDGE.yaml`, a file of scores, or a reward_model"
        )
    scales = [scale_of(own) for _, own in named]
    if None in scales or scales[0] != scales[1]:
        return "the ratings of the two runs are on different scales, or have different bars"
    return ""


def _has(own: TaskResult, key: str) -> bool:
    return any(key in detail for detail in own.details)


def _split(both: Both) -> stats.Array:
    """Return the classes above and below the bar in the base, then in the run, prompt by prompt.

    Returns:
        (n, 4): the prompts of which all four are known.
    """
    sides = [_by_bar(own)[at] for own, at in ((both.base, both.base_at), (both.run, both.run_at))]
    return defined(*np.hstack(sides).T)


def _by_bar(own: TaskResult) -> stats.Array:
    """Return the classes above and below the bar, (n_prompts, 2), NaN where not known."""
    scale = scale_of(own)
    assert scale is not None
    return np.array([
        (math.nan, math.nan) if one is None else heads_by_bar(*one, scale.bar)
        for one in rated_classes(own)
    ])  # fmt: skip


def _left_out(shared: int, n: int) -> str:
    if n == shared:
        return ""
    return (
        f"without {shared - n} of {shared} shared prompts: too few samples, or no rating of the "
        "first of a class"
    )


def _share(change: stats.Array, below: stats.Array, metric: str, seed: int, note: str) -> Shift:
    """Return what share of the change is of classes below the bar."""
    of_change = stats.paired_comparison(change, 0 * change, np.random.default_rng(seed))
    if not of_change.is_clear:
        return Shift(GROUP, SHARE, metric, UNDEFINED, "the change cannot be told from none")
    table = np.column_stack((below, change))
    value = stats.statistic_interval(table, stats.ratio_of_means, np.random.default_rng(seed))
    return Shift(GROUP, SHARE, metric, value, note)

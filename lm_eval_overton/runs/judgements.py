"""A finished task completed by what a judge said of its samples later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lm_eval_overton.runs.entry import Judging
from lm_eval_overton.runs.results_file import TaskResult
from lm_eval_overton.runs.short_paths import short_path
from lm_eval_overton.settings.signature import fields

__all__ = ["has_verdicts", "with_judgements"]

# How signatures name a judge as the source of classes and ratings.
JUDGE = "judge"


def has_verdicts(judged: TaskResult) -> bool:
    """Tell whether a judge gave any verdict."""
    counts = judged.judge.counts.values() if judged.judge else ()
    return any(count.get("parsed") for count in counts)


def with_judgements(base: TaskResult, files: Sequence[TaskResult]) -> TaskResult:
    """Return a result completed by judged files, as far as they saw the same responses.

    Args:
        base: The result.
        files: Its judged files, oldest first.
    """
    known = {judged.path: _same_prompts(base, judged) for judged in files}
    fitting = [judged for judged in files if known[judged.path]]
    if files and not fitting:
        alarm = (
            f"{short_path(files[-1].path)} was ignored: none of its prompts has the responses of "
            "this run; judge them with `overton judge`"
        )
        return replace(base, alarms=(*base.alarms, alarm))
    for judged in fitting:
        base = _merged(_before(base, judged), judged, known[judged.path])
    return base


def _same_prompts(base: TaskResult, judged: TaskResult) -> list[tuple[int, int]]:
    """Return the positions, in base and judged, of the prompts with the same responses."""
    rows = {key: i for i, key in enumerate(judged.ids)}
    return [
        (i, rows[key])
        for i, key in enumerate(base.ids)
        if key in rows and _same_responses(base.details[i], judged.details[rows[key]])
    ]


def _before(base: TaskResult, judged: TaskResult) -> TaskResult:
    """Return a result without what its judged file replaces: all that another judge said."""
    old, new = base.judge, judged.judge
    if old is None or new is None:
        return base
    replaced = set(old.counts) & set(new.counts)
    if old.signature == new.signature:
        return replace(base, alarms=_without_verdict_alarms(base.alarms, replaced))
    alarms = _without_verdict_alarms(base.alarms, set(old.counts))
    lost = sorted(set(old.counts) - replaced)
    if lost:
        alarms += (
            f"{short_path(judged.path)} is of another judge than the verdicts before it on "
            f"{', '.join(lost)}, which do not count any more; judge all with one judge",
        )
    counted = {f"{name}_{status}" for name, own in old.counts.items() for status in own}
    gone = base.judged | counted
    said = {"verdicts", *_said_of_classes(base)}
    return replace(
        base,
        values={name: own for name, own in base.values.items() if name not in gone},
        details=tuple({k: v for k, v in own.items() if k not in said} for own in base.details),
        alarms=alarms,
        judge=None,
        judged=frozenset(),
        bounds={name: own for name, own in base.bounds.items() if name not in gone},
    )


def _said_of_classes(base: TaskResult) -> Iterator[str]:
    """Yield the keys of what a judge said of the classes and ratings of samples."""
    known = fields(base.signature)
    if known.get("same", "").startswith(JUDGE):
        yield "classes"
    # A signature without their source is of a run that was judged later.
    if known.get("rated", JUDGE).startswith(JUDGE):
        yield from ("ratings", "scale")


def _without_verdict_alarms(alarms: Sequence[str], judgements: set[str]) -> tuple[str, ...]:
    return tuple(text for text in alarms if text.partition(":")[0] not in judgements)


def _same_responses(own: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return own.get("sha") is not None and own.get("sha") == other.get("sha")


def _merged(base: TaskResult, judged: TaskResult, pairs: Sequence[tuple[int, int]]) -> TaskResult:
    """Return the base's result with the judged values of pairs of positions (base, judged)."""
    to, source = (list(own) for own in zip(*pairs, strict=True))
    values = dict(base.values)
    for name, own in judged.values.items():
        values[name] = np.full(len(base.ids), np.nan)
        values[name][to] = own[source]
    details = list(base.details)
    for i, j in pairs:
        details[i] = _joined(base.details[i], judged.details[j])
    return replace(
        base,
        values=values,
        higher_is_better={**base.higher_is_better, **judged.higher_is_better},
        details=tuple(details),
        alarms=(*base.alarms, *judged.alarms),
        judge=_joint(base.judge, judged.judge),
        judged=base.judged | judged.judged | frozenset(judged.values),
        bounds={**base.bounds, **judged.bounds},
    )


def _joint(own: Judging | None, judged: Judging | None) -> Judging | None:
    if own is None or judged is None:
        return judged or own
    return replace(judged, counts={**own.counts, **judged.counts})


def _joined(own: Mapping[str, Any], judged: Mapping[str, Any]) -> dict[str, Any]:
    joined = {**own, **judged}
    if "verdicts" in own and "verdicts" in judged:
        joined["verdicts"] = {**own["verdicts"], **judged["verdicts"]}
    return joined

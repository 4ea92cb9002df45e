"""How much of the gap to the aligned model comes back in context."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import ICL, Both, align, defined
from lm_eval_overton.comparison.compared import UNDEFINED, Shift
from lm_eval_overton.metrics.gap import gap
from lm_eval_overton.metrics.likeness import Kind
from lm_eval_overton.metrics.measures.likeness import CEILINGS, SIMILARITIES
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import FRAME, METRICS, differing, fields, redefined

__all__ = ["is_only_icl", "is_peer", "shifts"]

ZERO_SHOT = f"{ICL}zeroshot"
# By similarity the reference's own.
KINDS: tuple[Kind, ...] = ("jaccard", "rouge_l", "cosine")
SHOWN = {SIMILARITIES[kind].name: CEILINGS[kind].name for kind in KINDS}
# Without these in common, a similarity is measured on other prompts or on another scale.
SCALE = frozenset({"data", "reference", "emb"})
# What makes a strategy; BERTScore is not shown here.
STRATEGY = frozenset({
    *("task", *FRAME, "strategy", "k", "order", "max_context", "examples", "hints"),
    *("exclude_hint_source", "bert", METRICS),
})  # fmt: skip


def is_peer(shift: Shift) -> bool:
    """Return whether a gap is that of another model without examples: the floor is the base's."""
    return shift.part.startswith(f"{ZERO_SHOT.removeprefix(ICL)} (")


def is_only_icl(run: FinishedRun) -> bool:
    """Return whether a run holds in-context tasks only."""
    return all(task.startswith(ICL) for task in run.tasks)


def shifts(run: FinishedRun, runs: Sequence[FinishedRun], force: bool, seed: int) -> list[Shift]:
    """Return how much of the gap each strategy recovers, one row per similarity.

    Args:
        run: The run that stands beside the base, the first of all runs.
        runs: All runs.
        force: Take a floor of other settings, if not of other prompts or another scale.
        seed: Of the resamples.
    """
    found = [
        shift
        for source in _sources(run, runs)
        for task, own in source.tasks.items()
        if task.startswith(ICL)
        for shift in _strategy(source, own, runs, force, seed)
    ]
    why = (
        "no in-context run: add one of the base model, `lm_eval --tasks "
        "overton_icl_zeroshot,overton_icl_fixed ...`"
    )
    return found or _undefined("in context", why)


def _sources(run: FinishedRun, runs: Sequence[FinishedRun]) -> list[FinishedRun]:
    """Return the runs whose in-context tasks are shown with a pair."""
    base = runs[0]
    own = [base] if run is base else [base, run]
    # A run of in-context tasks only says nothing of itself but what it recovers.
    others = [] if is_only_icl(run) else [one for one in runs if is_only_icl(one)]
    return [*own, *(one for one in others if one is not base)]


def _undefined(part: str, why: str) -> list[Shift]:
    return [Shift("recovered", part, name, UNDEFINED, why) for name in SHOWN]


def _strategy(
    source: FinishedRun, own: TaskResult, runs: Sequence[FinishedRun], force: bool, seed: int
) -> list[Shift]:
    part = f"{own.task.removeprefix(ICL)} ({source.name})"
    base = runs[0]
    floors = [one for one in (base, source, *runs) if _is_floor(one, base)]
    if not floors:
        return _undefined(part, _no_floor(base))
    floor = floors[0].tasks[ZERO_SHOT]
    if floor is own:
        return []
    both = align(floor, own)
    return [
        Shift("recovered", part, name, *_gap(both, name, floors[0].name, force, seed))
        for name in SHOWN
    ]


def _no_floor(base: FinishedRun) -> str:
    model = next(iter(_models(base)), base.name)
    return (
        f"no {ZERO_SHOT} of {base.name}, the floor: run it on the same model, {model}, or "
        f"`overton score` its responses with --name {model}"
    )


def _is_floor(run: FinishedRun, base: FinishedRun) -> bool:
    """Return whether a run holds the base's zero-shot, or another of the same model."""
    own = run.tasks.get(ZERO_SHOT)
    return own is not None and (run is base or own.model in _models(base))


def _models(run: FinishedRun) -> set[str]:
    """Return the names of a run's model, none where no file names it."""
    return {own.model for own in run.tasks.values()} - {""}


def _gap(
    both: Both, similarity: str, floor: str, force: bool, seed: int
) -> tuple[stats.Interval, str]:
    """Return the share of the gap that is recovered, and what to know of it."""
    found = differing(both.base.signature, both.run.signature)
    found = {key: two for key, two in found.items() if key not in STRATEGY}
    shown = "; ".join(f"{key} {low}, here {own}" for key, (low, own) in found.items())
    if SCALE.intersection(found) or (found and not force):
        return UNDEFINED, f"the floor, zeroshot of {floor}, has other settings ({shown})"
    ceiling = SHOWN[similarity]
    if {similarity, ceiling} & redefined(both.base.signature, both.run.signature):
        return UNDEFINED, f"the floor, zeroshot of {floor}, has another version of {similarity}"
    if similarity not in both.metrics or ceiling not in both.run.values:
        return UNDEFINED, f"no {similarity} of the prompts in common with the floor ({floor})"
    low, score = both.aligned(similarity)
    value = gap(defined(score, low, both.run.values[ceiling][both.run_at]), seed)
    if math.isnan(value.estimate):
        return value, f"ceiling and floor ({floor}) cannot be told apart"
    others = f", which has other settings ({shown})" if found else ""
    return value, f"floor: zeroshot of {floor}{others}{_hint_remark(both.run)}"


def _hint_remark(own: TaskResult) -> str:
    if fields(own.signature).get("exclude_hint_source") != "True":
        return ""
    return ", which counts the reference sample of the hint too (`overton recover` leaves it out)"

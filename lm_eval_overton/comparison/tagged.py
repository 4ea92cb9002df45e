"""The tags of the prompts of compared runs, and which prompts stay out of the headline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lm_eval_overton.comparison.aligned import Both
from lm_eval_overton.data.tags import ONE_ANSWER
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

__all__ = ["Tags", "differing", "headline_of", "left_out", "tags_of"]

# By task and prompt; a prompt without tags is not there.
Tags = Mapping[str, Mapping[str, tuple[str, ...]]]
# So many of the prompts that a note is about are named.
NAMED = 5


def tags_of(runs: Sequence[FinishedRun]) -> Tags:
    """Return the tags of all prompts: of several runs that have one, those of the first."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for run in reversed(runs):
        for task, own in run.tasks.items():
            known = {key: tags for key, tags in own.tags.items() if tags}
            found[task] = {**found.get(task, {}), **known}
    return found


def differing(both: Both, tags: Mapping[str, tuple[str, ...]]) -> str:
    """Return of which prompts a run of a pair has other tags than those that count, or nothing.

    Args:
        both: A task of the pair.
        tags: What counts, by prompt.
    """
    other = [
        key
        for one in (both.base, both.run)
        for key, own in one.tags.items()
        if own and set(own) != set(tags.get(key, ()))
    ]
    keys = list(dict.fromkeys(other))
    if not keys:
        return ""
    more = ", ..." if len(keys) > NAMED else ""
    return (
        f"prompts whose tags differ between runs: {len(keys)} ({', '.join(keys[:NAMED])}{more}); "
        "those of the first run count"
    )


def headline_of(runs: Sequence[FinishedRun], tags: Tags) -> tuple[FinishedRun, ...]:
    """Return the runs without the prompts that have one right answer.

    Whoever answers these well says the same, so that samples which are alike are no loss.
    """
    return tuple(_without_one_answer(run, tags) for run in runs)


def _without_one_answer(run: FinishedRun, tags: Tags) -> FinishedRun:
    tasks = {task: _several_answers(own, tags[task]) for task, own in run.tasks.items()}
    is_same = all(tasks[task] is own for task, own in run.tasks.items())
    return run if is_same else replace(run, tasks=tasks)


def _several_answers(own: TaskResult, tags: Mapping[str, tuple[str, ...]]) -> TaskResult:
    kept = {key for key in own.ids if ONE_ANSWER not in tags.get(key, ())}
    return own if len(kept) == len(own.ids) else own.of_prompts(kept)


def left_out(base: FinishedRun, run: FinishedRun, tags: Tags) -> dict[str, str]:
    """Return by task how many prompts of a pair stay out of the headline, where any does."""
    found = {}
    for task in dict.fromkeys((*base.tasks, *run.tasks)):
        own = (one.tasks[task].ids for one in (base, run) if task in one.tasks)
        keys = dict.fromkeys(key for ids in own for key in ids)
        n = sum(ONE_ANSWER in tags[task].get(key, ()) for key in keys)
        if n:
            found[task] = (
                f"{n} of {len(keys)} prompts have one right answer (tag {ONE_ANSWER}), where "
                "samples that are alike are no loss: the tables of metrics count them, the "
                "headline and the shifts leave them out"
            )
    return found

"""Check what a run would use, before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from lm_eval_overton.errors import OvertonError, SettingsError
from lm_eval_overton.harness.base import PromptTask
from lm_eval_overton.harness.cost import Cost, as_table, cost_of
from lm_eval_overton.harness.likelihoods import LikelihoodTask
from lm_eval_overton.harness.replay import group_names, task_class, task_names
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.matchers.table import MATCHERS, asks_judge
from lm_eval_overton.runs.folder import where_else
from lm_eval_overton.settings.task import Settings, refuse_unknown

__all__ = ["check"]


# What becomes of the thoughts of models that reason, by the setting.
REASONING = {
    "strip": "thoughts (<think> and the like) are cut off before answers are scored; "
    "enable_thinking in --model_args works, think_end_token is not needed",
    "keep": "thoughts (<think> and the like) are scored with the answers, but where "
    "think_end_token in --model_args cuts them off",
}


def check(patterns: Sequence[str], metadata: Mapping[str, Any]) -> Iterator[str]:
    """Build each task as the harness would and yield its signature; then a line on reasoning.

    Where viewpoints are matched without a judge, a line says what one would be asked.

    Then a table says what each task asks of the model: requests and the most tokens that they
    generate, or log-probabilities.

    A last line says where the generations go if they cannot be kept in the user's cache.

    Args:
        patterns: Task names or shell patterns.
        metadata: What would be given as `--metadata`.

    Raises:
        OvertonError: If a task cannot be built, once the others are checked.
    """
    names = _matching(patterns)
    costs: list[Cost] = []
    failed: list[str] = []
    for name in names:
        try:
            task = _built(name, metadata)
        except OvertonError as error:
            if len(names) == 1:
                raise
            failed.append(name)
            yield f"not ok {name}: {str(error).removeprefix(f'{name}: ')}"
            continue
        costs.append(cost := cost_of(task))
        yield from _checked(task, cost)
    yield from as_table(costs)
    yield REASONING[str(metadata.get("reasoning", Settings.reasoning))]
    said = where_else()
    if said:
        yield said
    if failed:
        raise SettingsError(
            f"--tasks: expected tasks that can be run, got {len(failed)} of {len(names)} that "
            f"cannot ({', '.join(failed)}); see above, or name others: --tasks overton"
        )


def _built(name: str, metadata: Mapping[str, Any]) -> PromptTask:
    """Return a task as the harness would build it."""
    refuse_unknown(metadata, name)
    cls, config = task_class(name)
    config["metadata"] = {**config["metadata"], **metadata}
    task: PromptTask = cls(config=config)  # type: ignore[call-arg]
    return task


def _checked(task: PromptTask, cost: Cost) -> Iterator[str]:
    """Yield what a task would use."""
    if isinstance(task, LikelihoodTask):
        yield f"ok {task.signature} ({cost.prompts} prompts, {cost.likelihoods} log-probabilities)"
        return
    assert isinstance(task, OvertonTask)
    names = ", ".join(task.stage.counted_names)
    asked = f"; {names} by {task.stage.judge.signature}" if task.stage.judge else ""
    yield f"ok {task.signature} ({cost.prompts} prompts{asked})"
    if task.HAS_VIEWPOINTS:
        yield from _matching_line(task.settings, cost.prompts * task.settings.n_samples)


def _matching_line(settings: Settings, n_samples: int) -> Iterator[str]:
    """Yield what matching viewpoints asks of a judge, or would; a judge's own count is known."""
    if not asks_judge(settings):
        yield (
            f"   viewpoints are matched by {settings.matcher}, without a judge: for conclusions "
            f'pass "matcher": "judge" and a judge, {n_samples} requests'
        )
    elif MATCHERS[settings.matcher].may_ask_judge:
        yield (
            f"   viewpoints are matched by staged: at most {n_samples} requests, one for each "
            "sample with a viewpoint that hybrid is unsure of"
        )


def _matching(patterns: Sequence[str]) -> list[str]:
    names = task_names()
    for pattern in patterns:
        # The group of all tasks is a name of its own.
        if pattern != "overton" and not any(fnmatchcase(name, pattern) for name in names):
            raise SettingsError(
                f"--tasks: expected names or patterns among {', '.join(names)}, got {pattern!r}"
            )
    group = group_names() if "overton" in patterns else []
    return [name for name in names if name in group or any(fnmatchcase(name, p) for p in patterns)]

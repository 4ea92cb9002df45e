"""Check what a run would use, before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.cost import as_table, cost_of
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
        OvertonError: At the first task that cannot be built.
    """
    costs = []
    for name in _matching(patterns):
        refuse_unknown(metadata, name)
        cls, config = task_class(name)
        config["metadata"] = {**config["metadata"], **metadata}
        task = cls(config=config)  # type: ignore[call-arg]
        costs.append(cost := cost_of(task))
        if isinstance(task, LikelihoodTask):
            asked = f"{cost.prompts} prompts, {cost.likelihoods} log-probabilities"
            yield f"ok {task.signature} ({asked})"
            continue
        assert isinstance(task, OvertonTask)
        stage = task.stage
        names = ", ".join(stage.counted_names)
        asked = f"; {names} by {stage.judge.signature}" if stage.judge else ""
        yield f"ok {task.signature} ({cost.prompts} prompts{asked})"
        if task.HAS_VIEWPOINTS:
            yield from _matching_line(task.settings, cost.prompts * task.settings.n_samples)
    yield from as_table(costs)
    yield REASONING[task.settings.reasoning]
    said = where_else()
    if said:
        yield said


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

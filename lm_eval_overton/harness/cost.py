"""What a task asks of a model, which is what its users pay for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_overton.harness.base import PromptTask
from lm_eval_overton.harness.likelihoods import LikelihoodTask
from lm_eval_overton.harness.survey_replies import RepliesTask
from lm_eval_overton.harness.task import OvertonTask

__all__ = ["Cost", "as_table", "cost_of"]

HEADING = ("task", "prompts", "requests", "tokens at most", "log-probabilities")


@dataclass(frozen=True)
class Cost:
    """What a task asks for.

    Attributes:
        task: Its name.
        prompts: How many prompts it has.
        requests: How many texts are generated.
        tokens: How many tokens these have at most, all together.
        likelihoods: How many log-probabilities are asked for.
    """

    task: str
    prompts: int
    requests: int = 0
    tokens: int = 0
    likelihoods: int = 0

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of them, in the order of a table."""
        return self.prompts, self.requests, self.tokens, self.likelihoods


def cost_of(task: PromptTask) -> Cost:
    """Return what a task asks for, as far as it is known before a model is.

    Args:
        task: One whose requests are not built.
    """
    n_prompts = len(task.prompt_set.docs)
    if isinstance(task, LikelihoodTask):
        return Cost(task.task_name, n_prompts, likelihoods=task.n_requests)
    assert isinstance(task, OvertonTask)
    settings = task.asking.of_requests
    ways = n_prompts
    if isinstance(task, RepliesTask):
        ways = sum(len(task.asked.ways(doc)) for doc in task.prompt_set.docs)
    n_requests = ways * (1 if settings.api_n else settings.n_samples)
    most = int(task.generation.get("max_gen_toks") or 0)
    return Cost(task.task_name, n_prompts, n_requests, ways * settings.n_samples * most)


def as_table(costs: Sequence[Cost]) -> list[str]:
    """Return the lines of a table of what tasks ask for, and of what they ask for together.

    Args:
        costs: Of each task.
    """
    if not costs:
        return []
    total = tuple(map(sum, zip(*(cost.numbers for cost in costs), strict=True)))
    rows = [(cost.task, cost.numbers) for cost in costs]
    if len(rows) > 1:
        rows.append(("all together", total))
    cells = [HEADING, *((name, *(f"{n:,}" if n else "-" for n in own)) for name, own in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join([name.ljust(widths[0]), *map(str.rjust, own, widths[1:])]) for name, *own in cells
    ]

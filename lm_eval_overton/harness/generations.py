"""When all tasks of a run have their responses: fold them, and write them to a file."""

from __future__ import annotations

import importlib.metadata
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, Protocol

from lm_eval.api.instance import Instance

from lm_eval_overton.data.rows import without_halves
from lm_eval_overton.data.tags import TAGS
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.runs import folder as runs
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.version import __version__

__all__ = ["Run", "Waiting", "remedy"]


class Waiting(Protocol):
    """What a run needs of a task that waits for its responses."""

    recorded: Recorded | None
    world_size: int
    folder: Path | None

    @property
    def task_name(self) -> str:
        """The task's name, which no other task of the run has."""

    @property
    def instances(self) -> Sequence[Instance]:
        """The requests of this process; once answered, each holds its responses."""

    def fold(self, instances: list[Instance]) -> None:
        """Take one instance per prompt, holding all its responses, in place of the requests."""

    def heading(self) -> dict[str, Any]:
        """Return what the generations file says of the task."""

    def finish_reasons(self, instance: Instance) -> Sequence[str | None] | None:
        """Return why each response of a folded instance ended; None where it is not known."""


class Run:
    """The tasks of one evaluation, whose generations are on disk before the first is scored.

    The harness scores task after task, but by the first of them all have their responses. It hands
    its tasks nothing that they have in common, so that they find each other by when they are
    built: one after the other, in one context, before there is a response to any of them. The
    tasks own their run; the context only knows the latest, so that none outlives its evaluation.
    """

    _latest: ClassVar[ContextVar[weakref.ref[Run] | None]] = ContextVar("run", default=None)

    def __init__(self) -> None:
        self._tasks: dict[str, Waiting] = {}
        self._written = False

    @classmethod
    def of(cls, task: Waiting) -> Run:
        """Return the run that a task belongs to whose requests were built just now."""
        known = cls._latest.get()
        run = known() if known else None
        if run is None or run._is_over:
            run = cls()
            cls._latest.set(weakref.ref(run))
        run._tasks[task.task_name] = task
        return run

    @property
    def _is_over(self) -> bool:
        """Whether its tasks have their responses, so that what is built now is of another run."""
        instances = (inst for task in self._tasks.values() for inst in task.instances)
        return self._written or any(inst.resps for inst in instances)

    def write(self) -> None:
        """Fold the samples of each prompt and write those of all tasks; the first call does it."""
        if self._written:
            return
        self._written = True
        named = (task for _, task in sorted(self._tasks.items()))
        # A task of an evaluation that died before it had its responses is left out.
        tasks = [task for task in named if all(inst.resps for inst in task.instances)]
        for task in tasks:
            task.fold(_fold(task.instances))
        _write([task for task in tasks if not task.recorded])
        for inst in (inst for task in tasks for inst in task.instances):
            # The harness loses the samples of a task if one holds half a surrogate pair; ours are
            # in their file as they came.
            inst.resps = without_halves(inst.resps)


def _write(tasks: Sequence[Waiting]) -> None:
    if not tasks:
        return
    gathered = runs.gather([row for task in tasks for row in _rows(task)], tasks[0].world_size)
    if gathered is None:
        return
    # A file that lost lines can say so.
    n = Counter(row["task"] for row in gathered)
    header = {
        "lm_eval": importlib.metadata.version("lm-eval"),
        "lm_eval_overton": __version__,
        "tasks": {
            task.task_name: {**task.heading(), "n_prompts": n[task.task_name]} for task in tasks
        },
    }
    path = runs.write_generations(header, gathered, Evaluation.around().output)
    for task in tasks:
        task.folder = path.parent if path else None


def _rows(task: Waiting) -> list[dict[str, Any]]:
    """Return one row per prompt of this process."""
    return [
        {
            "task": task.task_name,
            "id": inst.doc["id"],
            "doc_id": inst.doc_id,
            "prompt": inst.doc["prompt"],
            "responses": inst.resps,
            "finish_reasons": task.finish_reasons(inst),
            **({TAGS: inst.doc[TAGS]} if inst.doc.get(TAGS) else {}),
        }
        for inst in task.instances
    ]


def _fold(instances: Iterable[Instance]) -> list[Instance]:
    """Return one instance per document, holding the responses of all its samples in order."""
    by_doc: dict[int, list[Instance]] = {}
    for instance in instances:
        by_doc.setdefault(instance.doc_id, []).append(instance)
    return [_joined(own) for own in by_doc.values()]


def _joined(own: list[Instance]) -> Instance:
    own.sort(key=lambda instance: instance.idx)
    first = own[0]
    return Instance(
        request_type=first.request_type,
        doc=first.doc,
        arguments=first.arguments,
        idx=0,
        metadata=(first.task_name, first.doc_id, 1),
        # Padding under data parallelism leaves further responses on a request; the first is its.
        resps=[instance.resps[0] for instance in own],
    )


def remedy(folder: Path | None, task: str) -> str:
    """Return how to score what a task was answered, to be added to what went wrong.

    Args:
        folder: The run's folder; None in all processes but the first, whose log names it, and where
            no place took them, which the log says too.
        task: The task's name.
    """
    if folder is None:
        return f"; score what the log names with `overton score GENERATIONS --task {task}`"
    where = folder / runs.GENERATIONS
    return f"; nothing is lost: score the generations with `overton score {where} --task {task}`"

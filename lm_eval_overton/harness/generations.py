"""When all tasks of a run have their responses: fold them, and write them to a file."""

from __future__ import annotations

import importlib.metadata
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lm_eval.api.instance import Instance

from lm_eval_overton.harness.provenance import generation_header, generation_rows
from lm_eval_overton.runs import folder as runs
from lm_eval_overton.version import __version__

if TYPE_CHECKING:
    from lm_eval_overton.harness.task import OvertonTask

__all__ = ["await_responses", "fold_and_write"]

# Tasks whose requests were built and whose generations are not yet on disk. The harness scores
# task after task, but by the first of them all have their responses.
_waiting: weakref.WeakSet[OvertonTask] = weakref.WeakSet()


def await_responses(task: OvertonTask) -> None:
    """Remember a task whose requests were built."""
    _waiting.add(task)


def fold_and_write() -> None:
    """Write the generations of every waiting task, before the first of them is scored."""
    waiting = sorted(_waiting, key=lambda task: task.task_name)
    _waiting.clear()
    # A task of an earlier run that died before it had its responses is left out.
    tasks = [task for task in waiting if all(inst.resps for inst in task.instances)]
    for task in tasks:
        task.fold(_fold(task.instances))
    fresh = [task for task in tasks if not task.recorded]
    if not fresh:
        return
    rows = [row for task in fresh for row in generation_rows(task)]
    gathered = runs.gather(rows, fresh[0].world_size)
    if gathered is None:
        return
    header = {
        "lm_eval": importlib.metadata.version("lm-eval"),
        "lm_eval_overton": __version__,
        "tasks": {task.task_name: generation_header(task) for task in fresh},
    }
    path = runs.write_generations(header, gathered)
    for task in fresh:
        task.folder = path.parent


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

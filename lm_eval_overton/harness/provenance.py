"""How a task's responses and scores came about: its signature, and its part of the generations."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lm_eval_overton.settings.credentials import redact
from lm_eval_overton.settings.signature import short_hash, sign
from lm_eval_overton.version import __version__

if TYPE_CHECKING:
    from lm_eval_overton.harness.task import OvertonTask

__all__ = ["generation_header", "generation_rows", "signature_of"]


def signature_of(task: OvertonTask, own: Mapping[str, Any]) -> str:
    """Return every setting that can change a score, in one line.

    Args:
        task: The task, its requests built.
        own: The settings that tasks of its class alone have.
    """
    seed = (task.config.generation_kwargs or {}).get("seed", task.settings.seed)
    fields = {
        "data": task.prompt_set.signature,
        "frame": task.recorded.frame if task.recorded else task.frame.name,
        "system": short_hash(task.system) if task.system else None,
        "n": task.settings.n_samples,
        "stop": task.stops,
        "emb": task.encoder.signature,
        **own,
        "match": task.matcher.signature if task.matcher else None,
        "reference": _reference_hash(task),
        "seed": seed,
        "api_seeds": task.settings.api_seeds if task.settings.model.is_api else None,
        "lm_eval": importlib.metadata.version("lm-eval"),
        "v": __version__,
    }
    generation = task.recorded.generation if task.recorded else task.generation
    return sign(task.task_name, task.VERSION, fields, _without_stops(generation))


def _reference_hash(task: OvertonTask) -> str | None:
    texts = {key: [s.text for s in own] for key, own in task.reference.items()}
    return short_hash(texts) if texts else None


def _without_stops(generation: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in generation.items() if key != "until"}


def generation_rows(task: OvertonTask) -> list[dict[str, Any]]:
    """Return what is written to the generations file: one row per prompt of this process."""
    return [
        {
            "task": task.task_name,
            "id": inst.doc["id"],
            "doc_id": inst.doc_id,
            "prompt": inst.doc["prompt"],
            "responses": inst.resps,
        }
        for inst in task.instances
    ]


def generation_header(task: OvertonTask) -> dict[str, Any]:
    """Return what the generations file says of a task."""
    prompts = task.prompt_set
    return {
        "data": {"name": prompts.name, "version": prompts.version, "sha": prompts.sha},
        "frame": task.frame.name,
        "stops": task.stops,
        "generation": _without_stops(task.generation),
        "n_samples": task.settings.n_samples,
        "settings": dict(task.settings.given),
        "model": redact(task.settings.model.identity),
    }

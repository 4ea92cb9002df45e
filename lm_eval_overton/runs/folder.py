"""The files of a run: generations before anything is scored, per-prompt values afterwards."""

from __future__ import annotations

import json
import logging
import secrets
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lm_eval_overton.data.folders import cache_dir

__all__ = ["GENERATIONS", "gather", "together", "write_generations", "write_values"]

GENERATIONS = "generations.jsonl"
FORMAT = 1

# The handlers of the harness's logger print these lines beside its own.
logger = logging.getLogger("lm_eval.overton")


def gather(rows: list[Any], world_size: int) -> list[Any] | None:
    """Return the rows of all data-parallel processes on the first one, None on the others."""
    if world_size <= 1:
        return rows
    import torch.distributed as dist

    parts: list[Any] | None = [None] * world_size if dist.get_rank() == 0 else None
    dist.gather_object(rows, parts, dst=0)
    return None if parts is None else [row for part in parts for row in part]


def together(value: Any, world_size: int) -> list[Any]:
    """Return what each of the data-parallel processes has, on all of them."""
    if world_size <= 1:
        return [value]
    import torch.distributed as dist

    parts: list[Any] = [None] * world_size
    dist.all_gather_object(parts, value)
    return parts


def write_generations(header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> Path | None:
    """Write a new run folder with its generations file.

    Args:
        header: What the run was, without credentials; becomes the first line.
        rows: One mapping per task and prompt: `task`, `id`, `prompt`, `responses`.

    Returns:
        The path of the generations file; None if no place takes it.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    lines = [{"overton_generations": FORMAT, **header}, *rows]
    # A disk may have become full while the model was asked.
    for place in (cache_dir(), Path(tempfile.gettempdir()) / "lm_eval_overton"):
        folder = place / "runs" / name
        try:
            folder.mkdir(parents=True)
            _write_lines(folder / GENERATIONS, lines)
        except OSError as error:
            logger.error("The generations cannot be kept in %s (%s)", folder, error)
        else:
            logger.info("Generations are in %s", folder / GENERATIONS)
            return folder / GENERATIONS
    return None


def write_values(folder: Path, task: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the per-prompt values of a task beside its generations."""
    try:
        _write_lines(folder / f"values_{task}.jsonl", rows)
    except OSError as error:
        # The results hold them too.
        logger.error("The values of %s cannot be kept in %s (%s)", task, folder, error)


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    # Under another name until complete, so that a half-written file is never taken for a whole.
    partial = path.with_suffix(".partial")
    # Half of a surrogate pair has no UTF-8: as an escape it is valid JSON and is read back.
    with partial.open("w", encoding="utf-8", errors="backslashreplace") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False, default=str) + "\n")
    partial.replace(path)

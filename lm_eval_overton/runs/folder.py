"""The files of a run: generations before anything is scored, per-prompt values afterwards."""

from __future__ import annotations

import json
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lm_eval_overton.data.folders import cache_dir
from lm_eval_overton.runs.whole_file import whole_text, why_unwritable

__all__ = [
    "GENERATIONS",
    "gather",
    "places",
    "together",
    "where_else",
    "write_generations",
    "write_values",
]

GENERATIONS = "generations.jsonl"
RUNS = "runs"
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


def places(output: Path | None = None) -> list[Path]:
    """Return the folders under which a run's files may be kept, the best first.

    Args:
        output: Where the harness writes the run's results, if it does.
    """
    found = [cache_dir() / RUNS]
    found += [output / RUNS] if output else []
    with suppress(OSError):
        # The folder for temporary files is everybody's.
        own = f"lm_eval_overton_{os.getuid()}" if hasattr(os, "getuid") else "lm_eval_overton"
        found.append(Path(tempfile.gettempdir()) / own / RUNS)
    return found


def where_else(output: Path | None = None) -> str | None:
    """Return what to say where generations cannot be kept in the cache; None where they can.

    Args:
        output: As for `places`.
    """
    first, *others = places(output)
    why = why_unwritable(first / GENERATIONS)
    if why is None:
        return None
    other = next((own for own in others if why_unwritable(own / GENERATIONS) is None), None)
    goes = (
        f"generations go to {other}"
        if other
        else "nor generations anywhere else; only the samples of the results will hold them, with "
        "`-o DIR --log_samples`"
    )
    return (
        f"what is paid for cannot be kept in {first.parent} ({why}): judges' replies are not kept, "
        f"{goes}; choose a folder with OVERTON_CACHE_DIR"
    )


def write_generations(
    header: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], output: Path | None = None
) -> Path | None:
    """Write a new run folder with its generations file.

    Args:
        header: What the run was, without credentials; becomes the first line.
        rows: One mapping per task and prompt: `task`, `id`, `prompt`, `responses`.
        output: As for `places`.

    Returns:
        The path of the generations file; None if no place takes it.
    """
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
    lines = [{"overton_generations": FORMAT, **header}, *rows]
    # A disk may have become full while the model was asked.
    for place in places(output):
        folder = place / name
        try:
            folder.mkdir(parents=True)
            _write_lines(folder / GENERATIONS, lines)
        except OSError as error:
            with suppress(OSError):
                folder.rmdir()
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
    with whole_text(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False, default=str) + "\n")

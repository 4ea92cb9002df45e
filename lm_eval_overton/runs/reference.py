"""A reference run: another model's responses to the same prompts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lm_eval_overton.data import PromptSet
from lm_eval_overton.errors import DataError
from lm_eval_overton.runs.responses import DEFAULT_TASK, match_prompts, read_responses
from lm_eval_overton.text.samples import Sample, clean

__all__ = ["find_responses", "load_reference", "newest"]


def find_responses(place: Path, task: str) -> Path:
    """Return the responses file of a place.

    Args:
        place: A responses file, a harness output folder or a folder of our own runs.
        task: Whose samples to take from a folder; those of `overton_diversity` if it has none.

    Raises:
        DataError: If there is none.
    """
    if place.is_file():
        return place
    if not place.is_dir():
        raise DataError(f"{place}: expected a responses file or a run's folder, got nothing there")
    for name in dict.fromkeys((task, DEFAULT_TASK)):
        # A date begins with a digit; without it, one task's name may begin another's.
        samples = newest(place.rglob(f"samples_{name}_[0-9]*.jsonl"))
        if samples:
            return samples
        for results in sorted(place.rglob("results_*.json"), key=_age, reverse=True):
            named = _generations_named_in(results, name)
            if named is not None and named.exists():
                return named
    generations = newest(place.rglob("generations.jsonl"))
    if generations:
        return generations
    raise DataError(
        f"{place}: expected samples_{task}_*.jsonl, a results file that names its generations, or "
        "generations.jsonl, got none; run the reference with --log_samples"
    )


def _age(path: Path) -> int:
    return path.stat().st_mtime_ns


def newest(paths: Iterable[Path]) -> Path | None:
    """Return the file that was written last; None for none."""
    return max(paths, key=_age, default=None)


def _generations_named_in(results: Path, task: str) -> Path | None:
    try:
        config = json.loads(results.read_text(encoding="utf-8"))["configs"][task]
        return Path(config["metadata"]["overton"]["generations"])
    except (ValueError, KeyError, TypeError):
        # A results file of other tasks, or not one of ours.
        return None


def load_reference(
    place: str, task: str, prompts: PromptSet, stops: Sequence[str] | None
) -> Mapping[str, list[Sample]]:
    """Return a reference run's cleaned samples by prompt id.

    Args:
        place: As for `find_responses`.
        task: As for `find_responses`.
        prompts: The prompts of the run that is compared.
        stops: Stop sequences of the reference's responses; None: what its file says.

    Raises:
        DataError: If no prompt has responses in it, or the file cannot be read.
    """
    found = read_responses(find_responses(Path(place), task), task)
    recorded = match_prompts(found, prompts)
    cut_at = found.stops if stops is None else tuple(stops)
    return {
        doc["id"]: [clean(raw, cut_at) for raw in recorded.responses[doc["id"]]]
        for doc in recorded.prompts.docs
    }

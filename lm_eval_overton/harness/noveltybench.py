"""NoveltyBench: its prompts, from the hub or from a copy of the user's, asked as it asks them.

Source: Zhang et al. 2025, arXiv:2504.05228. Nothing of it is packaged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from lm_eval_overton.data import PromptSet, load_prompts
from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings

__all__ = ["NoveltyBenchTask"]

DATASET = "yimingzhang/novelty-bench"


class NoveltyBenchTask(OvertonTask):
    """Ten samples for each prompt of a split, whose hash is the same in whatever file and order."""

    PACKAGED_PROMPTS: ClassVar[str] = DATASET

    @classmethod
    def find_prompts(cls, settings: Settings, task: str) -> PromptSet:
        """Return the prompts of the user's copy, or those of a split on the hub.

        Raises:
            DataError: If they cannot be had.
        """
        if settings.prompts:
            found = load_prompts(settings.prompts)
            name, docs = found.name, found.docs
        else:
            name, docs = f"novelty-bench-{settings.split}", _from_hub(settings.split, task)
        found = PromptSet(name, None, "", docs)
        return replace(found, sha=cls.sha_of(found))

    @classmethod
    def sha_of(cls, prompts: PromptSet) -> str:
        """Return the hash of the prompts in any order: the benchmark's files differ in theirs."""
        return short_hash(sorted((doc["id"], doc["prompt"]) for doc in prompts.docs))


def _from_hub(split: str, task: str) -> list[dict[str, str]]:
    import datasets

    try:
        rows = datasets.load_dataset(DATASET, split=split)
    except Exception as error:
        # What is unreachable, gated or gone raises whatever the hub's libraries raise.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{task}: expected the split {split} of {DATASET} on the hub or in its cache, got "
            f"{type(error).__name__} ({reason:.120}); give a copy: --metadata "
            '\'{"prompts": "curated.jsonl"}\', or name other tasks: --tasks overton'
        ) from error
    return [{"id": str(row["id"]), "prompt": str(row["prompt"])} for row in rows]

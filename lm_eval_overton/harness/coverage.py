"""Contested questions: which of the given viewpoints the samples cover."""

from __future__ import annotations

from typing import ClassVar

from lm_eval_overton.data import PromptSet, load_viewpoints
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.metrics.metric import COVERAGE, Task

__all__ = ["CoverageTask"]


class CoverageTask(OvertonTask):
    """N samples for each contested question, matched to its viewpoints."""

    PACKAGED_PROMPTS: ClassVar[str] = "contested"
    OWN_FILE: ClassVar[str] = "viewpoints"
    KIND: ClassVar[Task] = COVERAGE
    HAS_VIEWPOINTS: ClassVar[bool] = True

    @classmethod
    def load(cls, source: str) -> PromptSet:
        """Load questions with viewpoints."""
        return load_viewpoints(source)

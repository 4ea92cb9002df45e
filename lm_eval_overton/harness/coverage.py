"""Contested questions: which of the given viewpoints the samples cover."""

from __future__ import annotations

from typing import ClassVar

from lm_eval_overton.data import PromptSet, load_viewpoints
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.metrics.metric import COVERAGE, Task
from lm_eval_overton.settings.task import Settings

__all__ = ["CoverageTask"]


class CoverageTask(OvertonTask):
    """N samples for each contested question, matched to its viewpoints."""

    PACKAGED_PROMPTS: ClassVar[str] = "contested"
    OWN_PROMPTS: ClassVar[bool] = False
    KIND: ClassVar[Task] = COVERAGE
    HAS_VIEWPOINTS: ClassVar[bool] = True

    @classmethod
    def find_prompts(cls, settings: Settings, task: str) -> PromptSet:
        """Return the user's own questions with viewpoints, or the packaged ones."""
        if settings.viewpoints:
            return load_viewpoints(settings.viewpoints)
        return super().find_prompts(settings, task)

"""Contested questions: which of the given viewpoints the samples cover."""

from __future__ import annotations

from typing import ClassVar

from lm_eval_overton.data import PromptSet, load_viewpoints
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.judge.ask import GuardedJudge, Judge
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.matchers.table import asks_judge, make_matcher

__all__ = ["CoverageTask"]


class CoverageTask(OvertonTask):
    """N samples for each contested question, matched to its viewpoints."""

    PACKAGED_PROMPTS: ClassVar[str] = "contested"
    OWN_PROMPTS: ClassVar[bool] = False
    JUDGEMENTS: ClassVar[tuple[str, ...]] = ("stance",)

    def _load_prompts(self, task: str) -> PromptSet:
        if self.settings.viewpoints:
            return load_viewpoints(self.settings.viewpoints)
        return super()._load_prompts(task)

    def _find_matcher(self, judge: Judge | None) -> Matcher:
        if asks_judge(self.settings) and judge is None:
            raise SettingsError(
                "overton_coverage: expected a judge on a server for the matcher "
                f"{self.settings.matcher}, got one that would be loaded beside the evaluated "
                "model; run with another matcher, then `overton score` the generations with this "
                "one"
            )
        return make_matcher(
            self.settings.matcher,
            self.encoder,
            self.settings.nli_model,
            self.settings.threshold,
            self.settings.encoder_device,
            GuardedJudge(judge) if judge else None,
        )

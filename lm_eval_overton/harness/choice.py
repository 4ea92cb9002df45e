"""The packaged contested questions that yes or no answers, asked for a choice by log-probability.

Nobody's shares come with them: what is measured is how decided the model is, and how much of that
is a bias for a label or an order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lm_eval_overton.data import PromptSet
from lm_eval_overton.data.survey import Survey
from lm_eval_overton.harness.questionnaire import as_prompts, contested
from lm_eval_overton.harness.survey import SurveyTask
from lm_eval_overton.harness.survey_replies import RepliesTask, SampledTask, VerbalizedTask
from lm_eval_overton.settings.task import Settings

__all__ = ["ChoiceTask"]


class _Contested(RepliesTask):
    """The packaged questions, answered in replies."""

    # No file of the user's takes the place of the packaged questions.
    OWN_FILE: ClassVar[str] = ""

    @classmethod
    def find_survey(cls, settings: Settings, task: str) -> Survey:
        """Return the packaged questions."""
        return contested()

    @classmethod
    def load(cls, source: str) -> PromptSet:
        """Return the packaged questions."""
        return as_prompts(contested())


class _SampledChoice(_Contested, SampledTask):
    """Replies that choose an option."""


class _VerbalizedChoice(_Contested, VerbalizedTask):
    """Replies that state the share of each option."""


class ChoiceTask(SurveyTask):
    """Each question with the options yes, no and it depends."""

    REPLIES: ClassVar[Mapping[str, type[RepliesTask]]] = {
        task.MODE: task for task in (_SampledChoice, _VerbalizedChoice)
    }

    @classmethod
    def find_survey(cls, settings: Settings, task: str) -> Survey:
        """Return the packaged questions, whatever survey is given to other tasks."""
        return contested()

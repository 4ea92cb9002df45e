"""The packaged contested questions that yes or no answers, asked for a choice by log-probability.

Nobody's shares come with them: what is measured is how decided the model is, and how much of that
is a bias for a label or an order.
"""

from __future__ import annotations

from lm_eval_overton.data import load_viewpoints
from lm_eval_overton.data.survey import Survey, SurveyQuestion
from lm_eval_overton.harness.survey import SurveyTask
from lm_eval_overton.metrics.formulas.choice import CHOICES
from lm_eval_overton.settings.task import Settings

__all__ = ["ChoiceTask"]

QUESTIONS = "contested"


class ChoiceTask(SurveyTask):
    """Each question with the options yes, no and it depends."""

    @classmethod
    def find_survey(cls, settings: Settings, task: str) -> Survey:
        """Return the packaged questions, whatever survey is given to other tasks."""
        found = load_viewpoints(QUESTIONS)
        asked = [doc for doc in found.docs if doc.get("kind") == "yes_no"]
        questions = tuple(SurveyQuestion(doc["id"], doc["prompt"], CHOICES) for doc in asked)
        return Survey(found.name, found.sha, questions, found.version)

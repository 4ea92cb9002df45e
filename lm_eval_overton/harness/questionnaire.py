"""The questions of a survey with the ways in which each is asked, however it is answered."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from lm_eval_overton.data import PromptSet, load_viewpoints
from lm_eval_overton.data.survey import LABELS, Survey, SurveyQuestion
from lm_eval_overton.data.survey_hub import open_survey
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.entry_points import overton_mean
from lm_eval_overton.harness.survey_style import OWN, Style, style_of
from lm_eval_overton.metrics.formulas.choice import CHOICES
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.metrics.opinion import (
    Logs,
    Opinion,
    distance_of_uniform,
    orders_of,
    people_of,
)
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings

__all__ = ["Questionnaire", "Way", "as_prompts", "contested", "own_survey"]

logger = logging.getLogger("lm_eval.overton")

# The packaged questions that yes or no answers.
QUESTIONS = "contested"
# All orders of more options than these would be asked thousands of times.
MOST_IN_ALL_ORDERS = 5


class Way(NamedTuple):
    """One way to ask a question: as whom, None as itself, and with which option at each label."""

    group: str | None
    order: tuple[int, ...]


@dataclass(frozen=True)
class Questionnaire:
    """A survey as the settings have it asked.

    Attributes:
        settings: What the user asked for.
        survey: The questions.
        style: The user's text around a question; None for our own.
    """

    settings: Settings
    survey: Survey
    style: Style | None

    @classmethod
    def of(cls, settings: Settings, survey: Survey, task: str) -> Questionnaire:
        """Return a survey to be asked.

        Args:
            settings: What the user asked for.
            survey: The questions.
            task: The task's name, for messages.

        Raises:
            SettingsError: If it cannot be asked so.
        """
        style = style_of(settings.style, bool(settings.steer), task)
        _check_orders(settings, survey, task)
        _check_groups(settings, survey, task)
        return cls(settings, survey, style)

    @cached_property
    def questions(self) -> dict[str, SurveyQuestion]:
        """The questions by their ids."""
        return {question.id: question for question in self.survey.questions}

    @property
    def prompts(self) -> PromptSet:
        """The questions as the harness gets them."""
        return as_prompts(self.survey)

    @property
    def absent(self) -> set[Need]:
        """What metrics may need and the survey, or what is asked of it, does not have."""
        questions = self.survey.questions
        there = {
            Need.PEOPLE: any(question.people for question in questions),
            Need.SCALE: any(question.positions for question in questions),
            Need.REFUSALS: any(question.refusals for question in questions),
            Need.RESPONDENTS: any(question.respondents for question in questions),
            Need.STEERED: bool(self.settings.steer),
        }
        return {need for need, is_there in there.items() if not is_there}

    def ways(self, doc: Mapping[str, Any]) -> list[Way]:
        """Return each way to ask a question: in each order as itself, then as each group."""
        question = self.questions[doc["id"]]
        return [
            Way(group, order)
            for group in (None, *self._groups(question))
            for order in self._orders(question)
        ]

    def text(self, doc: Mapping[str, Any], way: Way, own: Style) -> str:
        """Return what is asked.

        Args:
            doc: The question.
            way: How it is asked.
            own: Our text around it, where the user has none.
        """
        return (self.style or own).text(self.questions[doc["id"]], way.order, way.group)

    def shown(self, doc: Mapping[str, Any], way: Way) -> list[str]:
        """Return the options in the order of their labels."""
        options = self.questions[doc["id"]].options
        return [options[place] for place in way.order]

    def labels(self, doc: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the labels of a question's options."""
        return tuple(LABELS[: len(self.questions[doc["id"]].options)])

    def opinion(self, doc: Mapping[str, Any], logs: Logs, unit: float) -> Opinion:
        """Return what is answered to a question.

        Args:
            doc: The question.
            logs: Per way of asking the logarithm of each label's probability.
            unit: What a gain is a part of; see `Opinion`.
        """
        question = self.questions[doc["id"]]
        orders = self._orders(question)
        own, *steered = _parts(logs, len(orders))
        as_groups = dict(zip(self._groups(question), steered, strict=True))
        return Opinion(question, orders, own, as_groups, unit)

    def unit(self, ids: Iterable[str]) -> float:
        """Return the mean distance of a uniform guess to the people's shares over questions."""
        of_uniform = [distance_of_uniform(self.questions[key]) for key in ids]
        return overton_mean(of_uniform) or math.nan

    def fields(self, own: Style = OWN) -> dict[str, Any]:
        """Return how the questions are asked, for the signature.

        Args:
            own: Our text around a question.
        """
        steer = self.settings.steer
        return {
            "orders": self.settings.orders,
            "style": (self.style or own).name,
            "steer": short_hash(list(steer)) if steer else None,
        }

    def _orders(self, question: SurveyQuestion) -> list[tuple[int, ...]]:
        return orders_of(self.settings.orders, len(question.options))

    def _groups(self, question: SurveyQuestion) -> list[str]:
        """Return the groups of a question that the model is asked to answer as."""
        people = people_of(question)
        return [group for group in self.settings.steer if group in people]


def as_prompts(survey: Survey) -> PromptSet:
    """Return the questions of a survey as the harness gets them.

    Args:
        survey: The questions.
    """
    docs = [{"id": q.id, "prompt": q.text, "options": list(q.options)} for q in survey.questions]
    return PromptSet(survey.name, survey.version, survey.sha, docs)


def own_survey(settings: Settings, task: str) -> Survey:
    """Return the user's survey, or the packaged questions.

    Args:
        settings: What the user asked for.
        task: The task's name, for messages.

    Raises:
        DataError: If it cannot be used.
    """
    if settings.survey is not None:
        return open_survey(settings.survey)
    logger.warning(
        "%s: no survey is given, so that the packaged contested questions are asked, which come "
        'without people\'s answers; your own: --metadata \'{"survey": "own.jsonl"}\'',
        task,
    )
    return contested()


def contested() -> Survey:
    """Return the packaged questions that yes or no answers, each with its options."""
    found = load_viewpoints(QUESTIONS)
    asked = [doc for doc in found.docs if doc.get("kind") == "yes_no"]
    questions = tuple(SurveyQuestion(doc["id"], doc["prompt"], CHOICES) for doc in asked)
    return Survey(found.name, found.sha, questions, found.version)


def _check_orders(settings: Settings, survey: Survey, task: str) -> None:
    most = max(survey.questions, key=lambda question: len(question.options))
    if settings.orders == "all" and len(most.options) > MOST_IN_ALL_ORDERS:
        raise SettingsError(
            f"{task}: expected at most {MOST_IN_ALL_ORDERS} options where all orders are asked, "
            f"got {len(most.options)} in {most.id!r}; leave orders out for the cyclic ones"
        )


def _check_groups(settings: Settings, survey: Survey, task: str) -> None:
    unknown = [group for group in settings.steer if group not in survey.groups]
    if unknown:
        known = ", ".join(survey.groups[:12]) or "none"
        raise SettingsError(
            f"{task}: expected steer to name groups of {settings.survey}, got {unknown[0]!r}; "
            f"it has {known}{' and more' if len(survey.groups) > 12 else ''}"
        )


def _parts(logs: Logs, n: int) -> Iterator[Logs]:
    """Yield the rows of each way to answer, n orders each."""
    for start in range(0, len(logs), n):
        yield logs[start : start + n]

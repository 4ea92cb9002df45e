"""Survey questions, asked by the log-probabilities of their options' labels in several orders."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from lm_eval_overton.data import PromptSet
from lm_eval_overton.data.survey import LABELS, Survey, SurveyQuestion
from lm_eval_overton.data.survey_hub import open_survey
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.entry_points import overton_mean
from lm_eval_overton.harness.frames import Frame
from lm_eval_overton.harness.likelihoods import LITTLE_MASS, Asked, LikelihoodTask
from lm_eval_overton.harness.metric_list import that_can_be, wanted
from lm_eval_overton.harness.survey_style import (
    CHAT_LETTERS,
    LETTERS,
    OWN,
    OWN_CHAT,
    style_of,
)
from lm_eval_overton.metrics.measures.survey import ANSWER_MASS
from lm_eval_overton.metrics.metric import SURVEY, Need, Task
from lm_eval_overton.metrics.opinion import Opinion, distance_of_uniform, orders_of, people_of
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings, read_settings

__all__ = ["LOGLIKELIHOOD", "SurveyTask", "little_mass"]

LOGLIKELIHOOD = "loglikelihood"

# All orders of more options than these would be asked thousands of times.
MOST_IN_ALL_ORDERS = 5


class SurveyTask(LikelihoodTask):
    """The questions of the user's survey, each one document with all orders of its options."""

    KIND: ClassVar[Task] = SURVEY
    FRAME: ClassVar[Frame] = LETTERS
    CHAT_FRAME: ClassVar[Frame] = CHAT_LETTERS

    def __init__(self, config: dict[str, Any]) -> None:
        """Read the settings and the survey.

        Args:
            config: The task's configuration as the harness merged it.

        Raises:
            OvertonError: If a setting or the survey's file cannot be used.
        """
        task = str(config["task"])
        settings = read_settings(config.get("metadata") or {}, task)
        survey = self.find_survey(settings, task)
        self.questions = {question.id: question for question in survey.questions}
        self.style = style_of(settings.style, bool(settings.steer), task)
        self.unit = math.nan
        _check_orders(settings, survey, task)
        _check_groups(settings, survey, task)
        metrics = that_can_be(wanted(config, self.KIND), absent(settings, survey), frozenset())
        docs = [
            {"id": q.id, "prompt": q.text, "options": list(q.options)} for q in survey.questions
        ]
        prompts = PromptSet(survey.name, survey.version, survey.sha, docs)
        super().__init__(config, settings, prompts, metrics)

    @classmethod
    def find_survey(cls, settings: Settings, task: str) -> Survey:
        """Return the user's survey.

        Args:
            settings: What the user asked for.
            task: The task's name, for messages.

        Raises:
            SettingsError: If no file is named.
            DataError: If it cannot be used.
        """
        if settings.survey is None:
            raise SettingsError(
                f"{task}: expected a file of survey questions, got none; pass --metadata "
                '\'{"survey": "own.jsonl"}\', or name other tasks: --tasks overton'
            )
        return open_survey(settings.survey)

    # ------------------------------------------------------------------------------ requests

    def build_all_requests(self, **kwargs: Any) -> None:
        """Build the requests; see PromptTask."""
        asked = self.doc_iterator(limit=kwargs.get("limit"), samples=kwargs.get("samples"))
        of_uniform = [distance_of_uniform(self.questions[doc["id"]]) for _, doc in asked]
        # A gain is of sums over all questions that are asked, of whichever process.
        self.unit = overton_mean(of_uniform) or math.nan
        super().build_all_requests(**kwargs)

    def ways(self, doc: Mapping[str, Any]) -> Sequence[Asked]:
        """Return the question in each order: as the model itself, then as each group."""
        question = self.questions[doc["id"]]
        style = self.style or (OWN_CHAT if self.frame is CHAT_LETTERS else OWN)
        labels = tuple(LABELS[: len(question.options)])
        return [
            Asked(style.text(question, order, group), labels)
            for group in (None, *self._groups(question))
            for order in self._orders(question)
        ]

    def _orders(self, question: SurveyQuestion) -> list[tuple[int, ...]]:
        return orders_of(self.settings.orders, len(question.options))

    def _groups(self, question: SurveyQuestion) -> list[str]:
        """Return the groups of a question that the model is asked to answer as."""
        people = people_of(question)
        return [group for group in self.settings.steer if group in people]

    # ------------------------------------------------------------------------------- scoring

    def scored(self, doc: Mapping[str, Any], logs: Sequence[Sequence[float]]) -> Prompt:
        """Return the question with the log-probabilities of its labels in each order."""
        question = self.questions[doc["id"]]
        orders = self._orders(question)
        own, *steered = _parts(logs, len(orders))
        as_groups = dict(zip(self._groups(question), steered, strict=True))
        return Prompt(doc, (), opinion=Opinion(question, orders, own, as_groups, self.unit))

    def alarms(self, gathered: Mapping[str, Sequence[Any]]) -> Sequence[str]:
        """Return whether so little lies on the labels that their shares say little."""
        return little_mass(gathered)

    def own_fields(self) -> Mapping[str, Any]:
        """Return how the questions are asked, for the signature."""
        settings = self.settings
        return {
            "answers": LOGLIKELIHOOD,
            "orders": settings.orders,
            "style": (self.style or OWN).name,
            "steer": short_hash(list(settings.steer)) if settings.steer else None,
            "seed": settings.seed,
        }


def little_mass(gathered: Mapping[str, Sequence[Any]]) -> Sequence[str]:
    """Return, in a sentence, whether so little lies on the labels that their shares say little.

    Args:
        gathered: The values of all prompts by metric, None where one is undefined.
    """
    mass = overton_mean(gathered.get(ANSWER_MASS.name, []))
    if mass is None or mass >= LITTLE_MASS:
        return ()
    return [
        f"only {mass:.2g} of the probability lies on the labels of options, so that their shares "
        "say little of what the model would answer; another wording may do better: --metadata "
        '\'{"style": "{question}\\n{options}\\nAnswer:"}\', or --apply_chat_template for a chat '
        "model"
    ]


def absent(settings: Settings, survey: Survey) -> set[Need]:
    """Return what metrics may need and a survey, or what is asked of it, does not have."""
    questions = survey.questions
    there = {
        Need.PEOPLE: any(question.people for question in questions),
        Need.SCALE: any(question.positions for question in questions),
        Need.REFUSALS: any(question.refusals for question in questions),
        Need.RESPONDENTS: any(question.respondents for question in questions),
        Need.STEERED: bool(settings.steer),
    }
    return {need for need, is_there in there.items() if not is_there}


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


def _parts(logs: Sequence[Sequence[float]], n: int) -> Iterator[Sequence[Sequence[float]]]:
    """Yield the rows of each way to answer, n orders each."""
    for start in range(0, len(logs), n):
        yield logs[start : start + n]

"""Situations that a value is to decide, asked by log-probability with the value and without."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lm_eval_overton.data import PromptSet, packaged_path
from lm_eval_overton.data.steerable import STANDS, Steerable, load_steerable
from lm_eval_overton.data.survey import LABELS, SurveyQuestion
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.frames import Frame
from lm_eval_overton.harness.likelihoods import Asked, LikelihoodTask
from lm_eval_overton.harness.metric_list import wanted
from lm_eval_overton.harness.survey import LOGLIKELIHOOD, little_mass
from lm_eval_overton.harness.survey_style import (
    CHAT_LETTERS,
    LETTERS,
    OWN_VALUE,
    OWN_VALUE_CHAT,
    style_of,
)
from lm_eval_overton.metrics.metric import STEERABLE, Task
from lm_eval_overton.metrics.opinion import Opinion, orders_of
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.metrics.steering import Steering
from lm_eval_overton.settings.task import Settings, read_settings

__all__ = ["SteerableTask"]

logger = logging.getLogger("lm_eval.overton")

PACKAGED = "steerable"
OPTIONS = tuple(stand.capitalize() for stand in STANDS)


class SteerableTask(LikelihoodTask):
    """The rows of the user's file, each one document with all orders of the three stands."""

    KIND: ClassVar[Task] = STEERABLE
    FRAME: ClassVar[Frame] = LETTERS
    CHAT_FRAME: ClassVar[Frame] = CHAT_LETTERS

    def __init__(self, config: dict[str, Any]) -> None:
        """Read the settings and the rows.

        Args:
            config: The task's configuration as the harness merged it.

        Raises:
            OvertonError: If a setting or the file of rows cannot be used.
        """
        task = str(config["task"])
        settings = read_settings(config.get("metadata") or {}, task, min_samples=1)
        found = find_rows(settings, task)
        self.rows = {row.id: row for row in found.rows}
        self.style = style_of(settings.style, True, task)
        docs = [{"id": r.id, "prompt": r.situation, "value": r.value} for r in found.rows]
        prompts = PromptSet(found.name, None, found.sha, docs)
        super().__init__(config, settings, prompts, wanted(config, self.KIND))

    @property
    def orders(self) -> list[tuple[int, ...]]:
        """The orders in which the stands are shown."""
        return orders_of(self.settings.orders, len(STANDS))

    def ways(self, doc: Mapping[str, Any]) -> Sequence[Asked]:
        """Return the situation in each order of the stands: with the value, then without."""
        style = self.style or (OWN_VALUE_CHAT if self.frame is CHAT_LETTERS else OWN_VALUE)
        labels = tuple(LABELS[: len(STANDS)])
        return [
            Asked(style.text(_question(doc), order, value), labels)
            for value in (doc["value"], None)
            for order in self.orders
        ]

    def scored(self, doc: Mapping[str, Any], logs: Sequence[Sequence[float]]) -> Prompt:
        """Return the situation with what is said of it, with the value and without."""
        orders, question = self.orders, _question(doc)
        told, untold = (
            Opinion(question, orders, own) for own in (logs[: len(orders)], logs[len(orders) :])
        )
        steering = Steering(self.rows[doc["id"]].label, told, untold)
        return Prompt(doc, (), opinion=told, steering=steering)

    def alarms(self, gathered: Mapping[str, Sequence[Any]]) -> Sequence[str]:
        """Return whether so little lies on the labels that their shares say little."""
        return little_mass(gathered, steered=True, chat=self.frame is CHAT_LETTERS)

    def own_fields(self) -> Mapping[str, Any]:
        """Return how the situations are asked, for the signature."""
        return {
            "answers": LOGLIKELIHOOD,
            "orders": self.settings.orders,
            "style": (self.style or OWN_VALUE).name,
        }


def find_rows(settings: Settings, task: str) -> Steerable:
    """Return the rows of the user's file, or the packaged ones.

    Args:
        settings: What the user asked for.
        task: The task's name, for messages.

    Raises:
        SettingsError: If answers are wanted in a way that there is not.
        DataError: If it cannot be used.
    """
    if settings.answers not in (None, LOGLIKELIHOOD):
        raise SettingsError(
            f"{task}: expected answers {LOGLIKELIHOOD}, got {settings.answers!r}; leave it out"
        )
    if settings.steerable is not None:
        return load_steerable(settings.steerable)
    logger.warning(
        "%s: no situations are given, so that a few packaged ones are asked, with their author's "
        'labels; your own: --metadata \'{"steerable": "own.jsonl"}\'',
        task,
    )
    return load_steerable(str(packaged_path(PACKAGED)))


def _question(doc: Mapping[str, Any]) -> SurveyQuestion:
    return SurveyQuestion(doc["id"], doc["prompt"], OPTIONS)

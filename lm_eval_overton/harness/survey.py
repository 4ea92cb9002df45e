"""Survey questions, asked by the log-probabilities of their options' labels in several orders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lm_eval_overton.data.survey import Survey
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.base import PromptTask
from lm_eval_overton.harness.entry_points import overton_mean
from lm_eval_overton.harness.frames import Frame
from lm_eval_overton.harness.likelihoods import LITTLE_MASS, Asked, LikelihoodTask
from lm_eval_overton.harness.metric_list import that_can_be, wanted
from lm_eval_overton.harness.questionnaire import Questionnaire, own_survey
from lm_eval_overton.harness.survey_replies import RepliesTask, SampledTask, VerbalizedTask
from lm_eval_overton.harness.survey_style import CHAT_LETTERS, LETTERS, OWN, OWN_CHAT
from lm_eval_overton.metrics.measures.survey import ANSWER_MASS
from lm_eval_overton.metrics.metric import SURVEY, Task
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.settings.task import Settings, read_settings

__all__ = ["LOGLIKELIHOOD", "SurveyTask", "little_mass"]

LOGLIKELIHOOD = "loglikelihood"


class SurveyTask(LikelihoodTask):
    """The questions of the user's survey, each one document with all orders of its options.

    With `answers` sampled or verbalized a `RepliesTask` instead.
    """

    KIND: ClassVar[Task] = SURVEY
    FRAME: ClassVar[Frame] = LETTERS
    CHAT_FRAME: ClassVar[Frame] = CHAT_LETTERS
    # What asks the same questions for replies, by mode.
    REPLIES: ClassVar[Mapping[str, type[RepliesTask]]] = {
        task.MODE: task for task in (SampledTask, VerbalizedTask)
    }

    def __new__(cls, config: Mapping[str, Any]) -> Any:
        """Return a task of the mode that the metadata name."""
        mode = cls.in_mode(config.get("metadata") or {})
        return super().__new__(cls) if mode is cls else mode(config)  # type: ignore[arg-type, call-arg]

    @classmethod
    def in_mode(cls, metadata: Mapping[str, Any]) -> type[PromptTask]:
        """Return the class that asks as the metadata say; see PromptTask."""
        return cls.REPLIES.get(str(metadata.get("answers")), cls)

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Read the settings and the survey.

        Args:
            config: The task's configuration as the harness merged it.

        Raises:
            OvertonError: If a setting or the survey's file cannot be used.
        """
        task = str(config["task"])
        settings = read_settings(config.get("metadata") or {}, task, min_samples=1)
        if settings.answers not in (None, LOGLIKELIHOOD):
            raise SettingsError(
                f"{task}: expected answers {LOGLIKELIHOOD}, {' or '.join(self.REPLIES)}, got "
                f"{settings.answers!r}"
            )
        self.asked = Questionnaire.of(settings, self.find_survey(settings, task), task)
        self.unit = math.nan
        metrics = that_can_be(wanted(config, self.KIND), self.asked.absent, frozenset())
        super().__init__(config, settings, self.asked.prompts, metrics)

    @classmethod
    def find_survey(cls, settings: Settings, task: str) -> Survey:
        """Return the user's survey; see `own_survey`."""
        return own_survey(settings, task)

    # ------------------------------------------------------------------------------ requests

    def build_all_requests(self, **kwargs: Any) -> None:
        """Build the requests; see PromptTask."""
        asked = self.doc_iterator(limit=kwargs.get("limit"), samples=kwargs.get("samples"))
        # A gain is of sums over all questions that are asked, of whichever process.
        self.unit = self.asked.unit(doc["id"] for _, doc in asked)
        super().build_all_requests(**kwargs)

    def ways(self, doc: Mapping[str, Any]) -> Sequence[Asked]:
        """Return the question in each order: as the model itself, then as each group."""
        own, labels = OWN_CHAT if self.frame is CHAT_LETTERS else OWN, self.asked.labels(doc)
        return [Asked(self.asked.text(doc, way, own), labels) for way in self.asked.ways(doc)]

    # ------------------------------------------------------------------------------- scoring

    def scored(self, doc: Mapping[str, Any], logs: Sequence[Sequence[float]]) -> Prompt:
        """Return the question with the log-probabilities of its labels in each order."""
        return Prompt(doc, (), opinion=self.asked.opinion(doc, logs, self.unit))

    def alarms(self, gathered: Mapping[str, Sequence[Any]]) -> Sequence[str]:
        """Return whether so little lies on the labels that their shares say little."""
        return little_mass(
            gathered, steered=bool(self.settings.steer), chat=self.frame is CHAT_LETTERS
        )

    def own_fields(self) -> Mapping[str, Any]:
        """Return how the questions are asked, for the signature."""
        return {"answers": LOGLIKELIHOOD, **self.asked.fields(), "seed": self.settings.seed}


def little_mass(gathered: Mapping[str, Sequence[Any]], steered: bool, chat: bool) -> Sequence[str]:
    """Return, in a sentence, whether so little lies on the labels that their shares say little.

    Args:
        gathered: The values of all prompts by metric, None where one is undefined.
        steered: Whether a style has to name a group.
        chat: Whether the model is asked in its chat template.
    """
    mass = overton_mean(gathered.get(ANSWER_MASS.name, []))
    if mass is None or mass >= LITTLE_MASS:
        return ()
    group = "{group}\\n" if steered else ""
    otherwise = "" if chat else ", or --apply_chat_template for a chat model"
    return [
        f"only {mass:.2g} of the probability lies on the labels of options, so that their shares "
        "say little of what the model would answer; another wording may do better: --metadata "
        f'\'{{"style": "{group}{{question}}\\n{{options}}\\nAnswer:"}}\'{otherwise}'
    ]

"""Survey questions, answered in replies: for servers that tell no log-probabilities.

Each order of the options is asked for several replies that choose one of them, or for one reply
that states the share of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lm_eval.api.instance import Instance

from lm_eval_overton.data import PromptSet
from lm_eval_overton.data.survey import Survey
from lm_eval_overton.data.survey_hub import open_survey
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.entry_points import overton_mean
from lm_eval_overton.harness.frames import Frame
from lm_eval_overton.harness.likelihoods import LITTLE_MASS
from lm_eval_overton.harness.metric_list import as_metric_list, that_can_be, wanted
from lm_eval_overton.harness.questionnaire import Questionnaire, as_prompts, own_survey
from lm_eval_overton.harness.survey_style import (
    CHAT_LETTERS,
    LETTERS,
    OWN,
    OWN_CHAT,
    OWN_STATED,
    Style,
)
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.metrics.measures.survey import (
    ANSWER_MASS,
    REPLIES_REFUSED,
    REPLIES_UNREADABLE,
)
from lm_eval_overton.metrics.metric import SURVEY_SAMPLED, SURVEY_VERBALIZED, Task
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.metrics.replies import SAMPLED, VERBALIZED, Replies, tally
from lm_eval_overton.runs import folder
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.settings.task import Settings, read_settings
from lm_eval_overton.text.samples import Sample

__all__ = ["RepliesTask", "SampledTask", "VerbalizedTask"]


class RepliesTask(OvertonTask):
    """The questions of the user's survey, each one prompt with the replies to all its orders.

    Subclasses say what a reply holds. The number of samples is that of replies to one order.
    """

    MODE: ClassVar[str]
    GENERATION: ClassVar[Mapping[str, Any]]
    # Our own text around a question, in a frame and in a chat.
    STYLES: ClassVar[tuple[Style, Style]]
    MIN_SAMPLES: ClassVar[int] = 1
    OWN_FILE: ClassVar[str] = "survey"
    FRAME: ClassVar[Frame] = LETTERS
    CHAT_FRAME: ClassVar[Frame] = CHAT_LETTERS

    def __init__(self, config: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Read the settings and the survey; see OvertonTask.

        Raises:
            OvertonError: If a setting or the survey's file cannot be used.
        """
        task = str(config["task"])
        metadata = {"n_samples": self.N_SAMPLES, **(config.get("metadata") or {})}
        settings = read_settings(metadata, task, min_samples=self.MIN_SAMPLES)
        if settings.elicit != "direct":
            raise SettingsError(
                f"{task}: expected elicit direct where a survey is answered in replies, got "
                f"{settings.elicit}; leave it out"
            )
        self.asked = Questionnaire.of(settings, self.find_survey(settings, task), task)
        metrics = that_can_be(wanted(config, self.KIND), self.asked.absent, frozenset())
        own = {
            "output_type": "generate_until",
            "generation_kwargs": {**self.GENERATION, **(config.get("generation_kwargs") or {})},
            "metadata": metadata,
            "metric_list": as_metric_list(metrics, config.get("metric_list")),
        }
        super().__init__({**config, **own}, recorded)

    @classmethod
    def find_survey(cls, settings: Settings, task: str) -> Survey:
        """Return the survey that is asked.

        Args:
            settings: What the user asked for.
            task: The task's name, for messages.

        Raises:
            OvertonError: If there is none, or it cannot be used.
        """
        return own_survey(settings, task)

    @classmethod
    def find_prompts(cls, settings: Settings, task: str) -> PromptSet:
        """Return the questions of the survey; see PromptTask."""
        return as_prompts(cls.find_survey(settings, task))

    @classmethod
    def load(cls, source: str) -> PromptSet:
        """Load the questions of a survey's file."""
        return as_prompts(open_survey(source))

    # ------------------------------------------------------------------------------ requests

    def fewshot_context(self, doc: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the context of each reply to a question: those to one order stand together."""
        own, asked = self.STYLES[self.frame is CHAT_LETTERS], self.asked
        texts = [asked.text(doc, way, own) for way in asked.ways(doc)]
        context = super().fewshot_context
        contexts = [context({**doc, "prompt": text}, *args, **kwargs) for text in texts]
        return [one for one in contexts for _ in range(self.settings.n_samples)]

    def _request_kwargs(self, doc: Mapping[str, Any]) -> list[dict[str, Any]]:
        of_order = super()._request_kwargs(doc)
        return of_order if self.recorded else of_order * len(self.asked.ways(doc))

    # ------------------------------------------------------------------------------- scoring

    def _score(self) -> None:
        read = [(inst.doc, *self._read(inst)) for inst in self._instances or []]
        # A gain is of sums over all questions that are answered, of whichever process.
        answered = [doc["id"] for doc, _, own in read if own.is_known]
        ids = folder.together(answered, world_size=self.world_size)
        unit = self.asked.unit(key for own in ids for key in own)
        prompts = [
            Prompt(doc, samples, opinion=self.asked.opinion(doc, own.logs, unit), replies=own)
            for doc, samples, own in read
        ]
        self._rows = self._columns.rows(prompts, self.bench)

    def _read(self, instance: Instance) -> tuple[Sequence[Sample], Replies]:
        """Return the replies to a question, and what they say."""
        doc, n = instance.doc, self.settings.n_samples
        samples = self.cleaning.samples(instance.resps, self.finish_reasons(instance))
        ways = self.asked.ways(doc)
        if len(samples) != n * len(ways):
            raise DataError(
                f"{self.task_name}: expected {n} replies to each of the {len(ways)} ways in which "
                f"{doc['id']!r} is asked, got {len(samples)} together; score them with the "
                "survey and the settings that they were made with"
            )
        of_way = [samples[start : start + n] for start in range(0, len(samples), n)]
        shown = [self.asked.shown(doc, way) for way in ways]
        frame = self.recorded.frame if self.recorded else self.frame.name
        # A base model goes on with questions of its own.
        return samples, tally(of_way, shown, self.MODE, anywhere=frame == CHAT_LETTERS.name)

    @property
    def found(self) -> list[str]:
        """What was found doubtful, a sentence each: replies that say nothing, too."""
        return [*super().found, *_few(self._gathered)]

    def _own_fields(self) -> Mapping[str, Any]:
        own = self.STYLES[0]
        return {"answers": self.MODE, **self.asked.fields(own), "tok": None, "emb": None}


class SampledTask(RepliesTask):
    """Five replies to each order, each of which chooses an option."""

    MODE: ClassVar[str] = SAMPLED
    KIND: ClassVar[Task] = SURVEY_SAMPLED
    N_SAMPLES: ClassVar[int] = 5
    STYLES: ClassVar[tuple[Style, Style]] = (OWN, OWN_CHAT)
    GENERATION: ClassVar[Mapping[str, Any]] = {
        "until": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "max_gen_toks": 32,
    }


class VerbalizedTask(RepliesTask):
    """One reply to each order, which states the share of each option."""

    MODE: ClassVar[str] = VERBALIZED
    KIND: ClassVar[Task] = SURVEY_VERBALIZED
    N_SAMPLES: ClassVar[int] = 1
    STYLES: ClassVar[tuple[Style, Style]] = (OWN_STATED, OWN_STATED)
    GENERATION: ClassVar[Mapping[str, Any]] = {
        "until": [],
        "temperature": 0.0,
        "max_gen_toks": 512,
    }


def _few(gathered: Mapping[str, Sequence[Any]]) -> Sequence[str]:
    """Return, in a sentence, whether so few replies say something that it means little."""
    mass, refused, unread = (
        overton_mean(gathered.get(metric.name, []))
        for metric in (ANSWER_MASS, REPLIES_REFUSED, REPLIES_UNREADABLE)
    )
    if mass is None or mass >= LITTLE_MASS:
        return ()
    return [
        f"only {mass:.0%} of the replies say something of the options ({refused or 0:.0%} refuse, "
        f"{unread or 0:.0%} cannot be read), so that it means little; a model that reasons needs "
        "room for it: --gen_kwargs max_gen_toks=..., and a chat model --apply_chat_template"
    ]

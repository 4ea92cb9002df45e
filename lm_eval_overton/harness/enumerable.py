"""Questions all of whose answers are known: how random a model is where it should be.

Samples of them, or the exact probabilities of the answers: one task, in two modes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from lm_eval.api.instance import Instance

from lm_eval_overton.data import PromptSet
from lm_eval_overton.data.enumerable import load_enumerable
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.boundary import TAIL, continued, encoder_of
from lm_eval_overton.harness.entry_points import overton_mean
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.frames import QUERY_ANSWER_LINE, Frame
from lm_eval_overton.harness.likelihoods import LITTLE_MASS, Asked, LikelihoodTask
from lm_eval_overton.harness.metric_list import wanted
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.metrics.formulas.closed_answers import longest_prefixes, own_masses
from lm_eval_overton.metrics.measures.closed_answers import ANSWER_SET_MASS
from lm_eval_overton.metrics.metric import ENUMERABLE, EXACT, Task
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.settings.task import read_settings

__all__ = ["EnumerableTask", "ExactTask"]

SAMPLED, LOGLIKELIHOOD = "sampled", "loglikelihood"
PACKAGED, OWN_FILE = "enumerable", "answer_sets"


class EnumerableTask(OvertonTask):
    """Twenty samples for each question; with `answers: loglikelihood` an `ExactTask` instead."""

    PACKAGED_PROMPTS: ClassVar[str] = PACKAGED
    OWN_FILE: ClassVar[str] = OWN_FILE
    KIND: ClassVar[Task] = ENUMERABLE
    N_SAMPLES: ClassVar[int] = 20

    def __new__(cls, config: Mapping[str, Any], recorded: Recorded | None = None) -> Any:
        """Return a task of the mode that the metadata name."""
        task = super().__new__(cls)
        if (config.get("metadata") or {}).get("answers") != LOGLIKELIHOOD:
            return task
        if recorded is not None:
            raise SettingsError(
                f"{config['task']}: expected answers {SAMPLED} for recorded responses, got "
                f"{LOGLIKELIHOOD}; only a model gives log-probabilities: run it with `lm_eval`"
            )
        return ExactTask(config)

    def __init__(self, config: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Read the settings and the questions; see OvertonTask.

        Raises:
            OvertonError: If a setting or the user's questions cannot be used.
        """
        given = config.get("metadata") or {}
        if given.get("answers", SAMPLED) != SAMPLED:
            raise SettingsError(
                f"{config['task']}: expected answers {SAMPLED} or {LOGLIKELIHOOD}, got "
                f"{given['answers']!r}"
            )
        metadata = {"n_samples": self.N_SAMPLES, **given}
        super().__init__({**config, "metadata": metadata}, recorded)

    @classmethod
    def load(cls, source: str) -> PromptSet:
        """Load questions with their answers."""
        return load_enumerable(source)

    def _score(self) -> None:
        super()._score()
        # They are on words and embeddings, of which nothing here is made.
        self.alarms = ()

    def _own_fields(self) -> Mapping[str, Any]:
        return {"answers": SAMPLED, "emb": None}


class ExactTask(LikelihoodTask):
    """The probability of each answer, without a sample."""

    PACKAGED_PROMPTS: ClassVar[str] = PACKAGED
    OWN_FILE: ClassVar[str] = OWN_FILE
    KIND: ClassVar[Task] = EXACT
    FRAME: ClassVar[Frame] = QUERY_ANSWER_LINE

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Read the settings and the questions.

        Args:
            config: The task's configuration as the harness merged it.

        Raises:
            OvertonError: If a setting or the user's questions cannot be used.
        """
        task = str(config["task"])
        settings = read_settings(config.get("metadata") or {}, task, min_samples=1)
        own = {key: value for key, value in config.items() if key != "generation_kwargs"}
        self._encode: Callable[[str], Any] | None = None
        self._prefixes: dict[str, list[int | None]] = {}
        super().__init__(
            {**own, "output_type": LOGLIKELIHOOD},
            settings,
            self.find_prompts(settings, task),
            wanted(config, self.KIND),
        )

    @classmethod
    def load(cls, source: str) -> PromptSet:
        """Load questions with their answers."""
        return load_enumerable(source)

    # ------------------------------------------------------------------------------ requests

    def _prepare(self, around: Evaluation, has_template: bool) -> None:
        super()._prepare(around, has_template)
        self._encode = encoder_of(around.model)

    def ways(self, doc: Mapping[str, Any]) -> Sequence[Asked]:
        """Return the question with every name of every answer."""
        return [Asked(doc["prompt"], tuple(name for names in doc["answers"] for name in names))]

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Return one request per name; which begins with which other one is kept."""
        [context], [way] = ctx, self.ways(doc)
        read = [self._read(context, continued(context, name)) for name in way.answers]
        self._require_apart(doc, read)
        self._prefixes[doc["id"]] = longest_prefixes(read)
        return super().construct_requests(doc, ctx, **kwargs)

    def _read(self, context: str, text: str) -> tuple[Any, ...]:
        """Return a text after its context as the model reads it, its signs where that is unknown.

        A text that begins with the signs of another one need not begin with its tokens: then a
        model that says the one does not begin with the other.
        """
        return tuple(self._encode(context[-TAIL:] + text) if self._encode else text)

    def _require_apart(self, doc: Mapping[str, Any], read: Sequence[tuple[Any, ...]]) -> None:
        of_each = iter(read)
        known: dict[tuple[Any, ...], str] = {}
        for names in doc["answers"]:
            own = [next(of_each) for _ in names]
            for name, tokens in zip(names, own, strict=True):
                if tokens in known:
                    raise SettingsError(
                        f"{self.task_name}: expected answers that the model's tokens tell apart, "
                        f"got {known[tokens]!r} and {name!r} of {doc['id']!r}; sample instead: "
                        f'--metadata \'{{"answers": "{SAMPLED}"}}\', or leave the question out'
                    )
            known |= dict(zip(own, names, strict=True))

    # ------------------------------------------------------------------------------- scoring

    def scored(self, doc: Mapping[str, Any], logs: Sequence[Sequence[float]]) -> Prompt:
        """Return the question with the probability of each answer."""
        [own] = logs
        masses = own_masses([math.exp(log) for log in own], self._prefixes[doc["id"]])
        of_name = iter(masses)
        of_answer = [math.fsum(next(of_name) for _ in names) for names in doc["answers"]]
        return Prompt(doc, (), answer_masses=of_answer)

    def alarms(self, gathered: Mapping[str, Sequence[Any]]) -> Sequence[str]:
        """Return whether so little lies on the answers that their shares say little."""
        mass = overton_mean(gathered.get(ANSWER_SET_MASS.name, []))
        if mass is None or mass >= LITTLE_MASS:
            return ()
        return [
            f"only {mass:.2g} of the probability lies on the known answers, so that their shares "
            "say little of what the model would answer: a chat model needs --apply_chat_template; "
            f'samples of whole replies: --metadata \'{{"answers": "{SAMPLED}"}}\''
        ]

    def own_fields(self) -> Mapping[str, Any]:
        """Return how the questions are asked, for the signature."""
        return {"answers": LOGLIKELIHOOD}

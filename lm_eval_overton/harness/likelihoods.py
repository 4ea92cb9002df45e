"""The base of the tasks that ask how likely given answers are, and sample nothing."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lm_eval.api.instance import Instance

from lm_eval_overton.data import PromptSet
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.base import Aggregation, PromptTask
from lm_eval_overton.harness.boundary import Boundary, continued
from lm_eval_overton.harness.columns import Columns
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.judging.stage import JudgingStage
from lm_eval_overton.harness.metric_list import as_metric_list
from lm_eval_overton.harness.provenance import Provenance
from lm_eval_overton.harness.results_entry import Outcome
from lm_eval_overton.metrics.bench import Bench
from lm_eval_overton.metrics.measures import versions
from lm_eval_overton.metrics.measures.survey import LITTLE_MASS
from lm_eval_overton.metrics.metric import Metric
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, EncoderSource

__all__ = ["LITTLE_MASS", "Asked", "LikelihoodTask", "require_likelihoods"]

logger = logging.getLogger("lm_eval.overton")


@dataclass(frozen=True)
class Asked:
    """One way to ask for an answer, and the answers whose log-probabilities are wanted.

    Attributes:
        text: What is asked, without the frame.
        answers: What may follow, without what separates it from the context.
    """

    text: str
    answers: tuple[str, ...]


class LikelihoodTask(PromptTask):
    """Log-probabilities of given answers to the prompts of a set, which is one document each.

    Subclasses say how a prompt is asked and make of the log-probabilities what its metrics see.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        settings: Settings,
        prompts: PromptSet,
        metrics: Sequence[Metric],
    ) -> None:
        """Hand the prompts and the metrics to the harness.

        Args:
            config: The task's configuration as the harness merged it.
            settings: What its metadata say.
            prompts: What is asked.
            metrics: What is measured.
        """
        self._gathered: dict[str, list[Any]] = {}
        self._boundary: Boundary | None = None
        listed = {"metric_list": as_metric_list(metrics, config.get("metric_list"))}
        super().__init__({**config, **listed}, settings, prompts)

    @abstractmethod
    def ways(self, doc: Mapping[str, Any]) -> Sequence[Asked]:
        """Return each way in which a prompt is asked."""

    @abstractmethod
    def scored(self, doc: Mapping[str, Any], logs: Sequence[Sequence[float]]) -> Prompt:
        """Return what the metrics see of a prompt.

        Args:
            doc: The prompt.
            logs: Per way of asking the natural logarithm of each answer's probability.
        """

    @property
    def n_requests(self) -> int:
        """How many log-probabilities are asked for, all prompts together."""
        return sum(len(way.answers) for doc in self.prompt_set.docs for way in self.ways(doc))

    # ------------------------------------------------------------------------------ requests

    def _prepare(self, around: Evaluation, has_template: bool) -> None:
        require_likelihoods(around.model, self.task_name)
        super()._prepare(around, has_template)
        self._boundary = Boundary(around.model, self.task_name)

    def fewshot_context(self, doc: Any, num_fewshot: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Return the context of each way in which a prompt is asked.

        Raises:
            SettingsError: If a chat template was asked for and the model has none.
        """
        contexts = []
        for way in self.ways(doc):
            own = {**doc, "prompt": way.text}
            contexts.append(super().fewshot_context(own, num_fewshot, *args, **kwargs))
        return contexts

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Return one request per answer in each way of asking, in their order."""
        task, doc_id, _ = kwargs["metadata"]
        return [
            Instance("loglikelihood", doc, pair, i, (task, doc_id, 1))
            for i, pair in enumerate(self._pairs(doc, ctx))
        ]

    def _pairs(self, doc: Any, contexts: Sequence[str]) -> Iterator[tuple[str, str]]:
        boundary = self._boundary or Boundary(None, self.task_name)
        for way, context in zip(self.ways(doc), contexts, strict=True):
            yield from boundary.pairs(context, [continued(context, own) for own in way.answers])

    # ------------------------------------------------------------------------------- scoring

    def row(self, doc: Mapping[str, Any], results: Any) -> dict[str, Any]:
        """Return a prompt's values, each followed by its error and its count."""
        given = (float(log) for log, *_ in results)
        prompt = self.scored(doc, self._logs(doc, given))
        return self._columns.rows([prompt], self.bench)[doc["id"]]

    def _logs(self, doc: Mapping[str, Any], given: Iterator[float]) -> list[list[float]]:
        """Return the log-probabilities of a prompt's requests, which come in their order."""
        return [[next(given) for _ in way.answers] for way in self.ways(doc)]

    @property
    def bench(self) -> Bench:
        """What is common to all prompts; no text is encoded."""
        encoder = Encoder(EncoderSource(DEFAULT_ENCODER, None, "hub"))
        return Bench(1, (), encoder, self.settings.seed)

    def aggregations(self) -> Mapping[str, Aggregation]:
        """Return the aggregation of each name of a row."""
        return self._columns.aggregations(self._gathered)

    @property
    def _columns(self) -> Columns:
        return Columns(self.metric_names, frozenset(), ())

    def finish(self) -> Mapping[str, Any]:
        """Log the signature and the alarms; see PromptTask."""
        outcome = Outcome(
            self.task_name,
            self.signature,
            self._gathered,
            JudgingStage(None),
            bounded=frozenset(),
            judgements=(),
            folder=None,
            found=self.alarms(self._gathered),
        )
        outcome.log()
        return outcome.entry()

    def alarms(self, gathered: Mapping[str, Sequence[Any]]) -> Sequence[str]:
        """Return what makes the values doubtful, a sentence each.

        Args:
            gathered: The values of all prompts by metric, None where one is undefined.
        """
        return ()

    # ------------------------------------------------------------------------------ provenance

    @property
    def provenance(self) -> Provenance:
        """Every setting that can change a score."""
        further = {**self.own_fields(), "metrics": versions(self.metric_names) or None}
        return replace(super().provenance, further=further)

    def own_fields(self) -> Mapping[str, Any]:
        """Return a subclass's own settings for the signature."""
        return {}


def require_likelihoods(model: Any, task: str) -> None:
    """Refuse a model that gives no log-probabilities, as far as it says so when asked for none.

    Args:
        model: The evaluated model; None where it is not known.
        task: The task's name, for messages.

    Raises:
        SettingsError: If it gives none.
    """
    if model is None:
        return
    try:
        model.loglikelihood([], disable_tqdm=True)
    except (NotImplementedError, AssertionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SettingsError(
            f"{task}: expected a model that gives log-probabilities of texts, got "
            f"{type(model).__name__} ({reason:.160}); take a local one (hf, vllm), a server that "
            "completes texts with echo and logprobs (local-completions with its tokenizer), or "
            "other tasks: --tasks overton"
        ) from error
    except Exception as error:
        # Backends that cannot be asked for nothing may well answer something.
        logger.debug("%s: %s was asked for nothing: %s", task, type(model).__name__, error)

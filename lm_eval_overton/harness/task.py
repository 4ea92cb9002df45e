"""The task class of all overton tasks that sample: N samples per prompt, many metrics on them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.instance import Instance

from lm_eval_overton.errors import OvertonError, ScoringError
from lm_eval_overton.harness import sampling
from lm_eval_overton.harness.base import Aggregation, PromptTask
from lm_eval_overton.harness.columns import Columns
from lm_eval_overton.harness.elicitation import Asking, requests_of
from lm_eval_overton.harness.endings import Endings, reasoning_of
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.filters import CleanFilter
from lm_eval_overton.harness.generations import Run, remedy
from lm_eval_overton.harness.instruments import Instruments
from lm_eval_overton.harness.judging.stage import JudgingStage, find_judge
from lm_eval_overton.harness.material import (
    Material,
    Reference,
    find_reference,
    reference_hash,
    require_reference,
)
from lm_eval_overton.harness.metric_list import as_metric_list, that_can_be, wanted
from lm_eval_overton.harness.preflight import cut_prompts, tell_where_generations_go
from lm_eval_overton.harness.provenance import Provenance
from lm_eval_overton.harness.results_entry import Outcome, tell_few
from lm_eval_overton.harness.sending import Way
from lm_eval_overton.matchers.equivalence.table import check_equivalence
from lm_eval_overton.matchers.table import check_matcher
from lm_eval_overton.metrics.measures import bounded, judgements_of, known, needs_of, versions
from lm_eval_overton.metrics.metric import DIVERSITY, Need, Task
from lm_eval_overton.metrics.reading import read
from lm_eval_overton.metrics.view import Bench, Prompt
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.settings.signature import MODEL_SEED
from lm_eval_overton.settings.task import Settings, read_settings
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.samples import Cleaning
from lm_eval_overton.text.tokenizers import tokenizer_for

__all__ = ["OvertonTask"]

logger = logging.getLogger("lm_eval.overton")

FILTER = "none"


class OvertonTask(PromptTask):
    """N samples for each prompt of a set, scored together."""

    MIN_SAMPLES: ClassVar[int] = 2
    N_SAMPLES: ClassVar[int] = Settings.n_samples
    KIND: ClassVar[Task] = DIVERSITY
    # Whether the prompts have viewpoints that are matched to the samples.
    HAS_VIEWPOINTS: ClassVar[bool] = False

    def __init__(self, config: dict[str, Any], recorded: Recorded | None = None) -> None:
        """Read the settings and the prompts.

        Args:
            config: The task's configuration as the harness merged it.
            recorded: Responses that exist already and are to be scored.

        Raises:
            OvertonError: If a setting, the prompts file or the encoder cannot be used.
        """
        task, metadata = str(config["task"]), config.get("metadata") or {}
        settings = read_settings(metadata, task, min_samples=1 if recorded else self.MIN_SAMPLES)
        check_matcher(settings, task)
        check_equivalence(settings, task)
        self.tokenizer = tokenizer_for([settings.language or "en"])
        self.alarms: tuple[str, ...] = ()
        self.material = self.find_material(settings, recorded, task)
        self.recorded = recorded
        # Of responses that exist nobody has to be asked.
        asked = [] if recorded else self.material.prompts.docs
        self.asking = Asking.of(settings, asked, task, self.KIND)
        judge = find_judge(settings.judge, recorded, task, self.reference)
        metrics = wanted(config, self.KIND)
        needs = needs_of(metrics)
        self.instruments = Instruments.of(
            settings, needs, judge, recorded, task, self.HAS_VIEWPOINTS
        )
        self.stage = JudgingStage.of(
            judge,
            settings.judge,
            judgements_of(self.KIND),
            bool(self.reference),
            self.instruments.asked(needs),
        )
        self.ratings = None
        if Need.RATINGS in needs:
            self.ratings = self.instruments.ratings(recorded, self.stage.names)
        absent = self.instruments.absent(self.material, self.ratings)
        metrics = that_can_be(metrics, absent, self.stage.left_out)
        self._signed = [metric.name for metric in metrics]
        self._default_generation = dict(config.get("generation_kwargs") or {})
        self._run: Run | None = None
        self._instances: list[Instance] | None = None
        self._ended: Mapping[str, Sequence[str | None] | None] = {}
        self.folder: Path | None = None
        self.world_size = 1
        self._asked, self._way = dict[str, Any](), Way(settings)
        self._found: list[str] = []
        self._rows: dict[str, dict[str, Any]] = {}
        self._gathered: dict[str, list[Any]] = {}
        listed = {"metric_list": as_metric_list(metrics, config.get("metric_list"))}
        super().__init__({**config, **listed}, settings, self.material.prompts)

    @classmethod
    def find_material(cls, settings: Settings, recorded: Recorded | None, task: str) -> Material:
        """Return what is asked, and what the responses are compared with.

        Args:
            settings: What the user asked for.
            recorded: Responses that exist already, with their prompts.
            task: The task's name.

        Raises:
            DataError: If a file of prompts or responses cannot be used.
        """
        prompts = recorded.prompts if recorded else cls.find_prompts(settings, task)
        return find_reference(settings, prompts, task)

    @property
    def reference(self) -> Reference:
        """The reference run's samples by prompt id."""
        return self.material.reference

    # ------------------------------------------------------------------------------ requests

    @property
    def generation(self) -> dict[str, Any]:
        """The generation settings that are in force, the user's merged in."""
        given, known = self.config.generation_kwargs or {}, self._default_generation
        model, stops = self.settings.model, self.frame.stops
        own = sampling.generation_settings(given, known, model, stops) | self._way.forced
        return self.asking.room(own)

    @property
    def cleaning(self) -> Cleaning:
        """How responses are cleaned before they are scored."""
        stops = self.recorded.stops if self.recorded else self.generation["until"]
        names = [self.recorded.frame] if self.recorded else []
        how = self.settings.eliciting
        return Cleaning.of(stops, *names, self.frame.name, reasoning=self.reasoning, eliciting=how)

    @property
    def reasoning(self) -> Reasoning:
        """How reasoning is told from the answer."""
        return reasoning_of(self.settings, self.recorded, self._instances or [])

    @property
    def stops(self) -> list[str]:
        """Stop sequences at which responses are cut before they are scored."""
        return list(self.cleaning.stops)

    def build_all_requests(self, **kwargs: Any) -> None:
        """Build the requests; see PromptTask."""
        self.world_size = int(kwargs.get("world_size") or 1)
        kwargs["system_instruction"] = self.asking.system(kwargs)
        super().build_all_requests(**kwargs)
        around = Evaluation() if self.recorded else Evaluation.around()
        self._way.stand_in(around, self.task_name)
        if not (self.recorded or self.settings.model.is_api):
            self._asked = {} if around.seed is None else {MODEL_SEED: around.seed}
            self._found = cut_prompts(self.task_name, around.model, self.instances, self.generation)
        self._filters = [FilterEnsemble(FILTER, [partial(CleanFilter.by, self.cleaning)])]
        self._run = Run.of(self)

    def _prepare(self, around: Evaluation, has_template: bool) -> None:
        if not self.recorded:
            super()._prepare(around, has_template)
            require_reference(self.material, around.tasks.values(), self.task_name)
            if around.begins_with(self):
                tell_where_generations_go(around)
            given, known = self.config.generation_kwargs or {}, self._default_generation
            self._way = Way.to(around.model, self.settings, given, known)
            self.settings = self._way.settings

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Return one request per reply to a prompt, its wordings in turn."""
        return requests_of(doc, ctx, self._request_kwargs(doc), kwargs["metadata"])

    def fewshot_context(self, doc: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the context of a prompt; of one with several wordings, that of each."""
        asked = self.asking.prompts(doc, self.frame)
        contexts = [super(OvertonTask, self).fewshot_context(d, *args, **kwargs) for d in asked]
        return contexts if len(contexts) > 1 else contexts[0]

    def _request_kwargs(self, doc: Mapping[str, Any]) -> list[dict[str, Any]]:
        if self.recorded:
            return [{"until": []} for _ in self.recorded.responses[doc["id"]]]
        configured = self.config.generation_kwargs or {}
        asked = self.asking.of_requests
        return sampling.request_kwargs(self.generation, configured, asked, self.task_name)

    # ------------------------------------------------------------------------------- scoring

    def apply_filters(self) -> None:
        """Write all generations of the run, fold the samples of a prompt together, score them.

        Raises:
            ScoringError: If scoring fails; the generations are on disk then.
        """
        if self._run:
            self._run.write()
        super().apply_filters()
        if not self._is_scored:
            logger.info("%s is not scored%s", self.task_name, remedy(self.folder, self.task_name))
            return
        try:
            self._score()
        except Exception as error:
            if not isinstance(error, OvertonError):
                logger.exception("%s: scoring failed", self.task_name)
            raise ScoringError(
                f"{self.task_name}: scoring failed ({error})"
                f"{'' if self.recorded else remedy(self.folder, self.task_name)}"
            ) from error

    def _score(self) -> None:
        cleaning = self.cleaning
        prompts = [
            Prompt(
                inst.doc,
                cleaning.samples(inst.resps, self.finish_reasons(inst)),
                self.reference.get(inst.doc["id"], ()),
                self._hint_source(inst.doc),
                self._info(inst.doc),
            )
            for inst in self._instances or []
        ]
        tell_few(self.task_name, prompts, self.settings.n_samples)
        reading = read(prompts, self.bench, self.settings.language, self.world_size)
        self.tokenizer, self.alarms = reading.bench.tokenizer, reading.alarms
        prompts = self.instruments.rated(self.stage.judged(prompts), self.recorded)
        self._rows = self._columns.rows(prompts, reading.bench)

    @property
    def bounded(self) -> frozenset[str]:
        """The metrics that rest on a judge's verdicts."""
        return bounded(self.metric_names, self.instruments.by_judge(self.ratings))

    @property
    def bench(self) -> Bench:
        """What is common to all prompts."""
        return self.instruments.bench(self.stops, self.ratings)

    def _hint_source(self, doc: Mapping[str, Any]) -> int | None:
        """Return the index of the reference sample that does not count for a prompt."""
        return None

    def _info(self, doc: Mapping[str, Any]) -> Mapping[str, float]:
        """Return numbers on how a prompt was asked."""
        return {}

    def row(self, doc: Mapping[str, Any], results: Any) -> dict[str, Any]:
        """Return a prompt's values, each followed by its error and its count."""
        return self._rows[doc["id"]]

    def aggregations(self) -> Mapping[str, Aggregation]:
        """Return the aggregation of each name of a row; they take up the values of all prompts."""
        return self._columns.aggregations(self._gathered)

    @property
    def _columns(self) -> Columns:
        return Columns(self.metric_names, self.bounded, self.stage.counts)

    def finish(self) -> Mapping[str, Any]:
        """Log the signature and the alarms, write the values; see PromptTask."""
        outcome = Outcome(
            self.task_name,
            self.signature,
            self._gathered,
            self.stage,
            self.bounded,
            judgements_of(self.KIND),
            self.folder,
            [*self.found, *self.alarms],
        )
        outcome.log()
        outcome.write()
        return outcome.entry()

    @property
    def found(self) -> list[str]:
        """What was found doubtful while the requests were built, a sentence each."""
        return self._found

    # ------------------------------------------------------------------------------ provenance

    @property
    def provenance(self) -> Provenance:
        """Every setting that can change a score."""
        settings, recorded = self.settings, self.recorded
        further = {
            "n": settings.n_samples,
            "elicit": self.asking.signature,
            "stop": self.stops,
            "tok": self.tokenizer.signature,
            "reasoning": self.settings.reasoning_rule.signature,
            "emb": self.instruments.encoder.signature,
            "metrics": versions(self._signed) or None,
            **self._own_fields(),
            **self.instruments.fields(needs_of(known(self._signed)), self.ratings),
            "reference": reference_hash(self.reference),
            "seed": (self.config.generation_kwargs or {}).get("seed", settings.seed),
            **self._way.fields,
        }
        generation = recorded.generation if recorded else {**self.generation, **self._asked}
        return replace(
            super().provenance,
            frame=recorded.frame if recorded else self.frame.name,
            further=further,
            generation=sampling.stated(generation, settings),
        )

    def _own_fields(self) -> Mapping[str, Any]:
        """Return a subclass's own settings for the signature."""
        return {}

    # ----------------------------------------------------------------- what a run needs of it

    def heading(self) -> dict[str, Any]:
        """Return what the generations file says of the task."""
        thought = {"opened": self.reasoning.opened, "trimmed": self.reasoning.trimmed}
        return {**self.provenance.heading(self.settings, self.stops), "reasoning": thought}

    def finish_reasons(self, instance: Instance) -> Sequence[str | None] | None:
        """Return why each response of a folded instance ended; None where it is not known."""
        known = self.recorded.finish_reasons if self.recorded else self._ended
        return known.get(instance.doc["id"])

    def fold(self, instances: list[Instance]) -> None:
        """Take one instance per prompt, holding all its responses, in place of the requests."""
        self._instances = instances
        if not self.recorded:
            endings = Endings(self.settings.model, int(self.generation.get("max_gen_toks", 0)))
            self._ended = {inst.doc["id"]: endings.of(inst.resps) for inst in instances}

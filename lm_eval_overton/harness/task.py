"""The task class of all overton tasks: N samples per prompt, one row per prompt, many metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import datasets
from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from lm_eval_overton.data import PromptSet, load_prompts
from lm_eval_overton.errors import OvertonError, ScoringError
from lm_eval_overton.harness import sampling
from lm_eval_overton.harness.chat_template import chat_template_errors
from lm_eval_overton.harness.columns import Columns
from lm_eval_overton.harness.filters import CleanFilter
from lm_eval_overton.harness.frames import CHAT, QUERY_ANSWER, Frame
from lm_eval_overton.harness.generations import Run
from lm_eval_overton.harness.judging.stage import JudgingStage, find_judge
from lm_eval_overton.harness.one_line import print_own_errors_in_one_line
from lm_eval_overton.harness.provenance import Provenance
from lm_eval_overton.harness.results_entry import Outcome
from lm_eval_overton.judge.ask import Judge
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.matchers.table import asks_judge, check_matcher
from lm_eval_overton.metrics.measures import BERTSCORE, BOUNDED, MATCHED, MATCHING, REFERENCE
from lm_eval_overton.metrics.view import Bench, Prompt
from lm_eval_overton.runs import folder as runs
from lm_eval_overton.runs.reference import load_reference
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.settings.judge import JudgeSpec
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import read_settings
from lm_eval_overton.text.bertscore import BertScorer
from lm_eval_overton.text.encoder import find_encoder, get_encoder
from lm_eval_overton.text.samples import Cleaning, Sample

__all__ = ["OvertonTask"]

logger = logging.getLogger("lm_eval.overton")

FILTER = "none"


class OvertonTask(ConfigurableTask):
    """N samples for each prompt of a set, scored together.

    Subclasses choose the packaged prompts, the frames and whether users may bring their own.
    """

    PACKAGED_PROMPTS: ClassVar[str] = "open_ended"
    OWN_PROMPTS: ClassVar[bool] = True
    MIN_SAMPLES: ClassVar[int] = 2
    # The judgements that the task's metrics rest on.
    JUDGEMENTS: ClassVar[tuple[str, ...]] = ("quality", "missing", "topics")
    FRAME: ClassVar[Frame] = QUERY_ANSWER
    CHAT_FRAME: ClassVar[Frame] = CHAT

    def __init__(self, config: dict[str, Any], recorded: Recorded | None = None) -> None:
        """Read the settings and the prompts.

        Args:
            config: The task's configuration as the harness merged it.
            recorded: Responses that exist already and are to be scored.

        Raises:
            OvertonError: If a setting, the prompts file or the encoder cannot be used.
        """
        print_own_errors_in_one_line()
        config = {key: value for key, value in config.items() if key != "class"}
        name = str(config["task"])
        metadata = config.get("metadata") or {}
        self.settings = read_settings(
            metadata, name, min_samples=1 if recorded else self.MIN_SAMPLES
        )
        check_matcher(self.settings, name)
        self.encoder = get_encoder(
            find_encoder(self.settings.encoder), self.settings.encoder_device
        )
        self.recorded = recorded
        self.prompt_set = self._take_recorded(name) if recorded else self._load_prompts(name)
        self.frame = self.FRAME
        self.reference = self._load_reference(name)
        judge = find_judge(self.settings.judge, recorded, name, self.reference)
        self.matcher = self._find_matcher(judge)
        self.bert = self._find_bert()
        named = {entry["metric"] for entry in config["metric_list"]}
        self.stage = JudgingStage.of(
            judge,
            self.settings.judge,
            self.JUDGEMENTS,
            bool(self.reference),
            matches=self.matcher is not None
            and asks_judge(self.settings)
            and bool(MATCHING & named),
        )
        left_out = (set() if self.reference else REFERENCE) | (set() if self.bert else BERTSCORE)
        left_out = left_out | self.stage.left_out
        config["metric_list"] = [
            entry for entry in config["metric_list"] if entry["metric"] not in left_out
        ]
        self._default_generation = dict(config.get("generation_kwargs") or {})
        self._run: Run | None = None
        self.folder: Path | None = None
        self.world_size = 1
        self._rows: dict[str, dict[str, Any]] = {}
        self._gathered: dict[str, list[Any]] = {}
        self.system: str | None = None
        super().__init__(config=config)

    def _take_recorded(self, task: str) -> PromptSet:
        assert self.recorded is not None
        return self.recorded.prompts

    def _load_prompts(self, task: str) -> PromptSet:
        if self.settings.prompts and not self.OWN_PROMPTS:
            logger.info("%s keeps its packaged prompts %s", task, self.PACKAGED_PROMPTS)
        own = self.settings.prompts if self.OWN_PROMPTS else None
        return load_prompts(own or self.PACKAGED_PROMPTS)

    def _find_matcher(self, judge: Judge | None) -> Matcher | None:
        """Return what matches given units to responses; None where there are none."""
        return None

    def _find_bert(self) -> BertScorer | None:
        """Return what computes BERTScores; None if the user asked for none."""
        return None

    def _load_reference(self, task: str) -> Mapping[str, Sequence[Sample]]:
        place = self.settings.reference_run
        if not place:
            return {}
        found = load_reference(place, task, self.prompt_set, self.settings.reference_stop)
        logger.info("%s answers %d of %d prompts", place, len(found), len(self.prompt_set.docs))
        return found

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Hand the prompts to the harness as a data set."""
        keys = list(dict.fromkeys(key for doc in self.prompt_set.docs for key in doc))
        rows = [{key: doc.get(key) for key in keys} for doc in self.prompt_set.docs]
        self.dataset = {"test": datasets.Dataset.from_list(rows)}

    def doc_to_text(self, doc: Mapping[str, Any], doc_to_text: Any = None) -> str:
        """Return the prompt within its frame."""
        return self.frame.ask(doc["prompt"])

    def doc_to_target(self, doc: Mapping[str, Any], doc_to_target: Any = None) -> str:
        """Return nothing: no answer is the right one."""
        return ""

    # ------------------------------------------------------------------------------ requests

    @property
    def generation(self) -> dict[str, Any]:
        """The generation settings that are in force, the user's merged in."""
        return sampling.generation_settings(
            self.config.generation_kwargs or {},
            self._default_generation,
            self.settings.model,
            self.frame.stops,
        )

    @property
    def cleaning(self) -> Cleaning:
        """How responses are cleaned before they are scored."""
        if self.recorded:
            return Cleaning.of(self.recorded.stops, self.recorded.frame, self.frame.name)
        return Cleaning.of(self.generation["until"], self.frame.name)

    @property
    def stops(self) -> list[str]:
        """Stop sequences at which responses are cut before they are scored."""
        return list(self.cleaning.stops)

    def build_all_requests(self, **kwargs: Any) -> None:
        """Build the requests; a chat template replaces the frame of base models.

        Raises:
            SettingsError: If the generation settings cannot be used.
        """
        if kwargs.get("cache_requests"):
            logger.info("%s builds its requests anew: --cache_requests has no use", self.task_name)
        kwargs |= {"cache_requests": False, "rewrite_requests_cache": False}
        self.frame = self.CHAT_FRAME if kwargs.get("apply_chat_template") else self.FRAME
        self.world_size = int(kwargs.get("world_size") or 1)
        self.system = kwargs.get("system_instruction")
        rule = self.cleaning
        cleaning = partial(CleanFilter, rule.stops, rule.summary_first)
        self._filters = [FilterEnsemble(FILTER, [cleaning])]
        super().build_all_requests(**kwargs)
        self._run = Run.of(self)

    def fewshot_context(self, doc: Any, num_fewshot: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Return the context of a prompt.

        Raises:
            SettingsError: If a chat template was asked for and the model has none.
        """
        with self._chat_template_errors():
            return super().fewshot_context(doc, num_fewshot, *args, **kwargs)

    def _chat_template_errors(self) -> AbstractContextManager[None]:
        return chat_template_errors(self.task_name)

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Return one request per sample of a prompt."""
        task, doc_id, _ = kwargs["metadata"]
        rows = self._request_kwargs(doc)
        return [
            Instance(
                request_type="generate_until",
                doc=doc,
                arguments=(ctx, row),
                idx=i,
                metadata=(task, doc_id, 1),
            )
            for i, row in enumerate(rows)
        ]

    def _request_kwargs(self, doc: Mapping[str, Any]) -> list[dict[str, Any]]:
        if self.recorded:
            return [{"until": []} for _ in self.recorded.responses[doc["id"]]]
        configured = self.config.generation_kwargs or {}
        return sampling.request_kwargs(self.generation, configured, self.settings, self.task_name)

    # ------------------------------------------------------------------------------- scoring

    def apply_filters(self) -> None:
        """Write all generations of the run, fold the samples of a prompt together, score them.

        Raises:
            ScoringError: If scoring fails; the generations are on disk then.
        """
        if self._run:
            self._run.write()
        super().apply_filters()
        if "bypass" in self._metric_fn_list:
            return
        try:
            self._score()
        except Exception as error:
            if not isinstance(error, OvertonError):
                logger.exception("%s: scoring failed", self.task_name)
            raise ScoringError(
                f"{self.task_name}: scoring failed ({error}){self._remedy()}"
            ) from error

    def _remedy(self) -> str:
        if self.recorded:
            return ""
        # Only the first of several processes knows the path; its log names it.
        where = self.folder / runs.GENERATIONS if self.folder else "GENERATIONS"
        return (
            "; nothing is lost: score the generations with "
            f"`overton score {where} --task {self.task_name}`"
        )

    def _score(self) -> None:
        cleaning = self.cleaning
        prompts = [
            Prompt(
                inst.doc,
                cleaning.samples(inst.resps),
                self.reference.get(inst.doc["id"], ()),
                self._hint_source(inst.doc),
                self._info(inst.doc),
            )
            for inst in self._instances or []
        ]
        few = sum(len(prompt.texts) < self.settings.n_samples for prompt in prompts)
        if few:
            logger.warning(
                "%s: %d of %d prompts have fewer than %d valid samples, so what depends on their "
                "number is undefined there; another number: --metadata '{\"n_samples\": ...}'",
                self.task_name,
                few,
                len(prompts),
                self.settings.n_samples,
            )
        self._rows = self._columns.rows(self.stage.judged(prompts), self.bench)

    @property
    def bounded(self) -> frozenset[str]:
        """The metrics that rest on a judge's verdicts."""
        return frozenset(self.metric_names) & (
            BOUNDED | (MATCHED if asks_judge(self.settings) else frozenset())
        )

    @property
    def metric_names(self) -> list[str]:
        """The metrics of the task's configuration, in its order."""
        return [str(entry["metric"]) for entry in self.config.metric_list or []]

    @property
    def bench(self) -> Bench:
        """What is common to all prompts."""
        settings = self.settings
        return Bench(
            settings.n_samples,
            self.stops,
            self.encoder,
            settings.seed,
            self.matcher,
            self.bert,
            settings.judge.bar if settings.judge else JudgeSpec.bar,
        )

    def _hint_source(self, doc: Mapping[str, Any]) -> int | None:
        """Return the index of the reference sample that does not count for a prompt."""
        return None

    def _info(self, doc: Mapping[str, Any]) -> Mapping[str, float]:
        """Return numbers on how a prompt was asked."""
        return {}

    def process_results(self, doc: Mapping[str, Any], results: Any) -> dict[str, Any]:
        """Return a prompt's values, each followed by what fills its error and its count."""
        if "bypass" in self._metric_fn_list:
            return {"bypass": None}
        return self._rows[doc["id"]]

    def aggregation(self) -> dict[str, Any]:
        """Return the aggregation of each key of `process_results`."""
        if "bypass" in self._metric_fn_list:
            return dict(self._aggregation_list)
        return dict(self._columns.aggregations(self._gathered))

    @property
    def _columns(self) -> Columns:
        return Columns(self.metric_names, self.bounded, self.stage.counts)

    def dump_config(self) -> dict[str, Any]:
        """Return the configuration for the results file, with signature and per-prompt values."""
        config: dict[str, Any] = super().dump_config()
        if self._gathered:
            outcome = self._outcome()
            outcome.log(self.settings.judge is not None)
            outcome.write()
            config["metadata"] = {**(config.get("metadata") or {}), "overton": outcome.entry()}
        return config

    def _outcome(self) -> Outcome:
        return Outcome(
            self.task_name,
            self.signature,
            self._gathered,
            self.stage,
            self.bounded,
            self.JUDGEMENTS,
            self.folder,
        )

    # ------------------------------------------------------------------------------ provenance

    @property
    def provenance(self) -> Provenance:
        """Every setting that can change a score."""
        settings, recorded = self.settings, self.recorded
        further = {
            "n": settings.n_samples,
            "stop": self.stops,
            "emb": self.encoder.signature,
            **self._own_fields(),
            "match": self.matcher.signature if self.matcher else None,
            "reference": self._reference_hash(),
            "seed": (self.config.generation_kwargs or {}).get("seed", settings.seed),
            "api_seeds": settings.api_seeds if settings.model.is_api else None,
        }
        generation = recorded.generation if recorded else self.generation
        return Provenance(
            self.task_name,
            self.VERSION,
            self.prompt_set,
            recorded.frame if recorded else self.frame.name,
            self.system,
            further,
            {key: value for key, value in generation.items() if key != "until"},
        )

    @property
    def signature(self) -> str:
        """Every setting that can change a score, in one line."""
        return self.provenance.signature

    def _own_fields(self) -> Mapping[str, Any]:
        """Return a subclass's own settings for the signature."""
        return {}

    def _reference_hash(self) -> str | None:
        texts = {key: [sample.text for sample in own] for key, own in self.reference.items()}
        return short_hash(texts) if texts else None

    # ----------------------------------------------------------------- what a run needs of it

    def heading(self) -> dict[str, Any]:
        """Return what the generations file says of the task."""
        return self.provenance.heading(self.settings, self.stops)

    def fold(self, instances: list[Instance]) -> None:
        """Take one instance per prompt, holding all its responses, in place of the requests."""
        self._instances = instances

"""The task class of all overton tasks: N samples per prompt, one row per prompt, many metrics."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import datasets
from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from lm_eval_overton import __version__, stats
from lm_eval_overton.bertscore import BertScorer
from lm_eval_overton.credentials import redact
from lm_eval_overton.data import PromptSet, load_prompts
from lm_eval_overton.encoders import find_encoder, get_encoder
from lm_eval_overton.errors import OvertonError, ScoringError, SettingsError
from lm_eval_overton.harness import generations, registry, runs, sampling
from lm_eval_overton.harness.filters import CleanFilter
from lm_eval_overton.harness.frames import CHAT, QUERY_ANSWER, Frame
from lm_eval_overton.harness.judging_stage import JudgingStage, find_judge
from lm_eval_overton.harness.one_line import print_own_errors_in_one_line
from lm_eval_overton.judge.spec import JudgeSpec
from lm_eval_overton.judging import Judge
from lm_eval_overton.matchers import Matcher
from lm_eval_overton.recorded import Recorded
from lm_eval_overton.reference import load_reference
from lm_eval_overton.samples import Sample, clean
from lm_eval_overton.scoring import (
    BERTSCORE,
    BOUNDED,
    BOUNDS,
    MATCHED,
    REFERENCE,
    Bench,
    Prompt,
    Values,
    details,
    score_prompts,
)
from lm_eval_overton.settings import KEYS, is_api_model, model_identity, read_settings
from lm_eval_overton.signature import short_hash, sign

__all__ = ["OvertonTask"]

logger = logging.getLogger("lm_eval.overton")

FILTER = "none"
PROMPTS = "prompts"
IDENTICAL_ALARM = 0.9


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
        self.encoder = get_encoder(
            find_encoder(self.settings.encoder), self.settings.encoder_device
        )
        self.recorded = recorded
        self.prompt_set = self._take_recorded(name) if recorded else self._load_prompts(name)
        self.frame = self.FRAME
        judge = find_judge(self.settings.judge, recorded, name)
        self.matcher = self._find_matcher(judge)
        self.reference = self._load_reference(name)
        self.bert = self._find_bert()
        self.stage = JudgingStage.of(
            judge, self.settings.judge, self.JUDGEMENTS, bool(self.reference)
        )
        left_out = (set() if self.reference else REFERENCE) | (set() if self.bert else BERTSCORE)
        left_out = left_out | self.stage.left_out
        config["metric_list"] = [
            entry for entry in config["metric_list"] if entry["metric"] not in left_out
        ]
        self._default_generation = dict(config.get("generation_kwargs") or {})
        self.folder: Path | None = None
        self.world_size = 1
        self._values: dict[str, Values] = {}
        self._details: dict[str, dict[str, Any]] = {}
        self._gathered: dict[str, list[Any]] = {}
        self._system: str | None = None
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
            self.config.metadata or {},
            self.frame.stops,
        )

    @property
    def stops(self) -> list[str]:
        """Stop sequences at which responses are cut before they are scored."""
        if self.frame.cuts:
            return list(self.frame.cuts)
        if self.recorded:
            return list(self.recorded.stops)
        return list(self.generation["until"])

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
        self._system = kwargs.get("system_instruction")
        cleaning = partial(CleanFilter, self.stops, self.frame.extract)
        self._filters = [FilterEnsemble(FILTER, [cleaning])]
        super().build_all_requests(**kwargs)
        generations.await_responses(self)

    def fewshot_context(self, doc: Any, num_fewshot: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Return the context of a prompt.

        Raises:
            SettingsError: If a chat template was asked for and the model has none.
        """
        with self._chat_template_errors():
            return super().fewshot_context(doc, num_fewshot, *args, **kwargs)

    @contextmanager
    def _chat_template_errors(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            if "chat_template" not in str(error) and "chat template" not in str(error):
                raise
            raise SettingsError(
                f"{self.task_name}: expected a model with a chat template for "
                "--apply_chat_template, got a tokenizer without one; leave the option out, or "
                "set tokenizer.chat_template"
            ) from error

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
        return sampling.request_kwargs(
            self.generation,
            self.config.generation_kwargs or {},
            self.config.metadata or {},
            self.settings,
            self.settings.n_samples,
            self.task_name,
        )

    # ------------------------------------------------------------------------------- scoring

    def apply_filters(self) -> None:
        """Write all generations of the run, fold the samples of a prompt together, score them.

        Raises:
            ScoringError: If scoring fails; the generations are on disk then.
        """
        generations.fold_and_write()
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
        prompts = [
            Prompt(
                inst.doc,
                [clean(raw, self.stops, self.frame.extract) for raw in inst.resps],
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
        prompts = self.stage.judged(prompts)
        names = [*self.metric_names, *self.stage.counts]
        values = score_prompts(prompts, names, self.bench, self.bounded)
        self._values = {p.doc["id"]: own for p, own in zip(prompts, values, strict=True)}
        self._details = {p.doc["id"]: details(p, self.bench, names) for p in prompts}

    @property
    def bounded(self) -> frozenset[str]:
        """The metrics that rest on a judge's verdicts."""
        return frozenset(self.metric_names) & (
            BOUNDED | (MATCHED if self.settings.matcher == "judge" else frozenset())
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
        values = self._values[doc["id"]]
        # All that is to be gathered from other processes must be in a row of the table.
        row: dict[str, Any] = {PROMPTS: {"id": doc["id"], **self._details[doc["id"]]}}
        for name in self.metric_names:
            value = values[name]
            row |= {name: value, f"{name}_stderr": None, f"{name}_n": int(value is not None)}
            if name in self.bounded:
                row |= {f"{name}_{fill}": values[f"{name}_{fill}"] for fill in BOUNDS}
        return row | {name: values[name] for name in self.stage.counts}

    def aggregation(self) -> dict[str, Any]:
        """Return the aggregation of each key of `process_results`."""
        if "bypass" in self._metric_fn_list:
            return dict(self._aggregation_list)
        table: dict[str, Any] = {PROMPTS: partial(self._keep, PROMPTS, len)}
        for name in self.metric_names:
            table[name] = partial(self._keep, name, registry.overton_mean)
            # The harness has no error for an aggregation that it does not know: this key's value
            # takes the place of its "N/A".
            table[f"{name}_stderr"] = partial(self._stderr, name)
            table[f"{name}_n"] = sum
            if name in self.bounded:
                table |= {f"{name}_{fill}": registry.overton_mean for fill in BOUNDS}
        return table | {name: partial(self._keep, name, _total) for name in self.stage.counts}

    def _keep(self, name: str, aggregate: Any, values: Sequence[Any]) -> Any:
        # The values of all processes pass here, and only here.
        self._gathered[name] = list(values)
        return aggregate(values)

    def _stderr(self, name: str, _: Sequence[Any]) -> float | str:
        error = stats.standard_error(self._gathered[name])
        return "N/A" if math.isnan(error) else error

    def dump_config(self) -> dict[str, Any]:
        """Return the configuration for the results file, with signature and per-prompt values."""
        config: dict[str, Any] = super().dump_config()
        if self._gathered:
            config["metadata"] = {**(config.get("metadata") or {}), "overton": self._report()}
        return config

    def _report(self) -> dict[str, Any]:
        details = self._gathered[PROMPTS]
        columns = {
            **self._gathered,
            PROMPTS: [own["id"] for own in details],
        }
        judging = self._judging()
        alarms = self._alarms() + (
            self.stage.alarms(judging["counts"], self.folder) if judging else []
        )
        report = {
            "signature": self.signature,
            "generations": str(self.folder / runs.GENERATIONS) if self.folder else None,
            "alarms": alarms,
            # One string per metric: a results file of thousands of prompts stays readable.
            "values": {name: json.dumps(values) for name, values in columns.items()},
            "details": json.dumps([{k: v for k, v in own.items() if k != "id"} for own in details]),
            **({"judge": judging} if judging else {}),
        }
        logger.info("%s", self.signature)
        for alarm in alarms:
            logger.warning("%s: %s", self.task_name, alarm)
        if self.folder:
            names = list(columns)
            rows = zip(*columns.values(), strict=True)
            runs.write_values(
                self.folder, self.task_name, (dict(zip(names, row, strict=True)) for row in rows)
            )
        return report

    def _judging(self) -> dict[str, Any] | None:
        """Return what the judge did; say how to have one where there is none."""
        if self.stage.names and self.stage.judge is not None:
            return {
                "signature": self.stage.judge.signature,
                "counts": self.stage.counted(self._gathered),
                "metrics": sorted(self.bounded),
            }
        if self.JUDGEMENTS and self.folder:
            named = "" if self.settings.judge else " --judge FILE"
            logger.info(
                "%s: no judged metrics (%s); for them run `overton judge %s%s`",
                self.task_name,
                ", ".join(self.JUDGEMENTS),
                self.folder,
                named,
            )
        return None

    def _alarms(self) -> list[str]:
        share = registry.overton_mean(self._gathered.get("identical_prompts", []))
        if share is None or share < IDENTICAL_ALARM:
            return []
        return [
            f"all samples of a prompt are identical for {share:.0%} of the prompts although the "
            "temperature is above 0: a server may use one seed for all requests "
            "(api_seeds on or off), or a checkpoint may force greedy decoding"
        ]

    @property
    def signature(self) -> str:
        """Every setting that can change a score, in one line."""
        metadata = self.config.metadata or {}
        seed = (self.config.generation_kwargs or {}).get("seed", self.settings.seed)
        fields = {
            "data": self.prompt_set.signature,
            "frame": self.recorded.frame if self.recorded else self.frame.name,
            "system": short_hash(self._system) if self._system else None,
            "n": self.settings.n_samples,
            "stop": self.stops,
            "emb": self.encoder.signature,
            **self._own_fields(),
            "match": self.matcher.signature if self.matcher else None,
            "reference": self._reference_signature(),
            "seed": seed,
            "api_seeds": self.settings.api_seeds if is_api_model(metadata) else None,
            "lm_eval": importlib.metadata.version("lm-eval"),
            "v": __version__,
        }
        generation = self.recorded.generation if self.recorded else self.generation
        shown = {key: value for key, value in generation.items() if key != "until"}
        return sign(self.task_name, self.VERSION, fields, shown)

    def _own_fields(self) -> Mapping[str, Any]:
        """Return a subclass's own settings for the signature."""
        return {}

    def _reference_signature(self) -> str | None:
        texts = {key: [s.text for s in own] for key, own in self.reference.items()}
        return short_hash(texts) if texts else None

    def fold(self, instances: list[Instance]) -> None:
        """Take one instance per prompt, holding all its responses, in place of the requests."""
        self._instances = instances

    def generation_rows(self) -> list[dict[str, Any]]:
        """Return what is written to the generations file: one row per prompt of this process."""
        return [
            {
                "task": self.task_name,
                "id": inst.doc["id"],
                "doc_id": inst.doc_id,
                "prompt": inst.doc["prompt"],
                "responses": inst.resps,
            }
            for inst in self._instances or []
        ]

    def generation_header(self) -> dict[str, Any]:
        """Return what the generations file says of this task."""
        return {
            "data": {
                "name": self.prompt_set.name,
                "version": self.prompt_set.version,
                "sha": self.prompt_set.sha,
            },
            "frame": self.frame.name,
            "stops": self.stops,
            "generation": {k: v for k, v in self.generation.items() if k != "until"},
            "n_samples": self.settings.n_samples,
            "settings": {k: v for k, v in (self.config.metadata or {}).items() if k in KEYS},
            "model": redact(model_identity(self.config.metadata or {})),
        }


def _total(values: Sequence[float | None]) -> int:
    return int(sum(value or 0 for value in values))

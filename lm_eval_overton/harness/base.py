"""The base of all overton tasks: the prompts of a set, asked in a frame, signed in the results."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, ClassVar

from lm_eval.api.task import ConfigurableTask

from lm_eval_overton.data import PromptSet, load_prompts
from lm_eval_overton.harness.after_run import follow
from lm_eval_overton.harness.chat_template import chat_template_errors
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.frames import CHAT, QUERY_ANSWER, Frame
from lm_eval_overton.harness.git_hash import ask_git_quietly
from lm_eval_overton.harness.one_line import print_own_errors_in_one_line
from lm_eval_overton.harness.preflight import (
    refuse_impossible,
    tell_of_keys,
    tell_what_does_nothing,
)
from lm_eval_overton.harness.prompt_table import as_table
from lm_eval_overton.harness.provenance import Provenance
from lm_eval_overton.metrics.metric import Task
from lm_eval_overton.settings.credentials import redact
from lm_eval_overton.settings.shown import clean_logs
from lm_eval_overton.settings.task import Settings

__all__ = ["PromptTask"]

logger = logging.getLogger("lm_eval.overton")

Aggregation = Callable[[Sequence[Any]], Any]


class PromptTask(ConfigurableTask):
    """A task on the prompts of a set; what is requested and how it is scored is its subclass's.

    Subclasses choose the packaged prompts, the frames and how users bring their own. Their
    constructors make what they work with of the settings, and hand settings and prompts on; what
    they override is called on a task that is complete, but for the class methods.
    """

    # The metrics are those that are declared for this kind of tasks.
    KIND: ClassVar[Task]
    PACKAGED_PROMPTS: ClassVar[str] = "open_ended"
    # The setting that names the user's own file.
    OWN_FILE: ClassVar[str] = "prompts"
    FRAME: ClassVar[Frame] = QUERY_ANSWER
    CHAT_FRAME: ClassVar[Frame] = CHAT

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """Return a task to be constructed, in which users' errors may be found."""
        print_own_errors_in_one_line()
        clean_logs()
        ask_git_quietly()
        return super().__new__(cls)

    def __init__(self, config: Mapping[str, Any], settings: Settings, prompts: PromptSet) -> None:
        """Hand the prompts to the harness.

        Args:
            config: The task's configuration as the harness merged it.
            settings: What its metadata say.
            prompts: What is asked.
        """
        self.settings = settings
        self.prompt_set = prompts
        self.frame = self.FRAME
        self.system: str | None = None
        self._entry: Mapping[str, Any] | None = None
        super().__init__(config={key: value for key, value in config.items() if key != "class"})

    @classmethod
    def in_mode(cls, metadata: Mapping[str, Any]) -> type[PromptTask]:
        """Return the class of tasks that asks as the metadata say; it may be another one.

        Args:
            metadata: The task's merged metadata.
        """
        return cls

    @classmethod
    def find_prompts(cls, settings: Settings, task: str) -> PromptSet:
        """Return the user's own prompts, or the packaged ones.

        Args:
            settings: What the user asked for.
            task: The task's name, for messages.

        Raises:
            DataError: If the user's file cannot be used.
        """
        own = getattr(settings, cls.OWN_FILE)
        if settings.prompts and not own:
            logger.info("%s keeps its packaged prompts %s", task, cls.PACKAGED_PROMPTS)
        return cls.load(own or cls.PACKAGED_PROMPTS)

    @classmethod
    def load(cls, source: str) -> PromptSet:
        """Load prompts with what the task needs of them.

        Args:
            source: A packaged name, or the user's file.

        Raises:
            DataError: If the file cannot be used.
        """
        return load_prompts(source)

    @classmethod
    def sha_of(cls, prompts: PromptSet) -> str:
        """Return the hash by which a signature names prompts."""
        return prompts.sha

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Hand the prompts to the harness as a data set."""
        self.dataset = {"test": as_table(self.prompt_set.docs)}

    # ------------------------------------------------------------------------------ requests

    def doc_to_text(self, doc: Mapping[str, Any], doc_to_text: Any = None) -> str:
        """Return the prompt within its frame."""
        return self.frame.ask(doc["prompt"])

    def doc_to_target(self, doc: Mapping[str, Any], doc_to_target: Any = None) -> str:
        """Return nothing: no answer is the right one."""
        return ""

    def build_all_requests(self, **kwargs: Any) -> None:
        """Build the requests; a chat template replaces the frame of base models.

        Raises:
            SettingsError: If the settings allow no requests, or their answers could not be kept.
        """
        self._prepare(Evaluation.around(), bool(kwargs.get("apply_chat_template")))
        if kwargs.get("cache_requests"):
            logger.info("%s builds its requests anew: --cache_requests has no use", self.task_name)
        kwargs |= {"cache_requests": False, "rewrite_requests_cache": False}
        self.frame = self.CHAT_FRAME if kwargs.get("apply_chat_template") else self.FRAME
        self.system = kwargs.get("system_instruction")
        super().build_all_requests(**kwargs)

    def _prepare(self, around: Evaluation, has_template: bool) -> None:
        """Say what of an evaluation cannot be, before its model is asked."""
        if around.model is not None:
            refuse_impossible(self.task_name, around, has_template)
        if around.begins_with(self):
            follow(around)
            tell_what_does_nothing(around)
            tell_of_keys(self.settings.model)

    def fewshot_context(self, doc: Any, num_fewshot: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Return the context of a prompt.

        Raises:
            SettingsError: If a chat template was asked for and the model has none.
        """
        with self._chat_template_errors():
            return super().fewshot_context(doc, num_fewshot, *args, **kwargs)

    def _chat_template_errors(self) -> AbstractContextManager[None]:
        return chat_template_errors(self.task_name)

    # ------------------------------------------------------------------------------- results

    @property
    def provenance(self) -> Provenance:
        """Every setting that can change a score."""
        return Provenance(
            self.task_name, self.VERSION, self.prompt_set, self.frame.name, self.system
        )

    @property
    def signature(self) -> str:
        """Every setting that can change a score, in one line."""
        return self.provenance.signature

    @property
    def metric_names(self) -> list[str]:
        """The metrics of the task's configuration, in its order."""
        return [str(entry["metric"]) for entry in self.config.metric_list or []]

    @property
    def _is_scored(self) -> bool:
        """Whether there are scores; `--predict_only` puts a metric of its own in place of all."""
        return "bypass" not in self._metric_fn_list

    @abstractmethod
    def row(self, doc: Mapping[str, Any], results: Any) -> dict[str, Any]:
        """Return a prompt's values by their names.

        Args:
            doc: The prompt.
            results: The responses to its requests, filtered.
        """

    @abstractmethod
    def aggregations(self) -> Mapping[str, Aggregation]:
        """Return the aggregation of each name of a row, in a row's order."""

    @abstractmethod
    def finish(self) -> Mapping[str, Any]:
        """Say and write what is to be kept of the task's values; called once all are aggregated.

        Returns:
            What stands under `overton` in the task's metadata in the results file.
        """

    def process_results(self, doc: Mapping[str, Any], results: Any) -> dict[str, Any]:
        """Return a prompt's row."""
        return self.row(doc, results) if self._is_scored else {"bypass": None}

    def aggregation(self) -> dict[str, Any]:
        """Return the aggregation of each name of a row; the last one finishes the task."""
        if not self._is_scored:
            return dict(self._aggregation_list)
        table = dict(self.aggregations())
        # The harness goes through the names in a row's order, once and where all values are. It
        # calls nothing else between the last of them and the dump of the configuration.
        last = next(reversed(table))
        return table | {last: partial(self._aggregate_last, table[last])}

    def _aggregate_last(self, aggregate: Aggregation, values: Sequence[Any]) -> Any:
        value = aggregate(values)
        self._entry = self.finish()
        return value

    def dump_config(self) -> dict[str, Any]:
        """Return the configuration for the results file, with what was kept of a finished task."""
        config: dict[str, Any] = super().dump_config()
        # The harness puts the model's arguments among the metadata.
        own = ("metadata", "generation_kwargs")
        config |= {key: redact(config[key]) for key in own if key in config}
        if self._entry is not None:
            config["metadata"] = {**(config.get("metadata") or {}), "overton": dict(self._entry)}
        return config

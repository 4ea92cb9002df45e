"""What a model that is being trained is asked, and how: as `lm_eval` asks a saved checkpoint."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval.models.huggingface import HFLM

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.preflight import cut_prompts
from lm_eval_overton.harness.replay import save, task_class
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.harness.untouched import untouched
from lm_eval_overton.settings.shown import in_a_line
from lm_eval_overton.settings.task import refuse_unknown

__all__ = ["Look", "ModelInTraining", "require_whole"]

logger = logging.getLogger("lm_eval.overton")

# They warn of what is meant here: a model that is there already, settings that are given.
WARN_OF_IT = ("lm_eval.evaluator", "lm_eval.models.huggingface")


class ModelInTraining(HFLM):
    """The harness's model of a Hugging Face model that is in memory; its tokenizer is a copy."""

    def __init__(self, model: Any, processing: Any, batch_size: int | str = 1) -> None:
        """Take up a model and its tokenizer, or what has its tokenizer.

        Args:
            model: A `transformers.PreTrainedModel`, or what wraps one as its adapters do.
            processing: The trainer's `processing_class`; None for the tokenizer of the place that
                the model was loaded from.
            batch_size: How many answers are generated together.
        """
        # The harness gives a tokenizer a padding token where it has none.
        tokenizer = copy.deepcopy(getattr(processing, "tokenizer", processing))
        with _tied_as_it_is(model):
            super().__init__(pretrained=model, tokenizer=tokenizer, batch_size=batch_size)

    def generate_until(self, requests: Any, disable_tqdm: bool = True) -> Any:
        """Return the answers; a bar of their own would break the trainer's."""
        return super().generate_until(requests, disable_tqdm=disable_tqdm)


@contextmanager
def _tied_as_it_is(model: Any) -> Iterator[None]:
    """Keep a model from tying its weights anew, of which its optimizer would know nothing."""
    model.tie_weights = lambda *_, **__: None
    try:
        yield
    finally:
        del model.tie_weights


def require_whole(model: Any) -> None:
    """Look whether each process has all weights of a model, so that one of them can ask it.

    Args:
        model: As the trainer hands it to its callbacks.

    Raises:
        SettingsError: If the processes have a share of them each.
    """
    wrapped = any(type(part).__name__ == "FullyShardedDataParallel" for part in model.modules())
    # FSDP 2 and tensor parallelism make such tensors; ZeRO 3 numbers what it has divided.
    divided = (
        type(own).__name__ == "DTensor" or hasattr(own, "ds_id") for own in model.parameters()
    )
    if wrapped or any(divided):
        raise SettingsError(
            "OvertonCallback: expected a model that each process has as a whole (one process, DDP, "
            "DeepSpeed ZeRO 1 and 2), got one divided among them (FSDP, ZeRO 3, tensor "
            "parallelism); leave the callback out and evaluate the saved checkpoints"
        )


@dataclass(frozen=True)
class Look:
    """A look at a model's answers: a task and the options that `lm_eval` would be given.

    Attributes:
        task: A task that samples answers.
        limit: How many of its prompts are asked, the first ones; None for all.
        metadata: As `--metadata`.
        gen_kwargs: As `--gen_kwargs`.
        batch_size: As `--batch_size`; sampled answers depend on it.
        apply_chat_template: As `--apply_chat_template`.
    """

    task: str
    limit: int | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    gen_kwargs: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int | str = 1
    apply_chat_template: bool = False

    def requests(self, model: Any, processing: Any) -> tuple[int, int, int]:
        """Return how many prompts and requests a look has, and how many tokens at most.

        Args:
            model: As for `ModelInTraining`.
            processing: As for `ModelInTraining`.

        Raises:
            OvertonError: If the model or a setting cannot be used.
        """
        with untouched(model), _quiet():
            asked = self._asked(model, processing)
            task = self._built(asked, {})
            task.set_config("generation_kwargs", dict(self.gen_kwargs), update=True)
            task.build_all_requests(
                limit=self.limit,
                apply_chat_template=self.apply_chat_template,
                chat_template=asked.apply_chat_template if self.apply_chat_template else None,
                tokenizer_name=asked.tokenizer_name,
            )
            generation = task.generation
            cut_prompts(self.task, asked, task.instances, generation)
        n = len(task.instances)
        return len({own.doc_id for own in task.instances}), n, n * int(generation["max_gen_toks"])

    def take(self, model: Any, processing: Any, step: int, output: Path) -> dict[str, Any]:
        """Ask the model, write its answers, score them, write results and samples.

        Args:
            model: As for `ModelInTraining`; nothing of it changes.
            processing: As for `ModelInTraining`.
            step: The step of the training.
            output: The results go into its folder `checkpoint-STEP`.

        Returns:
            The task's row of the harness's results.

        Raises:
            OvertonError: If the answers cannot be scored; they are on disk then.
        """
        from lm_eval import simple_evaluate
        from lm_eval.loggers import EvaluationTracker
        from lm_eval.tasks import TaskManager

        name = f"checkpoint-{step}"
        # As a file it has no folder of the harness's naming; what the files are called is its own.
        tracker = EvaluationTracker(output_path=str(output / name / "results.json"))
        with untouched(model), _quiet():
            asked = self._asked(model, processing)
            results = simple_evaluate(
                model=asked,
                tasks=[self._built(asked, {"trained_steps": step})],
                task_manager=TaskManager(include_defaults=False),
                batch_size=self.batch_size,
                limit=self.limit,
                gen_kwargs=dict(self.gen_kwargs) or None,
                apply_chat_template=self.apply_chat_template,
                evaluation_tracker=tracker,
                log_samples=True,
            )
            _keep(tracker, results, name, output)
        return dict(results["results"][self.task])

    def _asked(self, model: Any, processing: Any) -> ModelInTraining:
        try:
            return ModelInTraining(model, processing, self.batch_size)
        except Exception as error:
            # Of what is no language model, or has no tokenizer, each library says so in its way.
            got = f"{type(model).__name__} and {type(processing).__name__} ({in_a_line(error)})"
            raise SettingsError(
                "OvertonCallback: expected a language model of transformers and its tokenizer, got "
                f"{got}; give the trainer processing_class=tokenizer"
            ) from error

    def _built(self, asked: ModelInTraining, known: Mapping[str, Any]) -> OvertonTask:
        """Return the task, which is told of the model what it would be told of a checkpoint."""
        cls, config = task_class(self.task)
        if not issubclass(cls, OvertonTask):
            raise SettingsError(
                f"OvertonCallback: expected a task that samples answers, got {self.task}; evaluate "
                "the saved checkpoints with it"
            )
        refuse_unknown(self.metadata, self.task)
        places = {"pretrained": asked.model.name_or_path, "tokenizer": asked.tokenizer.name_or_path}
        config["metadata"] = {**config["metadata"], **places, **known, **self.metadata}
        return cls(config=config)


def _keep(tracker: Any, results: dict[str, Any], name: str, output: Path) -> None:
    try:
        save(tracker, results, name, output)
    except DataError as error:
        # The values are there, whether they can be kept in a file or not.
        logger.warning("%s", error)


@contextmanager
def _quiet() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in WARN_OF_IT]
    levels = [own.level for own in loggers]
    for own in loggers:
        own.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for own, level in zip(loggers, levels, strict=True):
            own.setLevel(level)

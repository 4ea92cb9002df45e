"""A callback for trainers: how diverse are the answers of the model while it is trained?"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import CallbackHandler

from lm_eval_overton.comparison.by_tag import HEADLINE
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.harness.in_training import Look, require_whole
from lm_eval_overton.harness.results_entry import ALARMS
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.measures.about_samples import MEAN_WORDS, REFUSAL_SHARE
from lm_eval_overton.runs.whole_file import require_folder
from lm_eval_overton.settings.shown import in_a_line

__all__ = ["LOGGED", "OvertonCallback"]

logger = logging.getLogger("lm_eval.overton")

# What changes when a model's answers grow alike, and what it may come of.
_RANKED = (name for name, metric in REGISTRY.items() if metric.on_leaderboard)
_BESIDE = (REFUSAL_SHARE.name, MEAN_WORDS.name)
LOGGED = tuple(dict.fromkeys([*HEADLINE, *_RANKED, *ALARMS, *_BESIDE]))
FOLDER = "overton"


class OvertonCallback(TrainerCallback):
    """Asks a model in training the same few prompts again and again, and logs how it answers.

    For transformers' `Trainer` and those of TRL: `Trainer(..., callbacks=[OvertonCallback(200)])`.
    Every so many steps and at the end the model in memory answers the prompts, with the same seed
    each time, as `lm_eval` would let the checkpoint answer that is saved at this step: the same
    numbers. They go where the trainer's logs go (its history, W&B, TensorBoard, MLflow) as
    `eval_<task>/<metric>`; answers and all metrics go into files, for `overton compare`. The
    training goes on as without the callback, with the same weights in the end; should a look fail,
    it says so and the training goes on too.

    With several processes the first one asks and the others wait for it, at most as long as the
    trainer's `ddp_timeout`. Each must have the model as a whole: so it is with DDP and DeepSpeed
    ZeRO 1 and 2, not with FSDP, ZeRO 3 and tensor parallelism. Under `bf16` or `fp16` of the
    trainer the numbers are those of `--model_args mixed_precision_dtype=...`.
    """

    def __init__(
        self,
        every: int = 500,
        limit: int | None = 10,
        *,
        task: str = "overton_diversity",
        metadata: Mapping[str, Any] | None = None,
        gen_kwargs: Mapping[str, Any] | None = None,
        batch_size: int | str = 10,
        apply_chat_template: bool = False,
        output: str | Path | None = None,
        at_start: bool = False,
    ) -> None:
        """Say what is asked and when; `limit` to `apply_chat_template` are those of `lm_eval`.

        Args:
            every: After so many steps the model is asked again.
            limit: How many prompts it is asked; None for all of the task.
            task: A task that samples answers.
            metadata: As `--metadata`, such as {"n_samples": 3, "prompts": "own.jsonl"}.
            gen_kwargs: As `--gen_kwargs`, such as {"max_gen_toks": 200}.
            batch_size: As `--batch_size`; sampled answers depend on it.
            apply_chat_template: As `--apply_chat_template`.
            output: Where results go; default: `overton` in the trainer's `output_dir`.
            at_start: Whether the model is asked before its first step, too.

        Raises:
            SettingsError: If a number is below 1.
        """
        for name, value in (("every", every), ("limit", limit)):
            if value is not None and (type(value) is not int or value < 1):
                raise SettingsError(
                    f"OvertonCallback: expected {name} to be an integer of at least 1, got "
                    f"{value!r}"
                )
        self.every, self.at_start = every, at_start
        self.output = Path(output) if output else None
        self.look = Look(
            task, limit, metadata or {}, gen_kwargs or {}, batch_size, apply_chat_template
        )
        self._seen: int | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Say what will be asked, before anything is trained or asked.

        Raises:
            OvertonError: If the model, the tokenizer or a setting cannot be used.
        """
        if args.world_size > 1:
            require_whole(kwargs["model"])
        self._seen = None
        if state.is_world_process_zero:
            require_folder(self._folder(args))
            print(self._cost(args, state, kwargs), flush=True)
        if self.at_start and not state.global_step:
            return self._look(args, state, control, kwargs)
        return control

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Ask the model if it is time to."""
        if state.global_step % self.every and state.global_step < state.max_steps:
            return control
        return self._look(args, state, control, kwargs)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Ask the model where the training ended before it should have."""
        # The weights may be those of the best step by now.
        best = state.best_global_step if args.load_best_model_at_end else None
        if self._seen == state.global_step or best not in (None, state.global_step):
            return control
        return self._look(args, state, control, kwargs)

    def _folder(self, args: Any) -> Path:
        return self.output or Path(args.output_dir) / FOLDER

    def _cost(self, args: Any, state: Any, kwargs: Mapping[str, Any]) -> str:
        prompts, requests, tokens = self.look.requests(kwargs["model"], kwargs["processing_class"])
        first, last = state.global_step, state.max_steps
        n = last // self.every - first // self.every + bool(last % self.every)
        n += self.at_start and not first
        return (
            f"{self.look.task} every {self.every} steps and at the end: {prompts} prompts, "
            f"{requests:,} requests, at most {tokens:,} tokens each time; {n} times, "
            f"{n * requests:,} requests, at most {n * tokens:,} tokens all together; results go to "
            f"{self._folder(args)}"
        )

    def _look(self, args: Any, state: Any, control: Any, kwargs: Mapping[str, Any]) -> Any:
        self._seen = state.global_step
        logs = self._values(args, state, kwargs) if state.is_world_process_zero else {}
        logs = _shared(logs) if args.world_size > 1 else logs
        return _log(logs, args, state, control) if logs else control

    def _values(self, args: Any, state: Any, kwargs: Mapping[str, Any]) -> dict[str, float]:
        step, folder = state.global_step, self._folder(args)
        try:
            row = self.look.take(kwargs["model"], kwargs["processing_class"], step, folder)
        except Exception as error:
            # Whatever it is, it must not end a training.
            logger.warning(
                "step %d: the model was not evaluated (%s); the training goes on",
                step,
                in_a_line(error) or type(error).__name__,
            )
            return {}
        values = {name: row.get(f"{name},none") for name in LOGGED}
        return {
            f"eval_{self.look.task}/{name}": float(value)
            for name, value in values.items()
            if isinstance(value, int | float) and math.isfinite(value)
        }


def _shared(logs: dict[str, float]) -> dict[str, float]:
    """Return what the first process has: what callbacks conclude of it, all processes do."""
    import torch.distributed as dist

    box = [logs]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def _log(logs: dict[str, float], args: Any, state: Any, control: Any) -> Any:
    """Log values as the trainer logs its own; return what its callbacks make of them."""
    if state.epoch is not None:
        logs = {**logs, "epoch": state.epoch}
    state.log_history.append({**logs, "step": state.global_step})
    handler = _handler()
    if handler is None:
        return control
    # That the loss of this step is to be logged stays to be done.
    due = control.should_log
    control = handler.on_log(args, state, control, logs)
    control.should_log = due
    return control


def _handler() -> Any:
    """Return what calls the callbacks of the trainer: a callback is handed neither of them.

    The trainer's own `log` would do more: those of TRL begin the means of a training's values anew.
    """
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        own = frame.f_locals.get("self")
        if isinstance(own, CallbackHandler):
            return own
    return None

"""What a task can see of the evaluation that it is part of, while its requests are built."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Evaluation"]

# The functions of the harness that call a task, by module and name.
CALLERS = {
    ("lm_eval.evaluator", "evaluate"),
    ("lm_eval.evaluator", "simple_evaluate"),
    ("lm_eval._cli.run", "_execute"),
}
# What the harness's command calls its loggers.
LOGGERS = ("wandb_logger", "trackio_logger")


@dataclass(frozen=True)
class Evaluation:
    """The model, the other tasks and the options of an evaluation; None is what is not known.

    The harness hands a task none of them. They are local variables of the functions that call it:
    where one is not found, as in a harness of another version, nothing is known of it and nothing
    is checked.

    Attributes:
        model: The evaluated model.
        asked: What is asked for its answers: the model, or what remembers them.
        tasks: All tasks by name.
        num_fewshot: `--num_fewshot` as it was given.
        fewshot_as_multiturn: `--fewshot_as_multiturn` as it was given.
        seed: What the harness seeded a local model's sampling with; None also where it did not.
        tracker: What writes the results.
        loggers: What passes them on to a service that follows runs.
        is_command: Whether it is that of a command, and not of a program of the user's.
    """

    model: Any = None
    asked: Any = None
    tasks: Mapping[str, Any] = field(default_factory=dict)
    num_fewshot: Any = None
    fewshot_as_multiturn: Any = None
    seed: int | None = None
    tracker: Any = None
    loggers: tuple[Any, ...] = ()
    is_command: bool = False

    @classmethod
    def around(cls) -> Evaluation:
        """Return the evaluation that the caller is part of."""
        called = dict(_callers())
        inner, outer = called.get("evaluate", {}), called.get("simple_evaluate", {})
        command = called.get("_execute", {})
        typed = command.get("args")
        model = inner.get("lm")
        # What remembers answers wraps the model that gives them.
        wrapped = getattr(model, "lm", None) if type(model).__name__ == "CachingLM" else None
        return cls(
            wrapped or model,
            model,
            inner.get("eval_tasks") or {},
            outer.get("num_fewshot"),
            getattr(typed, "fewshot_as_multiturn", None),
            outer.get("torch_random_seed"),
            outer.get("evaluation_tracker"),
            tuple(command[name] for name in LOGGERS if name in command),
            typed is not None,
        )

    @property
    def output(self) -> Path | None:
        """The folder of `--output_path`, which may name a file in it; None without one."""
        given = self._output_path
        return given.parent if given and self._names_file else given

    @property
    def results(self) -> Path | None:
        """The folder that the results will be written to; None without `--output_path`."""
        # A file is named within its folder, whatever the model.
        if self.output is None or self._names_file:
            return self.output
        config = getattr(self.tracker, "general_config_tracker", None)
        return self.output / str(getattr(config, "model_name_sanitized", None) or "")

    @property
    def _output_path(self) -> Path | None:
        given = getattr(self.tracker, "output_path", None)
        return Path(given) if given else None

    @property
    def _names_file(self) -> bool:
        return self._output_path is not None and self._output_path.suffix == ".json"

    def begins_with(self, task: Any) -> bool:
        """Tell whether a task is the first of its kind, which speaks for all of them."""
        kind = type(task).__module__.partition(".")[0]
        own = (t for t in self.tasks.values() if type(t).__module__.partition(".")[0] == kind)
        return next(own, task) is task


def _callers() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the harness's functions that are being executed, with their variables."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        name = frame.f_code.co_name
        if (frame.f_globals.get("__name__"), name) in CALLERS:
            yield name, frame.f_locals

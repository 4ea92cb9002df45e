"""The harness's options that every checkpoint is evaluated with."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.watching.checkpoints import Checkpoint
from lm_eval_overton.harness.watching.weights import ADAPTER, read_object
from lm_eval_overton.runs.responses import DEFAULT_TASK

__all__ = ["HARNESS", "Options", "read_options"]

# What is meant by `--harness` if it is not given.
HARNESS = (sys.executable, "-m", "lm_eval")
BASE_OF_ADAPTER, TOKENIZER = "base_model_name_or_path", "tokenizer_config.json"
DEFAULT_MODEL = "hf"
# What these kinds of models call an adapter.
ADAPTERS = {
    **dict.fromkeys(("hf", "hf-auto", "huggingface", "hf-multimodal"), "peft"),
    **dict.fromkeys(("vllm", "vllm-vlm"), "lora_local_path"),
}
# These are told the name of what another program has loaded, whichever checkpoint it is.
OF_A_SERVER = "completions"


@dataclass(frozen=True)
class Options:
    """How a checkpoint is evaluated.

    Attributes:
        harness: The command that is the harness.
        tasks: Each is a run of its own: what dies costs one of them.
        rest: What the harness is given as it is.
        backend: What the harness calls a kind of model.
        model: The model's arguments, but for where it is.
        cache: Where replies are kept, if they are; each checkpoint has a file of its own.
        metadata: The tasks' settings, as in `rest`.
    """

    harness: tuple[str, ...]
    tasks: tuple[str, ...]
    rest: tuple[str, ...]
    backend: str
    model: Mapping[str, Any]
    cache: str | None
    metadata: Mapping[str, Any]

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the results of a checkpoint: not which command is the harness, where its
        cache is, or what other tasks there are."""
        return {"model": dict(self.model), "rest": list(self.rest)}

    def command(self, checkpoint: Checkpoint, key: str, task: str, output: Path) -> list[str]:
        """Return what evaluates a task of a checkpoint.

        Args:
            checkpoint: A finished save.
            key: Of these settings and this save.
            task: One of the tasks.
            output: Where the harness is to write.

        Raises:
            DataError: If an adapter does not say what it adapts.
            SettingsError: If this kind of model takes no adapters.
        """
        model = {**self.model, **self._place(checkpoint.folder)}
        cache = ["--use_cache", f"{self.cache}-{checkpoint.name}-{key}"] if self.cache else []
        own = ["--tasks", task, "--model_args", json.dumps(model), "-o", str(output)]
        return [*self.harness, "run", *self.rest, *cache, *own, "--log_samples"]

    def adapted(self, folder: Path) -> str | None:
        """Return the model that is loaded below a checkpoint, if that is an adapter which says it
        or the options do."""
        if not (folder / ADAPTER).is_file():
            return None
        base = self.model.get("pretrained") or read_object(folder / ADAPTER).get(BASE_OF_ADAPTER)
        return str(base) if base else None

    def _place(self, folder: Path) -> dict[str, str]:
        if not (folder / ADAPTER).is_file():
            return {"pretrained": str(folder)}
        if self.backend not in ADAPTERS:
            raise SettingsError(
                f"{folder / ADAPTER}: expected a model that takes adapters ("
                f"{', '.join(ADAPTERS)}), got --model {self.backend}; merge the adapter into its "
                "base"
            )
        base = self.adapted(folder)
        if not base:
            raise DataError(
                f"{folder / ADAPTER}: expected {BASE_OF_ADAPTER}, the model that is adapted, got "
                "none; pass `--model_args pretrained=...` after --"
            )
        # Its words and its chat template may be other ones than the base's.
        has_tokenizer = "tokenizer" not in self.model and (folder / TOKENIZER).is_file()
        tokenizer = {"tokenizer": str(folder)} if has_tokenizer else {}
        return {"pretrained": base, ADAPTERS[self.backend]: str(folder), **tokenizer}


def read_options(given: Sequence[str], harness: str | None = None) -> Options:
    """Return the harness's options as it reads them itself, in a configuration file too.

    Args:
        given: As on the harness's command line.
        harness: A command that is the harness, such as `accelerate launch -m lm_eval`.

    Raises:
        SettingsError: If one of them is the watcher's to set.
        SystemExit: If the harness does not take one, which it says itself.
    """
    own = _Own().parse_known_args(given)
    found, rest = own
    whole, other = _parsed(given), _parsed(rest)
    if found.output or other.output_path or other.tasks or other.use_cache:
        raise SettingsError(
            "watch: expected no --output_path after --, which is the watcher's -o, and --tasks and "
            f"--use_cache in full, got {shlex.join(given)}"
        )
    config = _config(whole.config)
    tasks = found.tasks or _split(config.get("tasks")) or [DEFAULT_TASK]
    model = {**_model_args(config.get("model_args")), **(whole.model_args or {})}
    if whole.config:
        # What is given beside a file replaces its arguments as a whole.
        model.pop("pretrained", None)
    backend = whole.model or config.get("model") or DEFAULT_MODEL
    if backend.endswith(OF_A_SERVER):
        raise SettingsError(
            f"watch: expected a model that is loaded from a checkpoint's folder, such as hf or "
            f"vllm, got --model {backend}, which asks a server for what that has loaded"
        )
    metadata = whole.metadata or config.get("metadata") or {}
    return Options(
        tuple(shlex.split(harness)) if harness else HARNESS,
        tuple(dict.fromkeys(tasks)),
        tuple(rest),
        backend,
        model,
        found.cache or config.get("use_cache"),
        metadata if isinstance(metadata, dict) else {},
    )


class _Own(argparse.ArgumentParser):
    """What the watcher takes out of the harness's options, as they are written there."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self.add_argument("--tasks", "-t", nargs="+", action="extend", type=_split)
        self.add_argument("--use_cache", "-c", dest="cache")
        self.add_argument("--output_path", "-o", dest="output")

    def parse_known_args(self, *args: Any, **kwargs: Any) -> Any:
        """Return what is known, the tasks one by one, and the rest."""
        found, rest = super().parse_known_args(*args, **kwargs)
        found.tasks = [task for part in found.tasks or [] for task in part]
        return found, rest


def _parsed(given: Sequence[str]) -> Any:
    from lm_eval._cli.harness import HarnessCLI

    return HarnessCLI()._parser.parse_args(["run", *given])


def _config(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    from lm_eval.config.evaluate_config import EvaluatorConfig

    try:
        return dict(EvaluatorConfig.load_yaml_config(path))
    except (OSError, ValueError) as error:
        raise DataError(f"--config: expected a readable file, got {error}") from error


def _split(names: Any) -> list[str]:
    listed = names.split(",") if isinstance(names, str) else names or []
    return [str(name).strip() for name in listed if str(name).strip()]


def _model_args(given: Any) -> dict[str, Any]:
    from lm_eval._cli.utils import key_val_to_dict

    return dict(given) if isinstance(given, Mapping) else key_val_to_dict(given or "")

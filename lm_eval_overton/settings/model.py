"""The evaluated model's arguments, which the harness hands to a task among the user's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ModelArguments"]

# What changes how fast a model answers, or where it runs, but not what it is.
_NOT_IDENTITY = frozenset(
    {
        "batch_size",
        "config_source",
        "device",
        "device_map",
        "gpu_memory_utilization",
        "max_batch_size",
        "max_retries",
        "num_concurrent",
        "parallelize",
        "tensor_parallel_size",
        "data_parallel_size",
        "timeout",
        "verify_certificate",
        "version",
    }
)


@dataclass(frozen=True)
class ModelArguments:
    """Which model answers, and how it is reached.

    Attributes:
        arguments: As in `--model_args`.
        over_http: Whether it answers over HTTP, where its class was seen.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    over_http: bool | None = None

    @property
    def is_api(self) -> bool:
        """Whether the model answers over HTTP.

        Where only the arguments are known: a server has a `base_url`; a hosted API has a `model`
        and, unlike local backends, no `pretrained`.
        """
        given = self.arguments
        if self.over_http is not None:
            return self.over_http
        return "base_url" in given or ("model" in given and "pretrained" not in given)

    @property
    def identity(self) -> dict[str, Any]:
        """The arguments that say which model answers: without those of speed and place."""
        return {k: v for k, v in sorted(self.arguments.items()) if k not in _NOT_IDENTITY}

    @property
    def checkpoint(self) -> str | None:
        """The hub name or folder of a local model; None for one behind an API."""
        name = None if self.is_api else self.arguments.get("pretrained")
        return str(name) if name else None

    @property
    def tokenizer(self) -> str | None:
        """The hub name or folder of a local model's tokenizer."""
        return self.arguments.get("tokenizer") or self.checkpoint

    @property
    def cuts_thoughts(self) -> bool:
        """Whether the harness cuts off finished thoughts before anybody sees them."""
        return self.arguments.get("think_end_token") is not None

    @property
    def loading(self) -> dict[str, Any]:
        """What the files of a local model are loaded with."""
        given = self.arguments
        return {key: given[key] for key in ("revision", "trust_remote_code") if key in given}

    @property
    def context_limit(self) -> Any:
        """The length of the context that a local model is given; None for its own."""
        return self.arguments.get("max_length") or self.arguments.get("max_model_len")

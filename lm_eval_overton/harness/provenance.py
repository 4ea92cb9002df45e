"""How a task's responses and scores came about: its signature, its heading of the generations."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lm_eval_overton.data import PromptSet
from lm_eval_overton.settings.credentials import redact
from lm_eval_overton.settings.signature import short_hash, sign
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.version import __version__

__all__ = ["Provenance"]


@dataclass(frozen=True)
class Provenance:
    """Every setting that can change a task's scores.

    Attributes:
        task: The task's name.
        version: The task's version.
        prompts: What is asked.
        frame: The name of the frame that it is asked in.
        system: The system instruction.
        further: The other settings, in the order in which a signature names them; None is left out.
        generation: The generation settings, stop sequences apart.
    """

    task: str
    version: Any
    prompts: PromptSet
    frame: str
    system: str | None
    further: Mapping[str, Any] = field(default_factory=dict)
    generation: Mapping[str, Any] = field(default_factory=dict)

    @property
    def signature(self) -> str:
        """The settings in one line."""
        fields = {
            "data": self.prompts.signature,
            "frame": self.frame,
            "system": short_hash(self.system) if self.system else None,
            **self.further,
            "lm_eval": importlib.metadata.version("lm-eval"),
            "v": __version__,
        }
        return sign(self.task, self.version, fields, redact(self.generation))

    def heading(self, settings: Settings, stops: Sequence[str]) -> dict[str, Any]:
        """Return what the generations file says of the task.

        Args:
            settings: What the user asked for, and of which model.
            stops: Stop sequences at which responses are to be cut.
        """
        data = self.prompts
        return {
            "data": {"name": data.name, "version": data.version, "sha": data.sha},
            "frame": self.frame,
            "stops": list(stops),
            "generation": redact(self.generation),
            "n_samples": settings.n_samples,
            "settings": dict(settings.given),
            "model": redact(settings.model.identity),
        }

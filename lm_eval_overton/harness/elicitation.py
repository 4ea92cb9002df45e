"""How a prompt is asked where more is to be brought out of a model than its first answer.

All wording is ours; a change of it raises `VERSION`, which signatures name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lm_eval.api.instance import Instance

from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.frames import ChatFrame, Frame
from lm_eval_overton.metrics.metric import ICL, Task
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.elicited import MARKER

__all__ = ["VERSION", "Asking", "requests_of"]

VERSION = 1
# Under which of its keys a prompt's other wordings stand.
PARAPHRASES = ("paraphrases", "prompt_paraphrases")

_VERBALIZED = """\
Give {k} different answers to this, each complete in itself, as they might come from {k} people \
who would answer differently. Reply with one JSON object and nothing else: {{"answers": [{{"text": \
"...", "probability": 0.0}}, ...]}}. The probability of each says how likely that answer is among \
all that could be given."""
_LIST = """\
Give {k} different answers to this, each complete in itself, as they might come from {k} people \
who would answer differently. Reply with one JSON object and nothing else: {{"answers": ["...", \
...]}}."""
_SYSTEM = """\
The same request is put to you many times, and all answers are laid side by side. Where it leaves \
something open, do not take what first comes to mind: let each answer be one that the others might \
not have been."""
_SEED_STRING = f"""\
First write one line of twenty characters drawn at random. Where the request leaves something \
open, let these characters decide. Then write the answer, beginning on a new line with \
"{MARKER}"."""


@dataclass(frozen=True)
class Asking:
    """How prompts are asked, and how many requests that takes.

    Attributes:
        settings: What the user asked for.
    """

    settings: Settings

    @classmethod
    def of(
        cls, settings: Settings, docs: Sequence[Mapping[str, Any]], task: str, kind: Task
    ) -> Asking:
        """Return how a task asks; refuse what cannot be asked.

        Args:
            settings: What the user asked for.
            docs: The prompts.
            task: The task's name, for messages.
            kind: Of which kind it is.

        Raises:
            SettingsError: If the task's prompts are asked in another way already.
            DataError: If a prompt has no other wordings.
        """
        if settings.elicit != "direct" and kind == ICL:
            raise SettingsError(
                f"{task}: expected elicit direct, since this task asks in its own way, got "
                f"{settings.elicit}; use it with overton_diversity or overton_coverage"
            )
        for doc in docs if settings.elicit == "paraphrase" else ():
            listed = _paraphrases(doc)
            if not isinstance(listed, list) or not all(isinstance(p, str) and p for p in listed):
                raise DataError(
                    f'{task}: expected "paraphrases" of every prompt to be a list of texts, got '
                    f"{listed!r:.60} for {doc['id']!r}; add them, or choose another elicit"
                )
        return cls(settings)

    @property
    def signature(self) -> str | None:
        """The mode, the version of its wording and the answers of a reply; None where direct."""
        own = self.settings.eliciting
        if own.mode == "direct":
            return None
        return f"{own.mode}-{VERSION}" + (f"+{own.k}" if own.several > 1 else "")

    @property
    def of_requests(self) -> Settings:
        """The settings with the number of requests for a prompt in place of that of samples."""
        several = self.settings.eliciting.several
        return replace(self.settings, n_samples=-(-self.settings.n_samples // several))

    def room(self, generation: Mapping[str, Any]) -> dict[str, Any]:
        """Return generation settings with room for all answers of a reply."""
        limit, several = generation.get("max_gen_toks"), self.settings.eliciting.several
        if several == 1 or not isinstance(limit, int):
            return dict(generation)
        return {**generation, "max_gen_toks": limit * several}

    def system(self, options: Mapping[str, Any]) -> str | None:
        """Return the system instruction: the user's, and ours where that is how to ask.

        Args:
            options: The harness's options of the run's requests.
        """
        given: str | None = options.get("system_instruction")
        if self.settings.elicit != "system" or not options.get("apply_chat_template"):
            return given
        return f"{given}\n\n{_SYSTEM}" if given else _SYSTEM

    def prompts(self, doc: Mapping[str, Any], frame: Frame) -> list[dict[str, Any]]:
        """Return what is asked in place of a prompt; several where it has several wordings.

        Args:
            doc: The prompt.
            frame: The frame that it will stand in.
        """
        return [{**doc, "prompt": self._asked(own, frame)} for own in self._wordings(doc)]

    def _asked(self, asked: str, frame: Frame) -> str:
        own = self.settings.eliciting
        asks = {"verbalized": _VERBALIZED, "list": _LIST, "seed_string": _SEED_STRING}
        if own.mode in asks:
            return f"{asked}\n\n{asks[own.mode].format(k=own.k)}"
        # Without a chat template there is no place but the prompt for what holds for all requests.
        if own.mode == "system" and not isinstance(frame, ChatFrame):
            return f"{_SYSTEM}\n\n{asked}"
        return asked

    def _wordings(self, doc: Mapping[str, Any]) -> list[str]:
        """Return the wordings of a prompt, among which the requests are divided in turn."""
        if self.settings.eliciting.mode != "paraphrase":
            return [doc["prompt"]]
        return [doc["prompt"], *(_paraphrases(doc) or [])]


def _paraphrases(doc: Mapping[str, Any]) -> Any:
    """Return a prompt's other wordings as its file has them; None where it has none."""
    return next((doc[key] for key in PARAPHRASES if doc.get(key)), None)


def requests_of(
    doc: Any, context: Any, rows: Sequence[Mapping[str, Any]], metadata: tuple[str, int, int]
) -> list[Instance]:
    """Return the harness's requests for the replies to a prompt.

    Args:
        doc: The prompt.
        context: What is sent, or several wordings of it, which are taken in turn.
        rows: The generation kwargs of each request.
        metadata: The harness's: the task's name, the prompt's number and how often it is repeated.
    """
    task, doc_id, _ = metadata
    contexts = context if isinstance(context, list) else [context]
    return [
        Instance(
            request_type="generate_until",
            doc=doc,
            arguments=(contexts[i % len(contexts)], dict(row)),
            idx=i,
            metadata=(task, doc_id, 1),
        )
        for i, row in enumerate(rows)
    ]

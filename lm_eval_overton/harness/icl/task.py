"""In-context alignment: examples and hints before the question, similarity to a reference after.

The reference is the aligned model that the base model should come back to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from lm_eval_overton.data import packaged_path
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.harness.frames import (
    CHAT_SUMMARY_FIRST,
    SUMMARY_FIRST,
    ChatFrame,
    Example,
    Frame,
)
from lm_eval_overton.harness.icl.examples import (
    draw,
    first_valid,
    forbidden_pairs,
    load_examples,
    load_hints,
    nearest,
)
from lm_eval_overton.harness.icl.material import PACKAGED_REFERENCE, find_answered
from lm_eval_overton.harness.icl.room import room
from lm_eval_overton.harness.material import Material
from lm_eval_overton.harness.task import OvertonTask
from lm_eval_overton.metrics.metric import ICL, Task
from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings

__all__ = ["IclTask", "SummaryFirstTask"]

logger = logging.getLogger("lm_eval.overton")

STRATEGIES = ("zeroshot", "fixed", "teacher", "random", "knn", "knn_response", "summary")
SELECTED = ("random", "knn", "knn_response")


class IclTask(OvertonTask):
    """One way to put examples or a hint before each prompt; `strategy` in the YAML names it."""

    MIN_SAMPLES: ClassVar[int] = 1
    KIND: ClassVar[Task] = ICL

    def __init__(self, config: dict[str, Any], recorded: Recorded | None = None) -> None:
        """Read the settings, the prompts and the reference; see OvertonTask."""
        strategy = _strategy(config)
        super().__init__(config, recorded)
        self.strategy = strategy
        self._selected: dict[str, list[Example]] | None = None
        self._fits: Callable[[str], bool] | None = None
        self._dropped: dict[str, int] = {}
        self._bare: set[str] = set()
        self._hints = self._load_hints()
        self._fixed = self._fixed_examples()

    @classmethod
    def find_material(cls, settings: Settings, recorded: Recorded | None, task: str) -> Material:
        """Return the prompts that have a reference and are not reserved as examples."""
        prompts = recorded.prompts if recorded else cls.find_prompts(settings, task)
        return find_answered(prompts, settings, recorded, task)

    # ------------------------------------------------------------------------------- examples

    def _answer(self, doc: Mapping[str, Any]) -> str:
        found = first_valid(self.reference[doc["id"]])
        assert found is not None
        return found[1]

    def _load_hints(self) -> dict[str, tuple[str, int]]:
        if self.strategy != "summary" or self.recorded:
            return {}
        return self._hints_for(self.prompt_set.docs)

    def _hints_for(self, docs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, int]]:
        source = self.settings.hints
        if source is None and self.settings.reference is None:
            source = str(packaged_path(PACKAGED_REFERENCE))
        if source is None:
            raise SettingsError(
                f"{self.task_name}: expected hints for the reference {self.settings.reference}, "
                "got none; make them with `overton hints` and pass "
                '`--metadata \'{"hints": "hints.jsonl"}\'`'
            )
        hints = load_hints(source, docs)
        missing = [doc["id"] for doc in docs if doc["id"] not in hints]
        if missing:
            raise DataError(
                f"{source}: expected a hint for every prompt, got none for {len(missing)} of "
                f"{len(docs)}, first {missing[0]!r}"
            )
        return hints

    def _fixed_examples(self) -> list[Example]:
        """Return the examples that are the same for all prompts."""
        if self.strategy == "fixed":
            return load_examples(self.settings.examples)
        if self.strategy in ("zeroshot", *SELECTED):
            return []
        hints = self._reserved_hints()
        return [
            Example(doc["prompt"], self._answer(doc), hints.get(doc["id"]))
            for doc in self.material.reserved
        ]

    def _reserved_hints(self) -> dict[str, str]:
        if not (self.strategy == "summary" or self.FRAME.summary_first) or self.recorded:
            return {}
        return {key: hint for key, (hint, _) in self._hints_for(self.material.reserved).items()}

    def _select(self) -> dict[str, list[Example]]:
        """Return each prompt's own examples, leave-one-out, drawn or found once."""
        docs = self.prompt_set.docs
        forbidden = forbidden_pairs([doc["prompt"] for doc in docs])
        k = self.settings.n_examples
        if self.strategy == "random":
            chosen = draw(len(docs), k, forbidden, self.settings.seed)
        else:
            by_answer = self.strategy == "knn_response"
            texts = [self._answer(doc) if by_answer else doc["prompt"] for doc in docs]
            chosen = nearest(self.instruments.encoder.encode(texts), k, forbidden)
            if self.settings.order == "nearest_last":
                chosen = [own[::-1] for own in chosen]
        return {
            doc["id"]: [Example(docs[j]["prompt"], self._answer(docs[j])) for j in own]
            for doc, own in zip(docs, chosen, strict=True)
        }

    def examples_for(self, doc: Mapping[str, Any]) -> list[Example]:
        """Return the examples that stand before a prompt, the first one first."""
        if self.strategy not in SELECTED:
            # A user's file, or a reserved prompt's near-duplicate, may be what is asked.
            asked = doc["prompt"]
            others = [e for e in self._fixed if not forbidden_pairs([e.prompt, asked])[0, 1]]
            return others[: self.settings.n_examples]
        if self._selected is None:
            self._selected = self._select()
        return self._selected[doc["id"]]

    # ------------------------------------------------------------------------------- requests

    def build_all_requests(self, **kwargs: Any) -> None:
        """Build the requests; see OvertonTask."""
        if not self.recorded:
            most = int(self.generation.get("max_gen_toks", 0))
            self._fits = room(self.settings, most)
        super().build_all_requests(**kwargs)
        if self._bare:
            # It is kept with the generations, as they depend on it.
            self._asked = {**self._asked, "without_examples": len(self._bare)}

    @property
    def found(self) -> list[str]:
        """What was found doubtful while the requests were built; see OvertonTask."""
        if not self._bare:
            return super().found
        alarm = (
            f"{len(self._bare)} of {len(self._dropped)} prompts were asked without any of their "
            "examples, for which the model's context has no room: these were asked zero-shot; a "
            "smaller `--gen_kwargs max_gen_toks=...` leaves more room"
        )
        return [*super().found, alarm]

    def fewshot_context(self, doc: Any, num_fewshot: int = 0, *args: Any, **kwargs: Any) -> Any:
        """Return the prompt with its examples; those it has no room for are left out whole."""
        if self.recorded:
            return doc["prompt"]
        template = kwargs.get("chat_template") if kwargs.get("apply_chat_template") else None
        system = kwargs.get("system_instruction")
        examples = self.examples_for(doc)
        for dropped in range(len(examples) + 1):
            # The far end is the one that is furthest from the question.
            context = self._context(doc, examples[dropped:], template, system)
            if self._fits is None or self._fits(str(getattr(context, "prompt", context))):
                break
        self._dropped[doc["id"]] = dropped
        if examples and dropped == len(examples):
            self._bare.add(doc["id"])
        return context

    def _context(
        self, doc: Mapping[str, Any], examples: Sequence[Example], template: Any, system: str | None
    ) -> Any:
        hint = self._hints[doc["id"]][0] if self._hints else None
        if template is None:
            before = f"{system}\n\n" if system else ""
            return before + self.frame.ask(doc["prompt"], examples, hint)
        assert isinstance(self.frame, ChatFrame)
        turns = self.frame.turns(doc["prompt"], examples, hint, system)
        with self._chat_template_errors():
            return template(turns, add_generation_prompt=True)

    def _hint_source(self, doc: Mapping[str, Any]) -> int | None:
        if self.strategy != "summary" or not self.settings.exclude_hint_source:
            return None
        return self._hints[doc["id"]][1] if self._hints else 0

    def _info(self, doc: Mapping[str, Any]) -> Mapping[str, float]:
        return {} if self.recorded else {"examples_dropped": float(self._dropped[doc["id"]])}

    def _own_fields(self) -> Mapping[str, Any]:
        settings, bert = self.settings, self.instruments.bert
        exclude = settings.exclude_hint_source if self.strategy == "summary" else None
        return {
            "strategy": self.strategy,
            "k": self._shown_at_most(),
            "order": settings.order if self.strategy.startswith("knn") else None,
            "max_context": settings.max_context if self._shown_at_most() else None,
            "examples": self._examples_signature(),
            "hints": short_hash(sorted(self._hints.items())) if self._hints else None,
            "exclude_hint_source": exclude,
            "bert": bert.signature if bert else None,
        }

    def _shown_at_most(self) -> int | None:
        if self.strategy == "zeroshot":
            return None
        if self.strategy in SELECTED:
            return self.settings.n_examples
        return min(self.settings.n_examples, len(self._fixed))

    def _examples_signature(self) -> str | None:
        return short_hash([str(example) for example in self._fixed]) if self._fixed else None


def _strategy(config: Mapping[str, Any]) -> str:
    strategy = str((config.get("metadata") or {}).get("strategy"))
    if strategy not in STRATEGIES:
        raise SettingsError(
            f"{config['task']}: expected strategy among {', '.join(STRATEGIES)}, got {strategy!r}"
        )
    return strategy


class SummaryFirstTask(IclTask):
    """The model writes a summary before its answer; only the answer is scored."""

    FRAME: ClassVar[Frame] = SUMMARY_FIRST
    CHAT_FRAME: ClassVar[Frame] = CHAT_SUMMARY_FIRST

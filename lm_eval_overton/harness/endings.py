"""Where the thought in a sample begins, and why the sample ended: the harness says neither."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from lm_eval.api.instance import Instance

from lm_eval_overton.runs.responses import Recorded
from lm_eval_overton.settings.model import ModelArguments
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.samples import LENGTH, STOP

__all__ = ["Endings", "reasoning_of"]

logger = logging.getLogger("lm_eval.overton")

# A text that is taken apart into tokens once more may have a few less than were generated.
SLACK = 0.01


def reasoning_of(
    settings: Settings, recorded: Recorded | None, instances: Sequence[Instance]
) -> Reasoning:
    """Return how the reasoning in a task's samples is told from the answers.

    Args:
        settings: What the user asked for.
        recorded: Responses that exist already.
        instances: The requests, whose prompts may end with the mark that opens a thought.
    """
    rule = settings.reasoning_rule
    if recorded:
        return replace(rule, opened=recorded.opened, trimmed=recorded.trimmed)
    sent = next((str(instance.arguments[0]) for instance in instances), "")
    return replace(rule.opened_by(sent), trimmed=settings.model.cuts_thoughts)


@dataclass(frozen=True)
class Endings:
    """Tells from the length of a response whether the token limit ended it.

    Attributes:
        model: The evaluated model's arguments.
        limit: The most tokens that a response may have.
    """

    model: ModelArguments
    limit: int

    def of(self, responses: Sequence[str | None]) -> list[str | None] | None:
        """Return why each response ended, as `length` or `stop`; None where nobody can tell.

        A server may have said it. What the harness took out of a response (`think_end_token`) is
        not counted: then `length` alone is certain.

        Args:
            responses: As they came.
        """
        told = [getattr(text, "finish_reason", None) for text in responses]
        if any(told):
            return told
        if not self.limit or self._tokenizer is None:
            return None
        shorter = None if self.model.cuts_thoughts else STOP
        return [
            None if text is None else LENGTH if self._reaches_limit(text) else shorter
            for text in responses
        ]

    def _reaches_limit(self, text: str) -> bool:
        # No tokenizer has more tokens than bytes: most short texts need not be counted.
        if len(text.encode("utf-8", "replace")) < self._least:
            return False
        ids = self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return len(ids) >= self._least

    @property
    def _least(self) -> int:
        return self.limit - math.ceil(self.limit * SLACK)

    @cached_property
    def _tokenizer(self) -> Any:
        name = self.model.tokenizer
        if name is None:
            return None
        from transformers import AutoTokenizer

        try:
            return AutoTokenizer.from_pretrained(name, **self.model.loading)
        except (OSError, ValueError) as error:
            logger.info("How samples ended is not known: no tokenizer (%s)", type(error).__name__)
            return None

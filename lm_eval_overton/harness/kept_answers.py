"""The answers of an evaluated model in the harness's cache of responses (`--use_cache`)."""

from __future__ import annotations

import logging
import os
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import hash_args

from lm_eval_overton.client.answers import Answer

__all__ = ["Kept"]

logger = logging.getLogger("lm_eval.overton")

METHOD = "generate_until"
# Why an answer ended is kept beside it; the harness reads no such key.
ENDING = "overton_finish_reason"


class Kept:
    """Reads and writes answers as the harness does, but never a failure.

    Args:
        asked: What an evaluation asks: a model, or what remembers its answers.
    """

    def __init__(self, asked: Any) -> None:
        self._answers = getattr(asked, "dbdict", None) if _remembers(asked) else None
        # With it the harness fills in for what it could not read.
        self._placeholder = os.environ.get("LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER")

    @staticmethod
    def key(request: Instance) -> str:
        """Return what a request's answer is kept under."""
        return str(hash_args(METHOD, request.args))

    @property
    def remedy(self) -> str:
        """How to ask again for what failed, to be added to a sentence that says so."""
        if self._answers is None:
            return "with `--use_cache FILE` a run can be repeated for them alone"
        return "the same command asks for them alone"

    def get(self, request: Instance) -> Answer | None:
        """Return what was answered to a request; None if nothing was."""
        if self._answers is None:
            return None
        try:
            text = self._answers.get(self.key(request))
            reason = self._answers.get(str(hash_args(ENDING, request.args)))
        except Exception as error:
            self._fail(error)
            return None
        if not isinstance(text, str) or (text and text == self._placeholder):
            return None
        return Answer(text, reason)

    def put(self, request: Instance, answer: Answer) -> None:
        """Keep an answer."""
        if self._answers is None:
            return
        try:
            if answer.finish_reason is not None:
                self._answers[str(hash_args(ENDING, request.args))] = answer.finish_reason
            self._answers[self.key(request)] = str(answer)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        # Whatever its library raises: a cache that fails costs asking again, and no answer.
        logger.warning("--use_cache: answers are not kept from here on (%s)", error)
        self._answers = None


def _remembers(asked: Any) -> bool:
    return type(asked).__name__ == "CachingLM"

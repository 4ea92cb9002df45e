"""The answers of an evaluated model in the harness's cache of responses (`--use_cache`)."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
        remembers = type(asked).__name__ == "CachingLM"
        self._answers = asked.dbdict if remembers else None
        self._waiting: queue.SimpleQueue[dict[str, str] | None] = queue.SimpleQueue()
        # A run holds its requests, and they do not change.
        self._keys: dict[int, str] = {}
        # With it the harness fills in for what it could not read.
        self._placeholder = os.environ.get("LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER")

    def key(self, request: Instance) -> str:
        """Return what a request's answer is kept under."""
        known = self._keys.get(id(request))
        if known is None:
            known = self._keys[id(request)] = str(hash_args(METHOD, request.args))
        return known

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

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep what is put meanwhile; at the end it is on disk."""
        # A write waits for the disk, and those who put answers wait for servers.
        writer = threading.Thread(target=self._write)
        writer.start()
        try:
            yield
        finally:
            self._waiting.put(None)
            writer.join()

    def put(self, request: Instance, answer: Answer) -> None:
        """Keep an answer, while `writing`."""
        own = {self.key(request): str(answer)}
        if answer.finish_reason is not None:
            own[str(hash_args(ENDING, request.args))] = answer.finish_reason
        self._waiting.put(own)

    def _write(self) -> None:
        ends = False
        while not ends:
            batch: dict[str, str] = {}
            own = self._waiting.get()
            while True:
                batch |= own or {}
                ends = ends or own is None
                if self._waiting.empty():
                    break
                own = self._waiting.get()
            self._store(batch)

    def _store(self, batch: dict[str, str]) -> None:
        if self._answers is None or not batch:
            return
        try:
            self._answers.update(batch)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        # Whatever its library raises: a cache that fails costs asking again, and no answer.
        logger.warning("--use_cache: answers are not kept from here on (%s)", error)
        self._answers = None

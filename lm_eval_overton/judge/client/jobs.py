"""What a judge's model is asked, one request at a time, and which requests fit its context."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_overton.judge.ask import Question
from lm_eval_overton.judge.prompts import Judgement

__all__ = ["LABEL_TOKENS", "UNTIL", "Done", "Job", "fitting", "prompt_of"]

logger = logging.getLogger("lm_eval.overton")

# A stop sequence that no reply holds: some servers fail without any.
UNTIL = "[end of verdict]"
# The most that a label comes to.
LABEL_TOKENS = 8

# Told a request's index and its reply, or None, as soon as it ends.
Done = Callable[[int, str | None], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One request: a verdict to write, or the log-likelihood of a label.

    There may be any number, and the prompt is several times as long as the text that it is about:
    it is written anew where it is wanted.
    """

    key: str
    question: Question
    label: str | None = None

    @property
    def judgement(self) -> Judgement:
        """What is asked."""
        return self.question.judgement

    @property
    def content(self) -> str:
        """The prompt."""
        return prompt_of(self.question, self.label)


def prompt_of(question: Question, label: str | None) -> str:
    """Return the prompt that asks for a verdict in writing, or the one that a label follows."""
    if label is None:
        return question.judgement.build(**question.texts)[0]["content"]
    return question.judgement.build_for_labels(**question.texts)


def fitting(lm: Any, contents: Sequence[Any], room: int, done: Done) -> list[int]:
    """Return which prompts leave room in the context; the others are done without a reply.

    Args:
        lm: A model of the harness.
        contents: The prompts.
        room: The most tokens of a reply.
        done: Is told of the prompts that are too long.
    """
    fit = [i for i, content in enumerate(contents) if _fits(lm, content, room)]
    if len(fit) < len(contents):
        logger.warning(
            "Judge: %d of %d prompts are longer than its context and count as failed",
            len(contents) - len(fit),
            len(contents),
        )
    for i in sorted(set(range(len(contents))).difference(fit)):
        done(i, None)
    return fit


def _fits(lm: Any, content: Any, room: int) -> bool:
    """Tell whether a prompt leaves room in the model's context; the harness would cut it."""
    limit = getattr(lm, "max_length", None)
    if not isinstance(limit, int) or not hasattr(lm, "tok_encode"):
        return True
    return len(lm.tok_encode(content)) + room <= limit

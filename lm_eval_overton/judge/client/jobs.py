"""What a judge's model is asked, one request at a time, and which requests fit its context."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_overton.judge.prompts import Judgement

__all__ = ["LABEL_TOKENS", "UNTIL", "Done", "Job", "fitting"]

logger = logging.getLogger("lm_eval.overton")

# A stop sequence that no reply holds: some servers fail without any.
UNTIL = "[end of verdict]"
# The most that a label comes to.
LABEL_TOKENS = 8

# Told a request's index and its reply, or None, as soon as it ends.
Done = Callable[[int, str | None], None]


@dataclass(frozen=True)
class Job:
    """One request: a verdict to write, or the log-likelihood of a label."""

    key: str
    judgement: Judgement
    content: str
    label: str | None = None


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

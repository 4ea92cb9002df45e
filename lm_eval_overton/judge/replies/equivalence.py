"""Whether a judge takes two responses for the same."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from lm_eval_overton.judge.replies import Reply, as_label

__all__ = ["REPLY"]


class EquivalenceReply(Reply):
    """Whether two responses serve the same function."""

    verdict: Annotated[Literal["same", "different"], BeforeValidator(as_label)]

    def value(self) -> str:
        """Return "same" or "different"."""
        return self.verdict


REPLY = EquivalenceReply

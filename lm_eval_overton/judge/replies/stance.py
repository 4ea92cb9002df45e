"""The stance that a judge reads from a response."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from lm_eval_overton.judge.replies import Reply, as_label

__all__ = ["RELEASED", "REPLY"]


class StanceReply(Reply):
    """The stance of one response to a yes/no question."""

    stance: Annotated[Literal["yes", "no", "both", "other"], BeforeValidator(as_label)]

    def value(self) -> str:
        """Return "yes", "no", "both" or "other"."""
        return self.stance


REPLY = StanceReply
RELEASED = StanceReply

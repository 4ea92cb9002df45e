"""A judge's score of what a response adds to another."""

from __future__ import annotations

from lm_eval_overton.judge.replies import Reply, Score

__all__ = ["RELEASED", "REPLY"]


class MissingReply(Reply):
    """How much an alternative adds to a reference; "N/A" is no verdict."""

    score: Score

    def value(self) -> int:
        """Return 1 (redundant) to 5 (all new)."""
        return self.score


REPLY = MissingReply
RELEASED = MissingReply

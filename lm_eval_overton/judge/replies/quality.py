"""A judge's scores of a response on the aspects of quality."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from lm_eval_overton.judge.judgements.quality import QUALITY_ASPECTS
from lm_eval_overton.judge.replies import Reply, ScoreOrNone

__all__ = ["RELEASED", "REPLY"]


class QualityReply(Reply):
    """Five aspects of one response, each 1..5; None where the judge says it does not apply."""

    helpfulness: ScoreOrNone
    clarity: ScoreOrNone
    factuality: ScoreOrNone
    depth: ScoreOrNone
    engagement: ScoreOrNone

    def value(self) -> dict[str, int | None]:
        """Return the score of each of `QUALITY_ASPECTS`."""
        return {aspect: getattr(self, aspect) for aspect in QUALITY_ASPECTS}

    @classmethod
    def from_label(cls, label: Any) -> Reply:
        """Return a label with None for the aspects that it leaves out."""
        if not isinstance(label, dict) or not label or not label.keys() <= set(QUALITY_ASPECTS):
            raise TypeError(label)
        return cls.model_validate({**dict.fromkeys(QUALITY_ASPECTS), **label})


class _ReleasedQuality(QualityReply):
    """Each aspect an object of reason and score."""

    @field_validator(*QUALITY_ASPECTS, mode="before")
    @classmethod
    def _score_of(cls, aspect: object) -> object:
        return aspect.get("score", aspect) if isinstance(aspect, dict) else aspect


REPLY = QualityReply
RELEASED = _ReleasedQuality

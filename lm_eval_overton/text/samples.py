"""One response to one prompt: what came, what is scored, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from lm_eval_overton.text.forms import FENCE, answer_of, cut_at_stop

__all__ = [
    "STATUSES",
    "Cleaning",
    "Sample",
    "Status",
    "asks_summary_first",
    "clean",
    "cut_share",
    "scored_texts",
    "status_share",
]

# How the names end of what has a summary written first: frames, tasks, and runs called after them.
SUMMARY_FIRST = ("summary-answer", "summary_cot", "summary-cot")

Status = Literal["valid", "failed", "unparsed", "empty"]
STATUSES: tuple[Status, ...] = ("valid", "failed", "unparsed", "empty")


@dataclass(frozen=True)
class Sample:
    """A response: `raw` as it came (None if the request failed), `text` as it is scored."""

    raw: str | None
    text: str
    status: Status

    @property
    def is_valid(self) -> bool:
        """Whether it is scored."""
        return self.status == "valid"


@dataclass(frozen=True)
class Cleaning:
    """The rule by which a response becomes what is scored.

    Attributes:
        stops: Stop sequences of the prompt frame: the text ends at the first of them.
        summary_first: Whether the frame asks for a summary before the answer; the text is the
            answer alone, and a response without one is unparsed.
    """

    stops: tuple[str, ...] = ()
    summary_first: bool = False

    @classmethod
    def of(cls, stops: Sequence[str], *names: str) -> Cleaning:
        """Return the rule for responses that something of these names made.

        Args:
            stops: Stop sequences of the responses; where a summary comes first the fence around
                the answer takes their place.
            names: Of the frame, the task, or a run called after one of them.
        """
        if any(asks_summary_first(name) for name in names):
            return cls((FENCE,), summary_first=True)
        return cls(tuple(stops))

    def sample(self, raw: str | None) -> Sample:
        """Return a response with its cleaned text and its status.

        Args:
            raw: The response as it came; None for a failed request.

        Returns:
            A sample whose text is empty unless its status is `valid`.
        """
        if raw is None:
            return Sample(None, "", "failed")
        answer = answer_of(raw) if self.summary_first else raw
        if answer is None:
            return Sample(raw, "", "unparsed")
        text = cut_at_stop(answer, self.stops)
        return Sample(raw, text, "valid" if text else "empty")

    def samples(self, raws: Iterable[str | None]) -> list[Sample]:
        """Return all responses to one prompt, cleaned."""
        return [self.sample(raw) for raw in raws]


def asks_summary_first(name: str) -> bool:
    """Return whether what has this name asks the model for a summary before its answer."""
    return name.endswith(SUMMARY_FIRST)


def clean(raw: str | None, stops: Sequence[str] = ()) -> Sample:
    """Return a response that is all answer, up to its first stop sequence; see `Cleaning`."""
    return Cleaning(tuple(stops)).sample(raw)


def scored_texts(samples: Iterable[Sample]) -> list[str]:
    """Return what is scored of the samples of a prompt, in their order."""
    return [sample.text for sample in samples if sample.is_valid]


def status_share(samples: Sequence[Sample], status: Status) -> float:
    """Return the share of samples of one status, in [0, 1]; NaN for no sample."""
    return sum(s.status == status for s in samples) / len(samples) if samples else math.nan


def cut_share(samples: Sequence[Sample], stops: Sequence[str]) -> float:
    """Return the share of samples that the token limit cut short.

    It is known only where the server kept the stop string: a response without it was cut.

    Args:
        samples: All samples of one prompt.
        stops: Stop sequences of the prompt frame.

    Returns:
        A fraction in [0, 1] of the samples that came; NaN where no sample holds a stop string.
    """
    came = [s.raw for s in samples if s.raw is not None]
    ended = sum(any(stop and stop in raw for stop in stops) for raw in came)
    return 1.0 - ended / len(came) if ended else math.nan

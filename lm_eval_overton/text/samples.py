"""One response to one prompt: what came, what is scored, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from lm_eval_overton.text.words import cut_at_stop

__all__ = ["STATUSES", "Sample", "Status", "clean", "cut_share", "status_share"]

Status = Literal["valid", "failed", "unparsed", "empty"]
STATUSES: tuple[Status, ...] = ("valid", "failed", "unparsed", "empty")


@dataclass(frozen=True)
class Sample:
    """A response: `raw` as it came (None if the request failed), `text` as it is scored."""

    raw: str | None
    text: str
    status: Status


def clean(
    raw: str | None,
    stops: Sequence[str] = (),
    extract: Callable[[str], str | None] | None = None,
) -> Sample:
    """Return a response with its cleaned text and its status.

    Args:
        raw: The response as it came; None for a failed request.
        stops: Stop sequences of the prompt frame.
        extract: Finds the answer in a structured response before it is cut; None means unparsed.

    Returns:
        A sample whose text is empty unless its status is `valid`.
    """
    if raw is None:
        return Sample(None, "", "failed")
    answer = extract(raw) if extract else raw
    if answer is None:
        return Sample(raw, "", "unparsed")
    text = cut_at_stop(answer, stops)
    return Sample(raw, text, "valid" if text else "empty")


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

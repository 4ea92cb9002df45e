"""What replies say of a question's options, in the form in which log-probabilities say it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_overton.text.option_replies import REFUSED, option_or_refusal, stated_shares
from lm_eval_overton.text.refusals import is_refusal
from lm_eval_overton.text.samples import Sample

__all__ = ["MODES", "SAMPLED", "VERBALIZED", "Replies", "tally"]

SAMPLED, VERBALIZED = "sampled", "verbalized"
MODES = (SAMPLED, VERBALIZED)


@dataclass(frozen=True)
class Replies:
    """What came of asking in one way, or in several.

    Attributes:
        shares: Per way the sum over its replies of the options' shares in each, by label: all for
            the option that a reply chooses, or what it states.
        came: Per way how many replies came.
        refused: How many of all refuse to say.
        unreadable: How many of all say neither.
    """

    shares: Sequence[Sequence[float]]
    came: Sequence[int]
    refused: int
    unreadable: int

    @property
    def logs(self) -> list[list[float]]:
        """Per way the logarithm of the part of its replies that each label has, NaN for no reply.

        A part of all replies, as a probability is of all that a model may say: what was refused or
        not read is the rest.
        """
        return [
            [_log(share / n) if n else math.nan for share in own]
            for own, n in zip(self.shares, self.came, strict=True)
        ]

    @property
    def is_known(self) -> bool:
        """Whether each way has a reply that says something."""
        return all(math.fsum(own) > 0 for own in self.shares)

    def part(self, n: int) -> float:
        """Return a number of replies as a part of those that came; NaN where none did."""
        total = sum(self.came)
        return n / total if total else math.nan


def _log(share: float) -> float:
    return math.log(share) if share > 0 else -math.inf


def tally(
    samples: Sequence[Sequence[Sample]],
    options: Sequence[Sequence[str]],
    mode: str,
    anywhere: bool,
) -> Replies:
    """Return what replies say, those of each way of asking together.

    Args:
        samples: Per way its replies; failed requests do not count.
        options: Per way the options in the order of their letters.
        mode: One of `MODES`.
        anywhere: Whether a choice may stand in any line; see `chosen_option`.
    """
    came = [[sample for sample in own if sample.raw is not None] for own in samples]
    read = [
        [_read(sample, shown, mode, anywhere) for sample in own]
        for own, shown in zip(came, options, strict=True)
    ]
    whole = [one for own in read for one in own]
    return Replies(
        [_summed(own, len(shown)) for own, shown in zip(read, options, strict=True)],
        [len(own) for own in came],
        sum(one == REFUSED for one in whole),
        sum(one is None for one in whole),
    )


def _summed(read: Sequence[Sequence[float] | str | None], n: int) -> list[float]:
    known = [one for one in read if one is not None and not isinstance(one, str)]
    return [math.fsum(one[place] for one in known) for place in range(n)]


def _read(
    sample: Sample, options: Sequence[str], mode: str, anywhere: bool
) -> Sequence[float] | str | None:
    if mode == VERBALIZED:
        stated = stated_shares(sample.text, options)
        return REFUSED if stated is None and is_refusal(sample.text) else stated
    found = option_or_refusal(sample.text, options, anywhere)
    if not isinstance(found, int):
        return found
    return [float(place == found) for place in range(len(options))]

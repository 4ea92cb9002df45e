"""One response to one prompt: what came, what is scored, and what became of it."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from lm_eval_overton.text.elicited import Eliciting, after_marker, read_items
from lm_eval_overton.text.forms import FENCE, answer_of, before_stop, cut_at_stop
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.unicode_forms import normalised

__all__ = [
    "LENGTH",
    "STATUSES",
    "STOP",
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

# What servers say of a response that their token limit ended, and of one that came to its end.
LENGTH, STOP = "length", "stop"
# Categories of characters that control or format a text.
UNSEEN = ("Cc", "Cf")

Status = Literal["valid", "failed", "unparsed", "empty"]
STATUSES: tuple[Status, ...] = ("valid", "failed", "unparsed", "empty")


@dataclass(frozen=True)
class Sample:
    """A response and what became of it.

    Attributes:
        raw: As it came; None if the request failed.
        text: As it is scored; empty unless the status is `valid`.
        status: What became of it.
        thought: The reasoning before the answer; None where it was not looked for.
        unfinished: Whether the reasoning never ended, so that there is no answer.
        cut: Whether the token limit ended it; None where nobody can tell.
        stated: How probable the reply says it is, where one reply holds several.
    """

    raw: str | None
    text: str
    status: Status
    thought: str | None = ""
    unfinished: bool = False
    cut: bool | None = None
    stated: float | None = None

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
        reasoning: How reasoning is told from the answer. It goes first: a thought may hold a stop
            sequence.
        eliciting: How answers were asked for: a reply may hold several.
    """

    stops: tuple[str, ...] = ()
    summary_first: bool = False
    reasoning: Reasoning = field(default_factory=Reasoning)
    eliciting: Eliciting = field(default_factory=Eliciting)

    @classmethod
    def of(
        cls,
        stops: Sequence[str],
        *names: str,
        reasoning: Reasoning | None = None,
        eliciting: Eliciting | None = None,
    ) -> Cleaning:
        """Return the rule for responses that something of these names made.

        Args:
            stops: Stop sequences of the responses; where a summary comes first the fence around
                the answer takes their place.
            names: Of the frame, the task, or a run called after one of them.
            reasoning: How reasoning is told from the answer; None: it is cut off.
            eliciting: How answers were asked for; None: one by one.
        """
        rule, how = reasoning or Reasoning(), eliciting or Eliciting()
        if any(asks_summary_first(name) for name in names):
            return cls((FENCE,), summary_first=True, reasoning=rule, eliciting=how)
        return cls(tuple(stops), reasoning=rule, eliciting=how)

    def sample(self, raw: str | None, finish: str | None = None) -> Sample:
        """Return a response with its cleaned text and its status.

        Args:
            raw: The response as it came; None for a failed request.
            finish: Why it ended, `stop` or `length`; None where that is not known.
        """
        if raw is None:
            return Sample(None, "", "failed")
        cut = None if finish is None else finish == LENGTH
        found = self._rule(finish).split(raw)
        if found.answer is None:
            return Sample(raw, "", "unparsed", found.thought, unfinished=True, cut=cut)
        answer = self._answer(found.answer)
        if answer is None:
            return Sample(raw, "", "unparsed", found.thought, cut=cut)
        text = normalised(cut_at_stop(answer, self.stops)).strip()
        if not _is_readable(text):
            return Sample(raw, "", "empty", found.thought, cut=cut)
        return Sample(raw, text, "valid", found.thought, cut=cut)

    def verbatim(self, sample: Sample) -> str:
        """Return what a valid sample says as the model wrote it, up to its stop sequence.

        Its characters are those that came, and so is the white space around it: what a tokenizer
        makes of a text depends on both. White space behind something that is cut off before the
        answer, such as a thought, is no part of it. Of a reply that holds several answers, each is
        as it is scored.

        Args:
            sample: One of those that `samples` returned.
        """
        if self.eliciting.several > 1 or sample.raw is None:
            return sample.text
        found = self._rule(LENGTH if sample.cut else STOP).split(sample.raw)
        said = before_stop(self._answer(found.answer or "") or "", self.stops)
        return said if sample.raw.startswith(said) else said.lstrip()

    def _answer(self, written: str) -> str | None:
        """Return what of a response is its answer; None if it holds none."""
        if self.summary_first:
            return answer_of(written)
        return after_marker(written) if self.eliciting.mode == "seed_string" else written

    def _each(self, reply: Sample) -> list[Sample]:
        """Return the answers of a reply that was to hold several; what did not come is unparsed."""
        k = self.eliciting.several
        if k == 1:
            return [reply]
        if reply.status == "failed":
            return [reply] * k
        items = read_items(reply.text)[:k]
        found = [
            replace(reply, text=normalised(item.text).strip(), stated=item.probability)
            for item in items
            if _is_readable(normalised(item.text))
        ]
        return [*found, *[replace(reply, text="", status="unparsed")] * (k - len(found))]

    def _rule(self, finish: str | None) -> Reasoning:
        """Return how the reasoning of a response that ended in a way is told."""
        rule = self.reasoning
        # Of a thought that came to its end nothing is left then, not even the mark.
        return replace(rule, opened=finish == LENGTH) if rule.trimmed and rule.opened else rule

    def samples(
        self, raws: Sequence[str | None], finishes: Sequence[str | None] | None = None
    ) -> list[Sample]:
        """Return all responses to one prompt, cleaned; of a reply that holds several, each.

        Args:
            raws: The responses as they came.
            finishes: Why each of them ended; None where none is known.
        """
        ends = finishes or [None] * len(raws)
        replies = [self.sample(raw, end) for raw, end in zip(raws, ends, strict=True)]
        return [sample for reply in replies for sample in self._each(reply)]


def _is_readable(text: str) -> bool:
    """Tell whether a text holds anything but white space and characters that nobody sees."""
    return any(not c.isspace() and unicodedata.category(c) not in UNSEEN for c in text)


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

    It is known where it was recorded why a sample ended, and where the server kept the stop
    string: a response without it was cut.

    Args:
        samples: All samples of one prompt.
        stops: Stop sequences of the prompt frame.

    Returns:
        A fraction in [0, 1] of the samples of which it is known; NaN where there are none.
    """
    told = [s.cut for s in samples if s.cut is not None]
    if told:
        return sum(told) / len(told)
    came = [s.raw for s in samples if s.raw is not None]
    ended = sum(any(stop and stop in raw for stop in stops) for raw in came)
    return 1.0 - ended / len(came) if ended else math.nan

"""A prompt with all that is known of its samples before anything is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.question import ViewpointQuestion
from lm_eval_overton.metrics.formulas import closed_answers
from lm_eval_overton.metrics.formulas.likelihood import Likelihood
from lm_eval_overton.metrics.opinion import Opinion
from lm_eval_overton.metrics.quality_bar import passing
from lm_eval_overton.metrics.replies import Replies
from lm_eval_overton.metrics.steering import Steering
from lm_eval_overton.text.closed_answers import ClosedAnswers
from lm_eval_overton.text.samples import Sample, scored_texts

__all__ = ["Prompt", "Verdicts"]

Verdicts = Mapping[str, Sequence[Verdict | None]]


@dataclass(frozen=True)
class Prompt:
    """A prompt's document, its samples, and a reference run's samples for it.

    `hint_source` is the index of the reference sample that a hint was built from; `info` holds
    what the task says of how it asked. `verdicts` are a judge's, per judgement one for each valid
    sample, None where it was not asked; `reference_verdicts` those on the reference's samples.
    `ratings` and `classes` are what a file or a model says of each sample: how good it is, None
    where that is not known, and which class it is in. `answer_masses` are the probabilities of the
    answers of a closed set, where the model was asked for them; `likelihoods` are those of the
    valid samples under the evaluated model. `opinion` is what it said of a question with options,
    `steering` with a value that was named and without; `replies` is what the samples say of the
    options, where that was not asked by log-probability.
    """

    doc: Mapping[str, Any]
    samples: Sequence[Sample]
    reference: Sequence[Sample] = ()
    hint_source: int | None = None
    info: Mapping[str, float] = field(default_factory=dict)
    verdicts: Verdicts = field(default_factory=dict)
    reference_verdicts: Verdicts = field(default_factory=dict)
    ratings: Sequence[float | None] = ()
    classes: Sequence[int] = ()
    answer_masses: Sequence[float] = ()
    opinion: Opinion | None = None
    likelihoods: Sequence[Likelihood] = ()
    steering: Steering | None = None
    replies: Replies | None = None

    @cached_property
    def texts(self) -> list[str]:
        """The valid samples."""
        return scored_texts(self.samples)

    @cached_property
    def reference_texts(self) -> list[str]:
        """The reference run's valid samples."""
        return scored_texts(self.reference)

    @cached_property
    def given_answers(self) -> list[int | None]:
        """Which answer of the closed set each sample gives that came, None for none of them.

        Empty where the prompt has no such set. A sample of which nothing is left gives no answer.
        """
        answers = self.doc.get("answers")
        if not answers:
            return []
        closed = ClosedAnswers(answers)
        return [closed.find(sample.text) for sample in self.samples if sample.status != "failed"]

    def stated_answers(self, k: int) -> list[float]:
        """Return how probable the replies say that each answer of the closed set is.

        Args:
            k: How many answers each reply was to hold.

        Returns:
            One share for each answer; empty where the replies do not say it.
        """
        came = [sample for sample in self.samples if sample.status != "failed"]
        size, said = len(self.doc.get("answers") or ()), [sample.stated for sample in came]
        if not size or len(came) % k:
            return []
        shares = closed_answers.stated(self.given_answers, said, k, size)
        return [] if np.isnan(shares).any() else [float(share) for share in shares]

    @property
    def n_counted(self) -> int:
        """How many samples count towards the fixed number of them."""
        return len(self.given_answers) if self.doc.get("answers") else len(self.texts)

    @property
    def viewpoints(self) -> list[str]:
        """The texts of the given units."""
        return [viewpoint["text"] for viewpoint in self.doc["viewpoints"]]

    @property
    def asked(self) -> str:
        """What was asked; empty where the document does not say."""
        return str(self.doc.get("prompt", ""))

    def question(self, texts: Sequence[str]) -> ViewpointQuestion:
        """Return what a matcher is to say of texts: which of the given units they hold."""
        return ViewpointQuestion(texts, self.viewpoints, self.asked)

    def passing(self, bar: int, own: Iterator[bool], reference: Iterator[bool]) -> Prompt:
        """Return the prompt with those samples alone that pass the quality bar.

        Args:
            bar: The least helpfulness that passes.
            own: Says of each sample whose verdict is missing whether it passes.
            reference: The same of the reference's samples.
        """
        return replace(
            self,
            samples=passing(self.samples, self.verdicts.get("quality"), bar, own),
            reference=passing(
                self.reference, self.reference_verdicts.get("quality"), bar, reference
            ),
        )

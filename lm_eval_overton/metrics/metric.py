"""What a metric is: everything that is known of it, declared once beside how it is computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal

from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.metrics.view import PromptView, Whose

__all__ = [
    "AGAINST_REFERENCE",
    "BETWEEN",
    "CLOSED",
    "COVERAGE",
    "DIVERSITY",
    "ENUMERABLE",
    "EXACT",
    "FAMILIES",
    "ICL",
    "LAKE",
    "LIKELIHOOD",
    "LIKENESS",
    "OF_OPTIONS",
    "OPINION",
    "OTHER",
    "QUALITY",
    "SAMPLES",
    "SHARE",
    "STANCE",
    "STEERABLE",
    "SURVEY",
    "SURVEY_SAMPLED",
    "SURVEY_VERBALIZED",
    "UNDER_THE_MODEL",
    "WITHIN",
    "Compute",
    "Metric",
    "Need",
    "Range",
    "Task",
    "Whole",
]

Compute = Callable[[PromptView], float]
Whole = Callable[[Sequence[Mapping[str, Any]]], Sequence[float]]

# The kinds of tasks that report metrics.
Task = Literal[
    "diversity",
    "coverage",
    "icl",
    "enumerable",
    "enumerable_exact",
    "survey",
    "survey_sampled",
    "survey_verbalized",
    "steerable",
    "likelihood",
]
DIVERSITY: Task = "diversity"
COVERAGE: Task = "coverage"
ICL: Task = "icl"
# Questions all of whose answers are known: samples of them, or their probabilities.
ENUMERABLE: Task = "enumerable"
EXACT: Task = "enumerable_exact"
SURVEY: Task = "survey"
# The same in replies that choose an option, or that state the share of each.
SURVEY_SAMPLED: Task = "survey_sampled"
SURVEY_VERBALIZED: Task = "survey_verbalized"
STEERABLE: Task = "steerable"
# Answers that exist already, which the evaluated model says how likely it finds.
LIKELIHOOD: Task = "likelihood"
# Questions with options to choose from.
OF_OPTIONS: tuple[Task, ...] = (SURVEY, SURVEY_SAMPLED, SURVEY_VERBALIZED, STEERABLE)

# The headings under which reports show metrics, in their order.
BETWEEN = "Diversity between samples"
CLOSED = "Choice among known answers"
WITHIN = "Coverage within a sample"
STANCE = "Stance"
QUALITY = "Quality"
LIKENESS = "Likeness to the reference"
AGAINST_REFERENCE = "Against a reference run"
OPINION = "Opinions as distributions over options"
UNDER_THE_MODEL = "Likelihood of recorded answers under the model"
# What the samples are like, not what they say: these stand in a table of their own, so that the
# correction for many tests does not count them among a task's metrics.
SAMPLES = "What the samples are like"
# What a results file holds that this version does not know.
OTHER = "Other"
FAMILIES = (
    BETWEEN,
    CLOSED,
    WITHIN,
    STANCE,
    QUALITY,
    LIKENESS,
    AGAINST_REFERENCE,
    OPINION,
    UNDER_THE_MODEL,
    SAMPLES,
    OTHER,
)

LAKE = "Lake et al. 2024, arXiv:2406.17692"


class Need(Enum):
    """What has to be there, or to be prepared for all prompts together, before a metric is."""

    TOKENS = "tokens"
    EMBEDDINGS = "embeddings"
    SENTENCES = "sentence embeddings"
    MATCHER = "matcher"
    SIDES = "sides of viewpoints"
    WEIGHTS = "weights of viewpoints"
    NLI = "matcher nli"
    CONTRADICTIONS = "NLI model"
    REFERENCE = "reference run"
    OTHER_PROMPTS = "answers to other prompts"
    REFERENCE_EMBEDDINGS = "embeddings of the reference"
    BERTSCORE = "BERTScore model"
    CLASSES = "equivalence"
    SEVERAL = "several answers per reply"
    RATINGS = "ratings of samples"
    EXAMPLES = "examples in context"
    FRAME = "prompt frame"
    ENGLISH_QUESTION = "yes/no question in English"
    ANSWERS = "closed set of answers"
    ANSWER_MASSES = "log-probabilities of the answers"
    LIKELIHOODS = "log-probabilities of options, or replies that choose"
    PEOPLE = "people's shares of options"
    SCALE = "options on a scale"
    REFUSALS = "options that refuse"
    RESPONDENTS = "numbers of respondents"
    STEERED = "a group to answer as"
    ANSWER_LIKELIHOODS = "log-probabilities of recorded answers"


@dataclass(frozen=True)
class Range:
    """The least and the greatest value of a metric; `shown` says it where it depends on n."""

    low: float
    high: float
    shown: str = ""

    def __str__(self) -> str:
        """Return the range in words."""
        if self.shown:
            return self.shown
        low = f"{self.low:g}"
        return f"{low} to {self.high:g}" if math.isfinite(self.high) else f"{low} or more"


SHARE = Range(0, 1)


@dataclass(frozen=True)
class Metric:
    """One number per prompt.

    Attributes:
        name: Its name in tables and files.
        says: One line on what it says.
        range: Between which values it lies.
        higher_is_better: None where neither direction is better.
        family: The heading under which reports show it, one of `FAMILIES`.
        tasks: The kinds of tasks that report it.
        compute: Returns the value for one prompt, NaN where it is undefined.
        needs: What has to be there or prepared.
        whole: Where no prompt has a value alone, returns what each adds of what was kept of all:
            their mean is the value over all; NaN for prompts that do not count.
        judgement: The judgement whose verdicts it is shown with; empty for none.
        rests_on_verdicts: Whether these verdicts decide its value, so that missing ones bound it.
        matched: Whether the matcher's decisions on this run's samples alone decide its value.
        grows_with_n: Whether it depends on the number of samples, so that n is fixed.
        is_baseline: Whether it is what another metric is to be compared with, not a finding.
        controlled: The metric that this one is over the samples above the quality bar.
        parts: Whose samples the quality bar chooses among.
        on_leaderboard: Whether it stands beside the metric by which a leaderboard is sorted.
        as_percent: Whether reports show it in per cent.
        source: Who defined it.
        version: Raised with any change that can move a value; signatures name it from 2 on.
    """

    name: str
    says: str
    range: Range
    higher_is_better: bool | None
    family: str
    tasks: tuple[Task, ...]
    compute: Compute
    needs: frozenset[Need] = frozenset()
    whole: Whole | None = None
    judgement: str = ""
    rests_on_verdicts: bool = True
    matched: bool = False
    grows_with_n: bool = False
    is_baseline: bool = False
    controlled: Metric | None = None
    parts: tuple[Whose, ...] = ("own",)
    on_leaderboard: bool = False
    as_percent: bool = False
    source: str = LAKE
    version: int = 1

    @property
    def is_about_samples(self) -> bool:
        """Whether it says what the samples are like, not what they say."""
        return self.family == SAMPLES

    @property
    def decided_by(self) -> frozenset[Need]:
        """What, where a judge provides it, decides its value on this run's samples alone."""
        own = self.needs & {Need.CLASSES, Need.RATINGS}
        return own | {Need.MATCHER} if self.matched else own

    @property
    def needed(self) -> str:
        """What it needs, in words."""
        own = self.needs
        if self.judgement and JUDGEMENTS[self.judgement].needs_reference:
            own |= {Need.REFERENCE}
        needs = [need.value for need in Need if need in own]
        return ", ".join([*needs, *([f"{self.judgement} judge"] if self.judgement else [])])

    def over_samples_that_pass(self, name: str, says: str, **changes: object) -> Metric:
        """Return this metric over the samples that pass the quality bar, at two if it grows with n.

        Args:
            name: Its name.
            says: One line on it.
            **changes: What else differs.
        """
        # They are looked at one prompt at a time: nothing but texts is prepared for them.
        needs = self.needs - {Need.SENTENCES, Need.MATCHER}
        given = {"tasks": (DIVERSITY,), "on_leaderboard": False, "grows_with_n": False, **changes}
        return replace(
            self,
            name=name,
            says=says,
            needs=needs,
            judgement="quality",
            controlled=self,
            compute=lambda view: self.compute(view.controlled),
            **given,  # type: ignore[arg-type]
        )

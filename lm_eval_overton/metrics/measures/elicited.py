"""What came of asking for several answers in one reply."""

from __future__ import annotations

import math

from lm_eval_overton.metrics.metric import COVERAGE, DIVERSITY, SAMPLES, SHARE, Metric, Need, Range
from lm_eval_overton.metrics.view import PromptView

__all__ = ["ELICIT_COUNT", "ELICIT_MASS", "METRICS"]

SOURCE = "Verbalized Sampling, Zhang et al. 2025, arXiv:2510.01171"


def _count(view: PromptView) -> float:
    came = [sample for sample in view.samples if sample.raw is not None]
    return sum(sample.is_valid for sample in came) / len(came) if came else math.nan


def _mass(view: PromptView) -> float:
    """Return the stated probabilities of a reply, summed; the mean over replies that state any."""
    k = view.bench.several
    replies = [view.samples[i : i + k] for i in range(0, len(view.samples), k)]
    stated = [[s.stated for s in reply if s.stated is not None] for reply in replies]
    sums = [math.fsum(own) for own in stated if own]
    return math.fsum(sums) / len(sums) if sums else math.nan


ELICIT_COUNT = Metric(
    "elicit_count",
    "The answers that could be read in the replies over those that were asked for.",
    SHARE,
    higher_is_better=None,
    family=SAMPLES,
    tasks=(DIVERSITY, COVERAGE),
    needs=frozenset({Need.SEVERAL}),
    source=SOURCE,
    compute=_count,
)
ELICIT_MASS = Metric(
    "elicit_mass",
    "The probabilities that a reply states for its answers, summed: 1 if they are all there are.",
    Range(0, math.inf),
    higher_is_better=None,
    family=SAMPLES,
    tasks=(DIVERSITY, COVERAGE),
    needs=frozenset({Need.SEVERAL}),
    source=SOURCE,
    compute=_mass,
)
METRICS = (ELICIT_COUNT, ELICIT_MASS)

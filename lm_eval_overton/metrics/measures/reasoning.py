"""What a model wrote before its answers, which no other metric sees."""

from __future__ import annotations

import math
from collections.abc import Callable

from lm_eval_overton.metrics.formulas.surface import share
from lm_eval_overton.metrics.metric import (
    COVERAGE,
    DIVERSITY,
    ENUMERABLE,
    ICL,
    SAMPLES,
    SHARE,
    Metric,
    Range,
)
from lm_eval_overton.metrics.view import PromptView
from lm_eval_overton.text.samples import Sample

__all__ = ["METRICS", "REASONING_SHARE", "UNFINISHED_REASONING"]

# Where the tags come from that most families use.
_SOURCE = "DeepSeek-AI 2025, arXiv:2501.12948"


def _share(name: str, says: str, flag: Callable[[Sample], bool]) -> Metric:
    """Return a share of the samples in which reasoning was looked for."""

    def compute(view: PromptView) -> float:
        samples = [s for s in view.samples if s.raw is not None and s.thought is not None]
        return share(samples, flag)

    return Metric(
        name,
        says,
        SHARE,
        higher_is_better=None,
        family=SAMPLES,
        tasks=(DIVERSITY, COVERAGE, ICL, ENUMERABLE),
        as_percent=True,
        compute=compute,
        source=_SOURCE,
    )


def _words(view: PromptView) -> float:
    thoughts = [sample.thought for sample in view.samples if sample.thought]
    counts = [view.bench.tokenizer.count(thought) for thought in thoughts]
    return math.fsum(counts) / len(counts) if counts else math.nan


REASONING_SHARE = _share(
    "reasoning_share",
    "The share of the samples that reason before they answer.",
    lambda sample: bool(sample.thought),
)
UNFINISHED_REASONING = _share(
    "unfinished_reasoning",
    "The share of the samples whose reasoning never ends, so that they hold no answer.",
    lambda sample: sample.unfinished,
)
METRICS = (
    REASONING_SHARE,
    Metric(
        "reasoning_words",
        "The mean length in words of the reasoning, where there is some.",
        Range(0, math.inf),
        higher_is_better=None,
        family=SAMPLES,
        tasks=(DIVERSITY, COVERAGE, ICL, ENUMERABLE),
        compute=_words,
        source=_SOURCE,
    ),
    UNFINISHED_REASONING,
)

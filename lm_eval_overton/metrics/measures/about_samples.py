"""What the samples are like: lengths, forms, and what came to nothing."""

from __future__ import annotations

import math

from lm_eval_overton.metrics.formulas import surface
from lm_eval_overton.metrics.formulas.endings import is_degenerate, is_ended
from lm_eval_overton.metrics.metric import (
    COVERAGE,
    DIVERSITY,
    ENUMERABLE,
    ICL,
    LIKELIHOOD,
    SAMPLES,
    SHARE,
    Compute,
    Metric,
    Need,
    Range,
    Task,
)
from lm_eval_overton.metrics.view import PromptView
from lm_eval_overton.text.lists import is_list
from lm_eval_overton.text.refusals import is_refusal
from lm_eval_overton.text.samples import cut_share, status_share

__all__ = [
    "DEGENERATE_SHARE",
    "DUPLICATE_SHARE",
    "EXAMPLES_DROPPED",
    "IDENTICAL_PROMPTS",
    "LIST_SHARE",
    "MEAN_WORDS",
    "METRICS",
    "REFUSAL_SHARE",
]

_TEXTS: tuple[Task, ...] = (DIVERSITY, COVERAGE, ICL)
# What holds of answers of a word, too.
_EVERY: tuple[Task, ...] = (*_TEXTS, ENUMERABLE)
# What says how many samples count, whoever asks.
_COUNTED: tuple[Task, ...] = (*_EVERY, LIKELIHOOD)


def _mean_words(view: PromptView) -> float:
    counts = [view.bench.tokenizer.count(sample) for sample in view.texts]
    return math.fsum(counts) / len(counts) if counts else math.nan


def _identical(view: PromptView) -> float:
    return float(len(set(view.texts)) == 1) if len(view.texts) >= 2 else math.nan


def _share(
    name: str,
    says: str,
    compute: Compute,
    tasks: tuple[Task, ...] = _TEXTS,
    needs: frozenset[Need] = frozenset(),
    on_leaderboard: bool = False,
    version: int = 1,
) -> Metric:
    return Metric(
        name,
        says,
        SHARE,
        higher_is_better=None,
        family=SAMPLES,
        tasks=tasks,
        needs=needs,
        as_percent=True,
        on_leaderboard=on_leaderboard,
        compute=compute,
        version=version,
    )


EXAMPLES_DROPPED = Metric(
    "examples_dropped",
    "How many examples had no room before a prompt.",
    Range(0, math.inf),
    higher_is_better=None,
    family=SAMPLES,
    tasks=(ICL,),
    needs=frozenset({Need.EXAMPLES}),
    compute=lambda view: view.prompt.info.get("examples_dropped", math.nan),
)
MEAN_WORDS = Metric(
    "mean_words",
    "The mean length of a sample in words.",
    Range(0, math.inf),
    higher_is_better=None,
    family=SAMPLES,
    tasks=_EVERY,
    compute=_mean_words,
)
IDENTICAL_PROMPTS = _share(
    "identical_prompts",
    "The share of the prompts whose samples are all the same.",
    _identical,
    tasks=_EVERY,
)
DEGENERATE_SHARE = _share(
    "degenerate_share",
    "The share of the samples that are one or two words, single letters, or a loop.",
    lambda view: surface.share(view.tokens, is_degenerate),
    on_leaderboard=True,
)
LIST_SHARE = _share(
    "list_share",
    "The share of the samples with at least two list items.",
    lambda view: surface.share(view.texts, is_list),
    version=2,
)
DUPLICATE_SHARE = _share(
    "duplicate_share",
    "The share of samples that repeat an earlier one letter by letter.",
    lambda view: surface.duplicate_share(view.texts),
)
REFUSAL_SHARE = _share(
    "refusal_share",
    "The share of the samples that refuse.",
    lambda view: surface.share(view.texts, is_refusal),
    tasks=_EVERY,
    version=2,
)
METRICS = (
    _share(
        "failed_rate",
        "The share of the requests that failed.",
        lambda view: status_share(view.samples, "failed"),
        tasks=_COUNTED,
    ),
    _share(
        "unparsed_rate",
        "The share of the samples in which no answer is found.",
        lambda view: status_share(view.samples, "unparsed"),
        tasks=_COUNTED,
        needs=frozenset({Need.FRAME}),
    ),
    _share(
        "empty_rate",
        "The share of the samples of which nothing is left after cleaning.",
        lambda view: status_share(view.samples, "empty"),
        tasks=_COUNTED,
    ),
    DUPLICATE_SHARE,
    IDENTICAL_PROMPTS,
    _share(
        "cut_share",
        "The share of the samples that the token limit cut, where it is known how they ended.",
        lambda view: cut_share(view.samples, view.bench.stops),
        tasks=_COUNTED,
        needs=frozenset({Need.FRAME}),
    ),
    _share(
        "unended_share",
        "The share of the samples that stop short of the end of a sentence, list or fence.",
        lambda view: surface.share(view.texts, lambda text: not is_ended(text)),
    ),
    DEGENERATE_SHARE,
    _share(
        "overlong_share",
        "The share of the samples that are longer than the encoder's window.",
        lambda view: surface.share(view.texts, view.bench.encoder.is_overlong),
        tasks=(DIVERSITY, ICL),
        needs=frozenset({Need.EMBEDDINGS}),
    ),
    REFUSAL_SHARE,
    LIST_SHARE,
    MEAN_WORDS,
    EXAMPLES_DROPPED,
)

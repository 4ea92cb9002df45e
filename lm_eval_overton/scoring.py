"""From the samples of prompts to values per prompt: where the pure metrics meet the data.

A metric is one line in `METRICS`. What several of them need (tokens, embeddings) is computed
once per prompt, and texts of all prompts are encoded together beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton import text
from lm_eval_overton.encoders import Encoder
from lm_eval_overton.metrics import lexical, semantic, surface
from lm_eval_overton.metrics.subsets import at_fixed_n
from lm_eval_overton.samples import Sample, cut_share, status_share

__all__ = ["EMBEDDED", "METRICS", "Bench", "PromptView", "Values", "score_prompts"]

Values = dict[str, float | None]


@dataclass(frozen=True)
class Bench:
    """What is common to all prompts of a task: the fixed n, the frame's stops, the encoder."""

    n: int
    stops: Sequence[str]
    encoder: Encoder
    seed: int


class PromptView:
    """The samples of one prompt as the metrics want them, each form made on first use."""

    def __init__(self, samples: Sequence[Sample], bench: Bench) -> None:
        self.samples = samples
        self.bench = bench
        self.texts = [sample.text for sample in samples if sample.status == "valid"]

    @cached_property
    def tokens(self) -> list[list[str]]:
        """Word tokens per valid sample."""
        return [text.tokenize(sample) for sample in self.texts]

    @cached_property
    def bags(self) -> list[frozenset[str]]:
        """Content words per valid sample."""
        return [text.content_words_of(tokens) for tokens in self.tokens]

    @cached_property
    def bigrams(self) -> list[list[tuple[str, str]]]:
        """Lower-cased bigrams per valid sample."""
        return [text.bigrams(tokens) for tokens in self.tokens]

    @cached_property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """(n_valid, dim), rows of unit length."""
        return self.bench.encoder.encode(self.texts)

    def at_n(self, statistic: Callable[[Sequence[int]], float]) -> float:
        """Return the expected value of a statistic over subsets of n valid samples."""
        return at_fixed_n(len(self.texts), self.bench.n, statistic, self.bench.seed)


def _mean_words(view: PromptView) -> float:
    counts = [text.word_count(sample) for sample in view.texts]
    return math.fsum(counts) / len(counts) if counts else math.nan


def _identical(view: PromptView) -> float:
    return float(len(set(view.texts)) == 1) if len(view.texts) >= 2 else math.nan


METRICS: dict[str, Callable[[PromptView], float]] = {
    "lexical_diversity": lambda v: lexical.jaccard_diversity(v.bags),
    "semantic_diversity": lambda v: semantic.cosine_diversity(v.embeddings),
    "vendi": lambda v: v.at_n(lambda chosen: semantic.vendi_score(v.embeddings[list(chosen)])),
    "distinct_2": lambda v: v.at_n(
        lambda chosen: lexical.distinct_ratio([v.bigrams[i] for i in chosen])
    ),
    "compression_ratio": lambda v: v.at_n(
        lambda chosen: surface.compression_ratio([v.texts[i] for i in chosen])
    ),
    "mean_words": _mean_words,
    "list_share": lambda v: surface.share(v.texts, text.is_list),
    "refusal_share": lambda v: surface.share(v.texts, text.is_refusal),
    "failed_rate": lambda v: status_share(v.samples, "failed"),
    "unparsed_rate": lambda v: status_share(v.samples, "unparsed"),
    "empty_rate": lambda v: status_share(v.samples, "empty"),
    "duplicate_share": lambda v: surface.duplicate_share(v.texts),
    "identical_prompts": _identical,
    "cut_share": lambda v: cut_share(v.samples, v.bench.stops),
    "overlong_share": lambda v: surface.share(v.texts, v.bench.encoder.is_overlong),
}

EMBEDDED = frozenset({"semantic_diversity", "vendi", "overlong_share"})


def score_prompts(
    prompts: Iterable[Sequence[Sample]], names: Sequence[str], bench: Bench
) -> list[Values]:
    """Return the values of the named metrics for each prompt.

    Args:
        prompts: The samples of each prompt.
        names: Keys of `METRICS`.
        bench: What is common to all prompts.

    Returns:
        Per prompt one value per name, None where the metric is undefined.

    Raises:
        EncoderError: If a metric needs the encoder and it cannot be loaded.
    """
    prompts = list(prompts)
    if EMBEDDED.intersection(names):
        bench.encoder.encode([s.text for own in prompts for s in own if s.status == "valid"])
    return [_values(PromptView(samples, bench), names) for samples in prompts]


def _values(view: PromptView, names: Sequence[str]) -> Values:
    return {name: _none_if_nan(METRICS[name](view)) for name in names}


def _none_if_nan(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)

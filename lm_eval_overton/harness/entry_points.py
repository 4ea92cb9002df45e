"""What the harness's coming plugin groups find: aggregations and metrics under their names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

# The harness fills a registry on first use only while it is empty: its own entries come first.
import lm_eval.api.metrics  # noqa: F401
from lm_eval.api.registry import register_aggregation

from lm_eval_overton.metrics.formulas.lexical import jaccard_diversity
from lm_eval_overton.metrics.formulas.semantic import cosine_diversity
from lm_eval_overton.text.encoder import get_encoder
from lm_eval_overton.text.encoder_source import find_encoder
from lm_eval_overton.text.tokenizers import tokenizer_of

__all__ = ["defined", "lexical_diversity", "overton_mean", "semantic_diversity"]


def defined(values: Sequence[float | None]) -> list[float]:
    """Return the values of the prompts on which a metric is defined."""
    return [value for value in values if value is not None and not math.isnan(value)]


@register_aggregation("overton_mean")
def overton_mean(values: Sequence[float | None]) -> float | None:
    """Return the mean over the prompts on which a metric is defined; None if there is none."""
    kept = defined(values)
    return math.fsum(kept) / len(kept) if kept else None


def lexical_diversity(predictions: Sequence[str], references: Any = None, **_: Any) -> float:
    """Return `jaccard_diversity` of the responses to one prompt, in [0, 1]."""
    tokenizer = tokenizer_of(predictions)
    return jaccard_diversity([tokenizer.content_words(text) for text in predictions])


def semantic_diversity(predictions: Sequence[str], references: Any = None, **_: Any) -> float:
    """Return `cosine_diversity` of the responses to one prompt under the default encoder."""
    return cosine_diversity(get_encoder(find_encoder()).encode(predictions))

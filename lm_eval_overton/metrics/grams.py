"""The n-grams of a view's samples, made once for all the metrics that want them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from lm_eval_overton.metrics.formulas.ngrams import Ids, gram_ids
from lm_eval_overton.metrics.formulas.shared_spans import SPAN
from lm_eval_overton.metrics.view import PromptView
from lm_eval_overton.text.plain_words import plain_words
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["plain_grams"]


def plain_grams(view: PromptView, n: int) -> Sequence[Ids]:
    """Return the n-grams of words of each valid sample as numbers.

    Args:
        view: The samples of a prompt.
        n: From 1 to the longest that any metric wants.
    """
    return _grams(tuple(view.texts), view.bench.tokenizer)[n - 1]


# The metrics of a prompt are computed one after the other.
@lru_cache(maxsize=1)
def _grams(texts: tuple[str, ...], tokenizer: Tokenizer) -> list[list[Ids]]:
    return gram_ids([plain_words(text, tokenizer) for text in texts], SPAN)

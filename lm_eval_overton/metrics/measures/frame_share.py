"""The frames that samples share once their content words are taken out.

Frames are of function words and punctuation; where there is none of these, there is no frame.
Undefined for a language without a list of stop words, of whose texts nothing but punctuation would
be left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lm_eval_overton.metrics.formulas.ngrams import gram_counts, gram_ids
from lm_eval_overton.metrics.formulas.repetition import frame_share
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, SHARE, Metric, Need
from lm_eval_overton.metrics.view import PromptView
from lm_eval_overton.text.plain_words import languages_of
from lm_eval_overton.text.stop_words import stop_words
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["FRAME_SHARE", "METRICS"]

_WORDS = 6
_CONTENT = "_"


def skeleton(tokens: Sequence[str], tokenizer: Tokenizer) -> list[str]:
    """Return tokens in small letters, `_` in place of each content word."""
    # The lists are of small letters: at the head of a sentence `The` is a stop word too.
    lowered = [token.lower() for token in tokens]
    content = tokenizer.content_words_of(lowered)
    return [_CONTENT if token in content else token for token in lowered]


def _frame_share(view: PromptView) -> float:
    tokenizer = view.bench.tokenizer
    if view.bench.n < 2 or not any(map(stop_words, languages_of(tokenizer))):
        return math.nan
    skeletons = [skeleton(tokens, tokenizer) for tokens in view.tokens]
    # Content words in a row have no frame that they could share: letters at random would.
    *own, bare = gram_ids([*skeletons, [_CONTENT] * _WORDS], _WORDS)[-1]
    counts = gram_counts([ids[ids != bare[0]] for ids in own])
    return view.at_n(lambda chosen: frame_share(counts[list(chosen)]))


FRAME_SHARE = Metric(
    "frame_share",
    "The share of n samples' runs of six words, content words left open, that two of them hold.",
    SHARE,
    higher_is_better=False,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.TOKENS}),
    grows_with_n=True,
    source="Shaib et al. 2024, arXiv:2407.00211",
    compute=_frame_share,
)
METRICS = (FRAME_SHARE,)

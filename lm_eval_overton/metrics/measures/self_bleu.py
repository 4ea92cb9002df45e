"""How far each sample can be put together from the n-grams of the others.

In scripts that put no space between words they are those of the language's tokenizer.
"""

from __future__ import annotations

from lm_eval_overton.metrics.formulas.ngrams import gram_counts, gram_ids
from lm_eval_overton.metrics.formulas.self_bleu import BLEU_ORDER, self_bleu
from lm_eval_overton.metrics.metric import BETWEEN, DIVERSITY, SHARE, Metric, Need
from lm_eval_overton.metrics.view import PromptView
from lm_eval_overton.text.bleu_words import bleu_words

__all__ = ["METRICS", "SELF_BLEU"]


def _self_bleu(view: PromptView) -> float:
    ids = gram_ids(bleu_words(view.texts, view.bench.tokenizer), BLEU_ORDER)
    counts = [gram_counts(own) for own in ids]
    return view.at_n(lambda chosen: self_bleu([own[list(chosen)] for own in counts]))


SELF_BLEU = Metric(
    "self_bleu",
    "The mean BLEU of each of n samples against the others.",
    SHARE,
    higher_is_better=False,
    family=BETWEEN,
    tasks=(DIVERSITY,),
    needs=frozenset({Need.TOKENS}),
    grows_with_n=True,
    source="Zhu et al. 2018, arXiv:1802.01886",
    compute=_self_bleu,
)
METRICS = (SELF_BLEU,)

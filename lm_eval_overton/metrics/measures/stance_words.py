"""The stances of the samples without a judge: a proxy, by the words of an answer."""

from __future__ import annotations

from functools import lru_cache

from lm_eval_overton.metrics.formulas.stance import STANCES, stance_shares
from lm_eval_overton.metrics.formulas.stance_words import stance_by_words
from lm_eval_overton.metrics.metric import COVERAGE, SHARE, STANCE, Compute, Metric, Need
from lm_eval_overton.metrics.view import PromptView
from lm_eval_overton.text.english import ENGLISH

__all__ = ["METRICS", "STANCE_SHARES_WORDS"]

_SAYS = {
    "yes": "answer yes",
    "no": "answer no",
    "both": "make the case for both sides",
    "other": "take no side",
}


# The four shares of a prompt are computed one after the other from the same stances.
_stance = lru_cache(maxsize=256)(stance_by_words)


def _stances(view: PromptView) -> list[str]:
    """Return the stance of each sample; none where the cues, which are English, mean nothing."""
    doc, tokenizer = view.prompt.doc, view.bench.tokenizer
    if doc.get("kind") != "yes_no" or tokenizer.signature != ENGLISH.signature:
        return []
    return [_stance(view.prompt.asked, text) for text in view.texts]


def _share(stance: str) -> Compute:
    return lambda view: stance_shares(_stances(view))[f"p_{stance}"]


STANCE_SHARES_WORDS = {
    stance: Metric(
        f"p_{stance}_words",
        f"A proxy without a judge: the share of the samples that {_SAYS[stance]}, by their words.",
        SHARE,
        higher_is_better=None,
        family=STANCE,
        tasks=(COVERAGE,),
        needs=frozenset({Need.ENGLISH_QUESTION}),
        # Version 1 took headings, rows of tables and abbreviations for sentences.
        version=2,
        compute=_share(stance),
    )
    for stance in STANCES
}
METRICS = tuple(STANCE_SHARES_WORDS.values())

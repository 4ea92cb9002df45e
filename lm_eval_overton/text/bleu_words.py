"""Words as BLEU compares them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval_overton.text.plain_words import languages_of
from lm_eval_overton.text.tokenizer import Tokenizer
from lm_eval_overton.text.words import SEGMENTED

__all__ = ["bleu_words"]


def bleu_words(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[str]]:
    """Return the words of each text as sacrebleu's tokenizer 13a has them, case kept.

    In scripts that put no space between words, of which that one makes no words, they are those of
    the language's tokenizer.

    Args:
        texts: Any texts.
        tokenizer: That of the run's languages.
    """
    if not SEGMENTED.isdisjoint(languages_of(tokenizer)):
        return [tokenizer.words(text) for text in texts]
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
    from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp

    split: Any = Tokenizer13a()  # type: ignore[no-untyped-call, unused-ignore]
    words = [split(text.rstrip()).split() for text in texts]
    # Each of the two keeps 65,536 texts, those of runs that are long since scored.
    for one in (Tokenizer13a, TokenizerRegexp):
        one.__call__.cache_clear()
    return words

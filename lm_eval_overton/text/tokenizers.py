"""The tokenizer of texts by their languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.languages import detect
from lm_eval_overton.text.tokenizer import Tokenizer
from lm_eval_overton.text.words import Words

__all__ = ["in_use", "tokenizer_for", "tokenizer_of", "tokenizer_of_all"]

# A language that fewer of the texts are in does not change how all of them are taken apart.
_LEAST_SHARE = 0.1


def in_use(shares: Mapping[str, float]) -> tuple[str, ...]:
    """Return the languages that the tokenizer has to know, of the shares of texts in each."""
    return tuple(sorted(code for code, share in shares.items() if share >= _LEAST_SHARE))


def tokenizer_for(languages: Iterable[str]) -> Tokenizer:
    """Return what takes apart texts that are in one of some languages."""
    codes = tuple(sorted(languages))
    return ENGLISH if codes == ("en",) else Words(codes)


def tokenizer_of(texts: Sequence[str]) -> Tokenizer:
    """Return what takes apart texts of which nothing else is known."""
    return tokenizer_for(in_use(detect(texts)))


def tokenizer_of_all(signatures: Iterable[str]) -> Tokenizer:
    """Return one tokenizer for texts that those of these signatures took apart."""
    return tokenizer_for({code for one in signatures for code in one.split("-")[0].split("+")})

"""Clean, tokenise and split text: the same few rules for every metric."""

from __future__ import annotations

import itertools
import re
import string
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

__all__ = [
    "ANSWER",
    "FENCE",
    "QUERY",
    "answer_of",
    "bigrams",
    "content_words",
    "content_words_of",
    "cut_at_stop",
    "is_list",
    "is_refusal",
    "sentences",
    "tokenize",
    "word_count",
]

# What stands around a question and its answer in the prompt frames.
FENCE = "```"
QUERY, ANSWER = "# Query", "# Answer"

_PUNCTUATION = frozenset(string.punctuation)
# A word must follow: `* * *` is a rule, not a list.
_LIST_MARKER = re.compile(r"^\s*(?:\d{1,3}\.|[-*•])\s+(?=.*\w)")

# Openings of a refusal; the documentation lists them. Apostrophes are normalised before the test.
REFUSAL_PHRASES = (
    "i can't help with",
    "i cannot help with",
    "i can't assist with",
    "i cannot assist with",
    "i'm unable to help",
    "i am unable to help",
    "i'm not able to help",
    "i am not able to help",
    "i'm sorry, but i can't",
    "i'm sorry, but i cannot",
    "i apologize, but i cannot",
    "i apologize, but i can't",
    "i can't fulfill",
    "i cannot fulfill",
    "i can't provide",
    "i cannot provide",
    "i won't be able to help",
    "i must decline",
    "as an ai language model, i cannot",
    "as an ai language model, i can't",
)


def answer_of(raw: str) -> str | None:
    """Return the answer part of a response that begins with a summary.

    Args:
        raw: The response as it came; further turns that the model invented are cut off.

    Returns:
        What follows the opening fence of the answer, to be cut at the closing one; empty if the
        model began another query before it answered; None if there is no answer at all.
    """
    if ANSWER not in raw:
        return None
    _, _, after = raw.partition(QUERY)[0].partition(ANSWER)
    _, fence, inside = after.partition(FENCE)
    return inside if fence else after.lstrip(":")


def cut_at_stop(text: str, stops: Sequence[str]) -> str:
    """Return `text` up to its first stop sequence, surrounding white space stripped.

    Args:
        text: One raw response.
        stops: Stop sequences of the prompt frame; empty strings are ignored.

    Returns:
        The cleaned text, possibly empty.
    """
    ends = [end for stop in stops if stop and (end := text.find(stop)) >= 0]
    return text[: min(ends)].strip() if ends else text.strip()


@lru_cache(maxsize=1)
def _tokenizers() -> tuple[Any, Any]:
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    # An untrained Punkt needs no download and is what the paper's word counts were made with.
    return PunktSentenceTokenizer(), NLTKWordTokenizer()


@lru_cache(maxsize=1)
def _stop_words() -> frozenset[str]:
    path = resources.files("lm_eval_overton") / "data" / "stopwords_en.txt"
    return frozenset(path.read_text(encoding="utf-8").split())


def tokenize(text: str) -> list[str]:
    """Return the word tokens of a text: NLTKWordTokenizer over untrained-Punkt sentences.

    Args:
        text: Any text.

    Returns:
        Tokens in order, case kept, punctuation included.
    """
    punkt, words = _tokenizers()
    return [token for sentence in punkt.tokenize(text) for token in words.tokenize(sentence)]


def content_words_of(tokens: Iterable[str]) -> frozenset[str]:
    """Return the content words among tokens.

    Tokens made only of ASCII punctuation and the 179 English stop words of NLTK (the list of
    2023, compared with case) are dropped. Source: Lake et al. 2024, arXiv:2406.17692.

    Args:
        tokens: Tokens as `tokenize` returns them.

    Returns:
        Distinct content words, case kept.
    """
    # `_PUNCTUATION.issuperset` is true for the empty string too, which is no word either.
    return frozenset(
        token
        for token in set(tokens).difference(_stop_words())
        if not _PUNCTUATION.issuperset(token)
    )


def content_words(text: str) -> frozenset[str]:
    """Return the content-word set of a text; see `content_words_of`."""
    return content_words_of(tokenize(text))


def bigrams(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return the lower-cased bigrams of one sample's tokens, in order."""
    lowered = [token.lower() for token in tokens]
    return list(itertools.pairwise(lowered))


def sentences(text: str) -> list[str]:
    """Split a response into sentences: lines without list markers, then Punkt.

    Args:
        text: One cleaned response.

    Returns:
        Sentences in order; pieces without a letter are dropped.
    """
    punkt, _ = _tokenizers()
    lines = (_LIST_MARKER.sub("", line).strip() for line in text.splitlines())
    pieces = (piece for line in lines if line for piece in punkt.tokenize(line))
    return [piece for piece in pieces if any(map(str.isalpha, piece))]


def word_count(text: str) -> int:
    """Return the number of white-space separated words of a text."""
    return len(text.split())


def is_list(text: str) -> bool:
    """Tell whether a text holds at least two list lines (`1.`, `-`, `*` or `•`)."""
    return sum(1 for line in text.splitlines() if _LIST_MARKER.match(line)) >= 2


def is_refusal(text: str) -> bool:
    """Tell whether a text holds one of `REFUSAL_PHRASES`, case and apostrophe style aside."""
    lowered = text.lower().replace("’", "'")
    return any(phrase in lowered for phrase in REFUSAL_PHRASES)

"""Which sentence of an answer stands nearest to a viewpoint that it covers, by words.

A matcher decides on several sentences together and keeps no place. What is marked is an aid to the
reader: the sentence that shares most of the words that are the viewpoint's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lm_eval_overton.reporting.anchors import utf16_length
from lm_eval_overton.text.stems import stem
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["Wanted", "matches"]


class Wanted:
    """The words by which each viewpoint of a question is told from the others."""

    def __init__(self, question: str, viewpoints: Sequence[str], tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        asked = self.stems(question)
        self.own = [self.stems(text) - asked for text in viewpoints]
        self._held = Counter(word for own in self.own for word in own)

    def stems(self, text: str) -> frozenset[str]:
        """Return the stems of the content words of a text."""
        return frozenset(map(stem, self.tokenizer.content_words(text.lower())))

    def shared(self, viewpoint: int, words: frozenset[str]) -> float:
        """Return how much of a viewpoint is in some words; what others hold too counts less."""
        return sum(1 / self._held[word] for word in sorted(self.own[viewpoint] & words))


def matches(text: str, covered: Iterable[int], wanted: Wanted) -> list[tuple[int, int, int]]:
    """Return for each viewpoint that a text covers the sentence that shares most words with it.

    Args:
        text: A scored answer.
        covered: The positions of the viewpoints.
        wanted: Those of its question.

    Returns:
        Per viewpoint its position, and where the sentence begins and ends, as browsers count
        characters; none for one with which no sentence shares a word.
    """
    known = [own for own in covered if own < len(wanted.own)]
    spans = list(_sentences(text, wanted.tokenizer)) if known else []
    words = [wanted.stems(text[first:last]) for first, last in spans]
    found = []
    for viewpoint in known:
        shares = [wanted.shared(viewpoint, own) for own in words]
        best = max(shares, default=0.0)
        if best > 0:
            first, last = spans[shares.index(best)]
            found.append((viewpoint, utf16_length(text[:first]), utf16_length(text[:last])))
    return found


def _sentences(text: str, tokenizer: Tokenizer) -> Iterator[tuple[int, int]]:
    """Yield where the sentences of a text are; one that was rewritten is passed over."""
    start = 0
    for sentence in tokenizer.sentences(text):
        at = text.find(sentence, start)
        if at >= 0:
            start = at + len(sentence)
            yield at, start

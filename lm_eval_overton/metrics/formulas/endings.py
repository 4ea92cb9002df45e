"""How a response ends, and whether it is more than noise: forms that need no model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from lm_eval_overton.text.forms import FENCE, LIST_MARKER

__all__ = ["is_degenerate", "is_ended", "is_loop"]

# An answer of so few words says nothing of an open question.
FEW_WORDS = 2
# A loop repeats its unit so often, and fills half of a text, or so many words of a longer one.
REPEATS, LOOP_WORDS = 3, 60
# From so many words on, prose has more distinct pairs of neighbouring words than this share.
LONG, DISTINCT = 60, 0.25

# What is looked at of a last line.
_TAIL = 200
# Ends of sentences of all scripts, and what may stand behind one: quotes, brackets, marks of
# emphasis, footnotes.
_SENTENCE_END = re.compile(
    r"[.!?…‥。．！？｡؟۔।॥།༎።፧։៕។။‼⁇⁈⁉;:]"
    r"[\"'”’»«›“)\]}）」』】〉》*_~`\s]*(?:\[\d+\][\s.]*)?\Z"
)
# What closes what the whole text stands in, and what a template puts behind it.
_CLOSING = re.compile(r"(?:\s*(?:</\w+>|<\|\w+\|>))+\Z")
# Thai, Lao and Khmer set no mark at the end of a sentence.
_UNMARKED = re.compile(r"[\u0E00-\u0EFF\u1780-\u17FF]\Z")
_EMOJI = re.compile(r"[\u2600-\u27BF\U0001F000-\U0001FAFF]\uFE0F?\Z")
_ADDRESS_OR_TAG = re.compile(r"(?:https?://\S+|#\w+[\"'”]*)\Z")
_TABLE_OR_RULE = re.compile(r"\|\Z|(?:[-*_=]\s*){3,}\Z")


def is_ended(text: str) -> bool:
    """Tell whether a response comes to an end: of a sentence, a list, a table or a fence.

    Args:
        text: A cleaned response.

    Returns:
        False where the text stops in mid-sentence. Scripts that mark no end of sentence always
        end.
    """
    text = text.rstrip()
    closing = _CLOSING.search(text, max(0, len(text) - _TAIL))
    text = text[: closing.start()] if closing else text
    last = text.rpartition("\n")[2].strip()
    if last.endswith(FENCE) or text.count(FENCE) % 2 == 1:
        return last.endswith(FENCE)
    ends = (_SENTENCE_END, _UNMARKED, _EMOJI, _ADDRESS_OR_TAG, _TABLE_OR_RULE)
    tail = last[-_TAIL:]
    return bool(LIST_MARKER.match(last)) or any(end.search(tail) for end in ends)


def is_degenerate(words: Sequence[str]) -> bool:
    """Tell whether a response is noise: one or two words, single letters, or a loop.

    Args:
        words: All tokens of the response, in order.
    """
    spoken = [word for word in words if any(map(str.isalnum, word))]
    if len(spoken) <= FEW_WORDS:
        return True
    letters = sum(len(word) == 1 and word.isascii() for word in spoken)
    return letters > len(spoken) / 2 or is_loop(spoken)


def is_loop(words: Sequence[str]) -> bool:
    """Tell whether words go round in circles; numbers that count up do not hide it.

    Args:
        words: The words of a text.
    """
    plain = ["0" if word.isdecimal() else word.casefold() for word in words]
    if len(plain) >= LONG:
        pairs = set(pairwise(plain))
        if len(pairs) < DISTINCT * (len(plain) - 1):
            return True
    least = min(len(plain) / 2, LOOP_WORDS)
    return any(
        length >= least and length >= REPEATS * period
        for way in (plain, plain[::-1])
        for length, period in _periods(way)
    )


def _periods(words: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Yield for each beginning of words its length and its shortest period."""
    # The failure function of Knuth, Morris and Pratt.
    borders = [0]
    yield 1, 1
    for i in range(1, len(words)):
        border = borders[-1]
        while border and words[i] != words[border]:
            border = borders[border - 1]
        borders.append(border + (words[i] == words[border]))
        yield i + 1, i + 1 - borders[-1]

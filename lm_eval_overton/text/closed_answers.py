"""Which of a closed set of answers a reply gives: exactly one of them, or none."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from lm_eval_overton.text.scripts import UNSPACED

__all__ = ["ClosedAnswers", "answer_words"]

ARTICLES = frozenset({"the", "a", "an"})
# Letters, numbers, months and countries that are more often something else among other words.
COMMON = frozenset({"a", "i", "one", "may", "us"})
JOINING = frozenset({"and", "or"})
# What stands before an answer that is not given.
DENIALS = frozenset({"not", "never", "except", "anything but", "other than"})
# Forms of a character that say something else than the character.
_OTHER_THAN = ("<fraction>", "<super>", "<sub>")


class _Word(NamedTuple):
    """A word as it is compared, whether it was a capital, and what stands before the next one."""

    text: str
    is_capital: bool
    gap: str

    @property
    def runs_on(self) -> bool:
        """Whether nothing but white space stands between it and the next one."""
        return self.gap.isspace()


@lru_cache(maxsize=1)
def _patterns() -> dict[str, Any]:
    import regex

    onto = rf"[[\p{{L}}\p{{M}}\p{{No}}]--{UNSPACED}]"
    number = rf"(?:(?<![\p{{L}}\p{{N}}\)\]])[-\u2212])?\p{{Nd}}+(?:[.,]\p{{Nd}}+)*{onto}*"
    run = rf"[[\p{{L}}\p{{M}}\p{{N}}]--{UNSPACED}]+[#\u266F\u266D]?"
    return {
        name: regex.compile(pattern, regex.V1)
        for name, pattern in {
            "accent": r"[\u0300-\u036F]",
            # How an emoji is drawn, the frame of a key, and the mark in "Hawaiʻi".
            "unseen": r"[\uFE0E\uFE0F\u20E3\u200B-\u200D\u2060\uFEFF\u02BB]",
            "quote": r"[’‘`´ʼ]",
            "ending": r"(?<=\p{L})'(?i:s|d|ll|m|re|t|ve)(?![\p{L}'])",
            "initials": r"(?<![\p{L}\p{N}])(?:(?:\p{L}\.){2,}|\p{L}\.\p{L}(?![\p{L}\p{N}]))",
            "fence": r"\s*(?:```|~~~)[\w+-]*\s*",
            "thousands": r"\p{Nd}{1,3}(?:,\p{Nd}{3})+",
            # Dice, suits of cards and pieces of chess are symbols.
            "word": rf"{number}|{UNSPACED}|{run}|\p{{So}}",
        }.items()
    }


def answer_words(name: str) -> tuple[str, ...]:
    """Return the words by which an answer is known.

    Case, accents, punctuation, markup and an article at the beginning do not count; `7` is neither
    `-7` nor `7.5`, and `C#` is not `C`. Symbols such as dice are words, and so is each character
    of a script without spaces.

    Args:
        name: A name of the answer.
    """
    words = _words(name)
    if len(words) > 1 and _is_article(words[0]):
        del words[0]
    return tuple(word.text for word in words)


def _is_article(first: _Word) -> bool:
    # The note A flat does not.
    is_name = first.text == "a" and first.is_capital
    return first.text in ARTICLES and first.runs_on and not is_name


def _words(text: str) -> list[_Word]:
    line = _plain(text)
    found = list(_patterns()["word"].finditer(line))
    ends = [match.end() for match in found]
    gaps = [line[end : after.start()] for end, after in zip(ends, found[1:], strict=False)]
    return [
        _Word(_compared(match[0]), match[0][0].isupper(), gap)
        for match, gap in zip(found, [*gaps, ""], strict=False)
    ]


def _plain(text: str) -> str:
    """Return a text with one way to write each character, case apart."""
    patterns = _patterns()
    plain = "".join(c if _says_other(c) else unicodedata.normalize("NFKC", c) for c in text)
    plain = unicodedata.normalize("NFD", patterns["unseen"].sub("", plain))
    plain = unicodedata.normalize("NFC", patterns["accent"].sub("", plain))
    plain = patterns["ending"].sub("", patterns["quote"].sub("'", plain))
    return str(patterns["initials"].sub(lambda found: found[0].replace(".", ""), plain))


def _says_other(character: str) -> bool:
    return unicodedata.decomposition(character).startswith(_OTHER_THAN)


def _compared(word: str) -> str:
    if _patterns()["thousands"].fullmatch(word):
        word = word.replace(",", "")
    # int() reads the digits of all scripts.
    return str(int(word)) if word.isdecimal() else word.casefold()


class ClosedAnswers:
    """The answers of a question that has no others, as they are found in replies."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        """Take the answers.

        Args:
            answers: Per answer its names, none of which is a name of another one.
        """
        self._by_words = {
            answer_words(name): position for position, names in enumerate(answers) for name in names
        }
        self._lengths = sorted({len(words) for words in self._by_words}, reverse=True)

    def find(self, reply: str) -> int | None:
        """Return the position of the one answer that a reply gives.

        The reply's first line with a word is read. It is an answer's name, or exactly one answer is
        named in it, in whole words. Where a name stands within a longer one, as `Guinea` within
        `Guinea-Bissau`, only the longer one counts.

        Args:
            reply: A reply, whatever it says.

        Returns:
            From 0; None where it gives none, or several, or says which one it does not give.
        """
        for line in reply.splitlines():
            words = _words(line)
            texts = tuple(word.text for word in words)
            if texts in self._by_words:
                return self._by_words[texts]
            if any(text.isalnum() for text in texts) and not _is_fence(line):
                return self._named_alone(words, texts)
        return None

    def _named_alone(self, words: Sequence[_Word], texts: Sequence[str]) -> int | None:
        named = [
            (begin, answer)
            for begin, end, answer in self._named(texts)
            if _is_whole(words, begin, end) and (end - begin > 1 or not _is_ordinary(words, begin))
        ]
        answers = {answer for _, answer in named}
        is_denied = any(_is_denied(texts, begin) for begin, _ in named)
        return answers.pop() if len(answers) == 1 and not is_denied else None

    def _named(self, texts: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """Yield where the names begin and end that stand in no longer one, and of which answer."""
        taken: list[tuple[int, int]] = []
        for length in self._lengths:
            for begin in range(len(texts) - length + 1):
                end = begin + length
                answer = self._by_words.get(tuple(texts[begin:end]))
                within = any(first <= begin and end <= last for first, last in taken)
                if answer is not None and not within:
                    taken.append((begin, end))
                    yield begin, end, answer


def _is_fence(line: str) -> bool:
    return _patterns()["fence"].fullmatch(line) is not None


def _is_whole(words: Sequence[_Word], begin: int, end: int) -> bool:
    """Tell whether words are no part of a compound, as seven is of twenty-seven."""
    return "-" not in (words[begin - 1].gap if begin else "", words[end - 1].gap)


def _is_ordinary(words: Sequence[_Word], at: int) -> bool:
    """Tell whether a word that is a name of an answer is an ordinary word in its place."""
    word = words[at]
    if word.text not in COMMON or at == len(words) - 1:
        return False
    goes_on = word.runs_on and words[at + 1].text not in JOINING
    return not word.is_capital or (goes_on and (at == 0 or word.text == "i"))


def _is_denied(texts: Sequence[str], at: int) -> bool:
    """Tell whether it is denied of the answer that begins at a word."""
    before = [text for text in texts[:at] if text not in ARTICLES]
    last = {" ".join(before[-1:]), " ".join(before[-2:])}
    return bool(last & DENIALS) and "why not" not in last

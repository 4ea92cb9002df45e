"""Whether a text is a list, by the lines that begin as its items do.

Bullets and numbers make a line an item by themselves. A letter or a Roman numeral does only where
the next in order follows, for "A. Smith" begins a line of prose too; a heading only where another
of its level does. What a sentence is stripped of is another question, and older: see `LIST_MARKER`
in `forms`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise, starmap

__all__ = ["is_list"]

# A word must follow: `* * *` is a rule. Lines are quoted, indented and emphasised as people like.
_BEFORE = r"\s*(?:>\s*)*(?:\*\*|__|[*_](?=\w))?"
_AFTER = r"(?:\*\*|__|[*_](?=\W))?"
_WORD = r"(?=.*\w)"
_CHINESE = "[一二三四五六七八九十百]{1,4}"

# Signs that begin or join clauses too need a space; those that do nothing else need none.
_BULLET = (
    r"(?:[-*+–—·∙→]\s+|\\item\b\s*|[•・●○■□▪▫◦‣⁃◆◇►▶▸➢➤✓✔☐☑✅]\s*)(?:\[[ xX✓]\]\s+)?|<li\b[^<>]*>"
)
_NUMBER = "|".join(
    [
        # 1. 1) 1、 １． ١. and 1.2. but neither 1.5 litres nor 2020.
        rf"\d{{1,3}}(?:\.\d{{1,2}})*(?:[)）、．]{_AFTER}\s*|\\?\.{_AFTER}(?:\s+|(?=[^\W\d_a-z])))",
        rf"[(（]\s?(?:\d{{1,3}}|{_CHINESE})\s?[)）]{_AFTER}\s*",
        rf"第?{_CHINESE}[步点點条條]?[、．.)）]\s*",
        rf"第{_CHINESE}[步点點条條]?[,，:：]\s*",
        # ① ⑴ ❶ and digits in a keycap.
        r"[\u2460-\u249b\u2776-\u2793]\s*|\d\ufe0f?\u20e3\s*",
    ]
)
# `**Sleep:** eight hours` and `**Sleep** – eight hours`.
_LEAD_IN = r"\s*(?:>\s*)*(?:\*\*|__)\w[^*\n]{0,80}(?::(?:\*\*|__)|(?:\*\*|__)\s?[:：–—-])\s"
_ITEM = re.compile(rf"{_BEFORE}(?:{_BULLET}|{_NUMBER}){_WORD}|{_LEAD_IN}{_WORD}")
_LETTER = re.compile(rf"{_BEFORE}[(（]?([^\W\d_]{{1,5}})(?:[)）]{_AFTER}\s*|\.{_AFTER}\s+){_WORD}")
# A number with a weaker sign, or with a word and a number before a colon: "1- ", "1: ", "Step 1:".
_COUNTED = re.compile(
    rf"{_BEFORE}(?:\#{{1,6}}\s+)?(?P<word>(?:[^\W\d]{{1,15}}|\#)\s?)?(?P<number>\d{{1,3}})"
    rf"\s?(?:[:：–—-]|(?(word)[).）．]|(?!)))(?:(?<=[：）．])|{_AFTER}(?=\s))\s*{_WORD}"
)
_HEADING = re.compile(rf"\s{{0,3}}(#{{1,6}})\s+{_WORD}")
_CODE = re.compile(r"\s*(?:```|~~~)")

# fmt: off
_ROMAN = (
    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv",
)
# fmt: on
_ORDERS: tuple[Sequence[str], ...] = (
    _ROMAN,
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзиклмнопрст",
    "αβγδεζηθικλμ",
    "אבגדהוזחטי",
    "أبجدهوزحطي",
    "ابجدهوزحطي",
    "कखगघङ",
    "กขคงจฉ",
    "가나다라마바사아자차",
    "甲乙丙丁戊己庚辛",
)
# What stands directly before each letter in one of the orders; `i` is a letter and a numeral.
_FOLLOWS = frozenset(pair for order in _ORDERS for pair in pairwise(order))


def is_list(text: str) -> bool:
    """Tell whether a text holds at least two list items.

    Items begin with a bullet (`-`, `*`, `+`, `•`, a dash, a check box and their like), a number of
    any digits (`1.`, `1)`, `(1)`, `**1.**`, `１．`, `一、`, `①`), a bold lead-in with a colon,
    letters, Roman numerals or otherwise numbered lines in order (`1-`, `Step 1:`), or are headings
    of one level. Rows of a table are none.

    Args:
        text: One cleaned response.
    """
    lines = unicodedata.normalize("NFC", text).splitlines()
    if sum(1 for line in lines if _ITEM.match(line)) >= 2:
        return True
    letters = [found[1].lower() for line in lines if (found := _LETTER.match(line))]
    levels = Counter(_headings(lines))
    return (
        not _FOLLOWS.isdisjoint(pairwise(letters))
        or any(starmap(_counts_on, pairwise(filter(None, map(_COUNTED.match, lines)))))
        or max(levels.values(), default=0) >= 2
    )


def _counts_on(before: re.Match[str], after: re.Match[str]) -> bool:
    """Tell whether two lines are numbered one after the other, by the same word if by one."""
    return before["word"] == after["word"] and int(after["number"]) == int(before["number"]) + 1


def _headings(lines: Sequence[str]) -> Iterator[str]:
    """Yield the level of each heading; in code, where comments look like them, there is none."""
    in_code = False
    for line in lines:
        in_code ^= bool(_CODE.match(line))
        if not in_code and (found := _HEADING.match(line)):
            yield found[1]

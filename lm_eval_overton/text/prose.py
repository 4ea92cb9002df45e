"""Which lines of a text hold its sentences: those that are no headings and no rows of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from lm_eval_overton.text.forms import LIST_MARKER

__all__ = ["prose_lines"]

_QUOTE = re.compile(r"\s*(?:>\s*)+")
# What opens or closes a block of code; code within one line does neither.
_FENCE = re.compile(r"\s*(```|~~~)(?!.*\1)")
_HASHES = re.compile(r"\s{0,3}#{1,6}(?:\s|$)")
# Bold from end to end, the colon after it included.
_BOLD = re.compile(r"([*_]{2,3})(?=\S)(?P<title>(?:(?!\1).)+)(?<=\S)\1(?P<colon>\s*[:：])?")
_COLON = re.compile(r".*[:：]")
# "Pros:", "Points in favour:", "優點：". A longer line that ends so says what follows.
_LABEL = re.compile(r"\S{1,18}(?:\s\S{1,18}){0,2}(?:(?<=[:：])|\s[:：])")
_UNDERLINE = re.compile(r"\s{0,3}(?:=+|-{2,})\s*")
_SENTENCE = re.compile(r".*[.!…。！।۔][\"'”’»)\]]*")
_ROW = re.compile(r"\s*\|.*\|\s*")
# White space apart.
_RULE_OF_TABLE = re.compile(r"\|?:?-+:?(?:\|:?-+:?)*\|?")


def prose_lines(text: str) -> list[str]:
    """Return the lines of a text that hold sentences, without list markers and white space around.

    Left out are headings (Markdown's `# One`, a line that is bold as a whole, one that is
    underlined, up to three words before a colon) and the cells of tables, unless they end as a
    sentence does, a question apart; a bold list item without a colon is no heading. In code, where
    comments look like headings, every line is kept, and so it is where nothing else is said.

    Args:
        text: One cleaned response.
    """
    lines = text.splitlines()
    said = _without_markers(_said(lines))
    return said if any(map(str.isalpha, "".join(said))) else _without_markers(lines)


def _without_markers(lines: Iterable[str]) -> list[str]:
    return [LIST_MARKER.sub("", line).strip() for line in lines]


def _said(lines: Sequence[str]) -> Iterator[str]:
    bare = [_QUOTE.sub("", line) for line in lines]
    in_code = in_table = False
    for i, line in enumerate(bare):
        in_code ^= bool(_FENCE.match(line))
        in_table = not in_code and "|" in line and (in_table or _begins_table(bare, i))
        if in_code:
            yield lines[i]
        elif in_table or _ROW.fullmatch(line):
            yield from filter(_SENTENCE.fullmatch, map(str.strip, line.split("|")))
        elif (title := _title(bare, i)) is None:
            yield lines[i]
        elif _SENTENCE.fullmatch(title):
            yield title


def _begins_table(lines: Sequence[str], i: int) -> bool:
    """Tell whether the rule below a table's head follows a line."""
    below = lines[i + 1] if i + 1 < len(lines) else ""
    return "|" in below and _RULE_OF_TABLE.fullmatch("".join(below.split())) is not None


def _title(lines: Sequence[str], i: int) -> str | None:
    """Return the words of a line that is marked as a heading; None for any other."""
    item = LIST_MARKER.sub("", lines[i])
    line, is_item = item.strip(), item != lines[i]
    if _HASHES.match(lines[i]):
        return lines[i].strip().strip("#").strip()
    if bold := _BOLD.fullmatch(line):
        is_title = not is_item or bold["colon"] or _COLON.fullmatch(bold["title"])
        return str(bold["title"]) if is_title else None
    if _LABEL.fullmatch(line) or (not is_item and _is_underlined(lines, i)):
        return line
    return None


def _is_underlined(lines: Sequence[str], i: int) -> bool:
    """Tell whether a line stands alone above an underline."""
    above, line, below = (
        lines[j].strip() if 0 <= j < len(lines) else "" for j in range(i - 1, i + 2)
    )
    return bool(line) and not above and _UNDERLINE.fullmatch(below) is not None

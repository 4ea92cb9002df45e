"""The marks of reasoning in a text: where a thought begins and ends, in the words of every family.

Sources: the reasoning parsers of vLLM and SGLang and the chat templates of the families themselves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from lm_eval_overton.text.forms import FENCE

__all__ = ["FAMILIES", "FINAL", "WRAPPERS", "Mark", "marks_of"]

# How far a mark may stand from the beginning or the end of its line.
_INDENT = 80

Pair = tuple[str, str]
Kind = Literal["o", "c"]

# How a thought begins and how it ends, by family.
FAMILIES: tuple[Pair, ...] = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<antThinking>", "</antThinking>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<think_fast>", "</think_fast>"),
    ("<think_faster>", "</think_faster>"),
    ("<ifm|think>", "</ifm|think>"),
    ("<ifm|think_fast>", "</ifm|think_fast>"),
    ("<ifm|think_faster>", "</ifm|think_faster>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("[unused16]", "[unused17]"),
    ("<|channel>thought", "<channel|>"),
)
# What tells by itself that a thought came before.
FINAL = "[BEGIN FINAL RESPONSE]"
# What some families put around the answer that follows a thought.
WRAPPERS: tuple[Pair, ...] = (
    ("<answer>", "</answer>"),
    ("<response>", "</response>"),
    ("<output>", "</output>"),
    ("<solution>", "</solution>"),
    ("<final_answer>", "</final_answer>"),
    ("<final>", "</final>"),
    ("<|begin_of_box|>", "<|end_of_box|>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    (FINAL, "[END FINAL RESPONSE]"),
)

_TAG = re.compile(r"<([\w:|]+)>")
_ATTRIBUTES = r"""(?:\s+[\w-]+=(?:"[^"<>]{0,80}"|'[^'<>]{0,80}'|[^\s<>"']{1,80}))*"""


class Mark(NamedTuple):
    """A mark in a text: it opens ("o") or closes ("c") a thought of a family.

    One that begins a piece of code (`quoted`) is spoken of, and so is what closes it.
    """

    raw: str
    kind: Kind
    family: str
    start: int
    end: int
    quoted: bool = False

    @property
    def begins_line(self) -> bool:
        """Whether nothing stands before it in its line."""
        near = self.raw[max(0, self.start - _INDENT) : self.start].rstrip(" \t")
        return near.endswith("\n") or (not near and self.start <= _INDENT)

    @property
    def ends_line(self) -> bool:
        """Whether nothing stands behind it in its line."""
        near = self.raw[self.end : self.end + _INDENT].lstrip(" \t")
        return near.startswith(("\n", "\r")) or (not near and len(self.raw) <= self.end + _INDENT)


def marks_of(raw: str, pairs: tuple[Pair, ...]) -> list[Mark]:
    """Return the marks in a text, in their order, but for those that are code by themselves.

    Args:
        raw: A response as it came.
        pairs: Opening and closing marks by family. A pair of tags is also found with spaces,
            attributes or escapes in it; all are found in any case.
    """
    pattern, literals = _patterns(pairs)
    found = []
    for match in pattern.finditer(raw):
        literal, name = match["literal"], match["name"]
        tag: tuple[Kind, str] = ("c" if match["slash"] else "o", str(name).lower())
        kind, family = literals[literal.lower()] if literal else tag
        start, end = match.span()
        # A fence that a mark touches ends or begins beside it, and quotes nothing.
        quoted = raw.endswith("`", 0, start) and not raw.endswith(FENCE, 0, start)
        behind = raw.startswith("`", end) and not raw.startswith(FENCE, end)
        if not (quoted and behind):
            found.append(Mark(raw, kind, family, start, end, quoted and kind == "o"))
    return found


@lru_cache(maxsize=8)
def _patterns(pairs: tuple[Pair, ...]) -> tuple[re.Pattern[str], Mapping[str, tuple[Kind, str]]]:
    """Return what matches any mark, and kind and family of those that are no tags."""
    names: list[str] = []
    as_given: list[str] = []
    literals: dict[str, tuple[Kind, str]] = {}
    for begin, end in pairs:
        tag = _TAG.fullmatch(begin)
        if tag and end.lower() == f"</{tag[1]}>".lower():
            names.append(tag[1])
        else:
            as_given += [begin, end]
            literals.setdefault(begin.lower(), ("o", begin.lower()))
            literals.setdefault(end.lower(), ("c", begin.lower()))
    # With a space behind its first sign a mark is broken up: so judges are shown quoted ones.
    tags = rf"(?:<|&lt;)(?P<slash>/?)\s*(?P<name>{_any(names)}){_ATTRIBUTES}\s*(?:>|&gt;)"
    mark = rf"(?:(?P<literal>{_any(as_given)})|{tags})"
    # Some models set them in bold; what only touches a mark is bold itself.
    bold = r"(?:(?<!\S)(?P<bold>\*\*|__))?"
    return re.compile(rf"{bold}{mark}(?(bold)(?P=bold)(?!\S))", re.IGNORECASE), literals


def _any(texts: Sequence[str]) -> str:
    return "|".join(map(re.escape, texts)) or "(?!)"

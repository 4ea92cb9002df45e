"""Reasoning and answer of a response: what a model wrote for itself, and what it says.

Sources of the marks: the reasoning parsers of vLLM and SGLang and the chat templates of the
families themselves.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache

from lm_eval_overton.text.forms import FENCE

__all__ = ["FAMILIES", "Reasoning", "Split"]

# Stands for whichever family opened a thought.
_ANY = "any"
# How far a mark may stand from the beginning or the end of its line.
_INDENT = 80

# How a thought begins and how it ends, by family.
FAMILIES: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<scratchpad>", "</scratchpad>"),
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
# What some families put around the answer that follows a thought.
_WRAPPERS: tuple[tuple[str, str], ...] = (
    ("<answer>", "</answer>"),
    ("<response>", "</response>"),
    ("<output>", "</output>"),
    ("<solution>", "</solution>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
)
# Families that announce thought and answer in words, at the very beginning alone.
_ANNOUNCED = re.compile(
    r"\s*Here(?:'s| is) my (?:thought|thinking) process:(?P<thought>.*?)"
    r"(?:Here(?:'s| is) my response:(?P<answer>.*)|\Z)",
    re.DOTALL | re.IGNORECASE,
)
# A message of the harmony format: its channel and what stands in it.
_HARMONY = re.compile(
    r"<\|channel\|>\s*(?P<channel>\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
    r"(?P<text>.*?)(?=<\|end\|>|<\|return\|>|<\|call\|>|<\|start\|>|<\|channel\|>|\Z)",
    re.DOTALL,
)
# The same where the special tokens were dropped: channel and text without a space between them.
_BARE_HARMONY = re.compile(
    r"\s*analysis(?=[^\W_]|[\"'“(*#])(?P<thought>.*?)(?:assistant(?:commentary.*?assistant)?"
    r"final(?P<answer>.*)|\Z)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Split:
    """A response taken apart.

    Attributes:
        answer: What is said; None if the reasoning never ends, so that nothing is.
        thought: What was written before, the marks left out; None where it was not looked for.
    """

    answer: str | None
    thought: str | None = ""


@dataclass(frozen=True)
class Reasoning:
    """The rule by which reasoning is told from the answer.

    Attributes:
        strip: Whether it is cut off.
        own: The user's own pair of marks, which goes before those that are known.
        opened: Whether the prompt ends with an opening mark, so that a response begins within
            the thought.
        trimmed: Whether thoughts that came to their end were cut off before, so that what is left
            of them is the answer.
    """

    strip: bool = True
    own: tuple[str, str] | None = None
    opened: bool = False
    trimmed: bool = False

    @property
    def signature(self) -> str | list[str]:
        """What of the rule is a setting."""
        word = "strip" if self.strip else "keep"
        return [word, *self.own] if self.own and self.strip else word

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The marks that are looked for."""
        return (self.own, *FAMILIES) if self.own else FAMILIES

    def opened_by(self, prompt: str) -> Reasoning:
        """Return the rule for what follows a prompt.

        Args:
            prompt: The whole text that the model goes on with.
        """
        ends = (*(begin for begin, _ in self.pairs), "<|channel|>analysis<|message|>")
        return replace(self, opened=prompt.rstrip().endswith(ends))

    def split(self, raw: str) -> Split:
        """Return the reasoning and the answer of a response.

        Args:
            raw: The response as it came.
        """
        if not self.strip:
            return Split(raw, None)
        found = _by_channels(raw) or _announced(raw) or _Scan(self).split(raw)
        if not found.thought or found.answer is None:
            return found
        return Split(_unwrapped(found.answer), found.thought)


def _by_channels(raw: str) -> Split | None:
    """Return what the messages of the harmony format hold; None for another format."""
    text = re.sub(r"\A\s*(?=(?:analysis|commentary|final)\s*<\|message\|>)", "<|channel|>", raw)
    messages = [(m["channel"], m["text"].strip()) for m in _HARMONY.finditer(text)]
    if not messages:
        return None
    said = [text for channel, text in messages if channel == "final"]
    thought = "\n".join(text for channel, text in messages if channel != "final")
    return Split("\n\n".join(said) if said else None, thought)


def _announced(raw: str) -> Split | None:
    """Return what stands where words alone say which part is which; None where none do."""
    found = _BARE_HARMONY.match(raw) or _ANNOUNCED.match(raw)
    return Split(found["answer"], found["thought"].strip()) if found else None


def _unwrapped(answer: str) -> str:
    bare = answer.strip()
    for begin, end in _WRAPPERS:
        if bare.lower().startswith(begin.lower()):
            inside = bare[len(begin) :]
            last = inside.lower().rfind(end.lower())
            return inside if last < 0 else inside[:last]
    return answer


@lru_cache(maxsize=8)
def _any_mark(pairs: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """Match any mark that is not quoted as code; its group tells which it is."""
    ways = "|".join(
        f"(?P<o{i}>{re.escape(begin)})|(?P<c{i}>{re.escape(end)})"
        for i, (begin, end) in enumerate(pairs)
    )
    # The few signs that marks begin with are looked for first: that is ten times as fast.
    first = "".join(map(re.escape, sorted({mark[0] for pair in pairs for mark in pair})))
    # The end of a fence before a mark, or the beginning of one after it, quotes nothing.
    before, after = f"(?:(?<={FENCE})|(?<!`))", f"(?:(?={FENCE})|(?!`))"
    return re.compile(f"(?=[{first}]){before}(?:{ways}){after}", re.IGNORECASE)


class _Scan:
    """One pass over the marks of a response."""

    def __init__(self, rule: Reasoning) -> None:
        self.pattern = _any_mark(rule.pairs)
        # Within which family's thought the text is; any family's where the prompt opened it.
        self.within: str | None = _ANY if rule.opened else None
        self.said: list[str] = []
        self.thoughts: list[str] = []
        self.ended = False
        # Whether nothing is said so far, and how many fences stand in what is said.
        self.blank, self.fences = True, 0
        # Families of opening marks within code, whose closing marks are code too.
        self.spoken: Counter[str] = Counter()

    def split(self, raw: str) -> Split:
        """Return the reasoning and the answer of a response."""
        marks = list(self.pattern.finditer(raw))
        last_end = {str(m.lastgroup)[1:]: m.start() for m in marks if str(m.lastgroup)[0] == "c"}
        at = 0
        for mark in marks:
            kind, family = str(mark.lastgroup)[0], str(mark.lastgroup)[1:]
            if kind == "c" and self._ends(family, raw, mark):
                self._end(raw[at : mark.start()])
            elif kind == "o" and self._may_begin:
                before = raw[at : mark.start()]
                if not self._begins(before, raw, mark, last_end.get(family, -1)):
                    continue
                self._begin(before, family)
            else:
                continue
            at = mark.end()
        return self._finish(raw[at:])

    @property
    def _may_begin(self) -> bool:
        return self.within is None or (self.within == _ANY and not self.thoughts)

    def _begins(self, before: str, raw: str, mark: re.Match[str], last_end: int) -> bool:
        """Tell whether an opening mark begins a thought; others are spoken of."""
        if (self.blank or self.within == _ANY) and not before.strip():
            return True
        if self.within == _ANY:
            return False
        if (self.fences + before.count(FENCE)) % 2 == 1:
            self.spoken[str(mark.lastgroup)[1:]] += 1
            return False
        return mark.start() < last_end or _begins_line(raw, mark)

    def _ends(self, family: str, raw: str, mark: re.Match[str]) -> bool:
        """Tell whether a closing mark ends a thought; others are spoken of."""
        if self.within is not None:
            return self.within in (family, _ANY)
        if self.spoken[family]:
            self.spoken[family] -= 1
            return False
        # Without an opening mark, which the prompt may hold, all before is the thought.
        return not self.ended or _begins_line(raw, mark) or _ends_line(raw, mark)

    def _begin(self, before: str, family: str) -> None:
        if self.within is None:
            self._say(before)
        self.within = family

    def _end(self, before: str) -> None:
        if self.within is None:
            self.thoughts += self.said
            self.said, self.blank, self.fences = [], True, 0
        self.thoughts.append(before)
        self.within = None
        self.ended = True

    def _say(self, text: str) -> None:
        self.said.append(text)
        self.blank = self.blank and not text.strip()
        self.fences += text.count(FENCE)

    def _finish(self, rest: str) -> Split:
        unfinished = self.within is not None
        if unfinished:
            self.thoughts.append(rest)
        else:
            self._say(rest)
        thought = "\n".join(filter(None, map(str.strip, self.thoughts)))
        return Split(None if unfinished and self.blank else "".join(self.said), thought)


def _begins_line(raw: str, mark: re.Match[str]) -> bool:
    near = raw[max(0, mark.start() - _INDENT) : mark.start()].rstrip(" \t")
    return near.endswith("\n") or (not near and mark.start() <= _INDENT)


def _ends_line(raw: str, mark: re.Match[str]) -> bool:
    near = raw[mark.end() : mark.end() + _INDENT].lstrip(" \t")
    return near.startswith(("\n", "\r")) or (not near and len(raw) <= mark.end() + _INDENT)

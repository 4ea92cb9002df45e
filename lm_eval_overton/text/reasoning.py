"""Reasoning and answer of a response: what a model wrote for itself, and what it says."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from lm_eval_overton.text.forms import FENCE
from lm_eval_overton.text.reasoning_marks import FAMILIES, FINAL, WRAPPERS, Mark, marks_of

__all__ = ["Reasoning", "Split"]

# Stands for whichever family opened a thought.
_ANY = "any"
# Where such an answer begins in a line.
_WRAPPED = re.compile(
    rf"^[ \t]*(?:{'|'.join(re.escape(begin) for begin, _ in WRAPPERS)})",
    re.IGNORECASE | re.MULTILINE,
)
_FINAL = re.compile(rf"^[ \t]*{re.escape(FINAL)}", re.MULTILINE)
# Families that announce thought and answer at the very beginning alone: in words, with marks that
# are not a pair of their own, or folded away as a page shows them.
_ANNOUNCED = tuple(
    re.compile(rf"\s*{begin}(?P<thought>.*?)(?:{end}(?P<answer>.*)|\Z)", re.DOTALL | re.IGNORECASE)
    for begin, end in (
        (r"Here(?:'s| is) my (?:thought|thinking) process:", r"Here(?:'s| is) my response:"),
        (
            r"(?:<\|begin\|>assistant)?<\|think\|>",
            r"(?:<\|end\|>\s*(?:<\|begin\|>assistant)?<\|content\|>|<\|/think\|>)",
        ),
        (
            r'<details\b(?:[^<>]*\btype="reasoning"[^<>]*>|[^<>]*>\s*<summary>\s*'
            r"(?:thought|thinking|reasoning)\b[^<>]*</summary>)",
            r"</details>",
        ),
    )
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
        if found == Split(raw, ""):
            return _before_final(raw) or found
        if found.answer is None:
            return _set_apart(found.thought or "") or found
        if not found.thought:
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
    matches = (pattern.match(raw) for pattern in (_BARE_HARMONY, *_ANNOUNCED))
    found = next(filter(None, matches), None)
    return Split(found["answer"], found["thought"].strip()) if found else None


def _before_final(raw: str) -> Split | None:
    """Return what stands before and behind the mark of a family that marks the answer alone."""
    begin = _FINAL.search(raw)
    if not begin:
        return None
    return Split(_unwrapped(raw[begin.start() :]), raw[: begin.start()].strip())


def _set_apart(thought: str) -> Split | None:
    """Return the answer that has marks of its own in a thought that nothing ended."""
    begin = max((match.start() for match in _WRAPPED.finditer(thought)), default=0)
    return Split(_unwrapped(thought[begin:]), thought[:begin].strip()) if begin else None


def _unwrapped(answer: str) -> str:
    bare = answer.strip()
    for begin, end in WRAPPERS:
        if bare.lower().startswith(begin.lower()):
            inside = bare[len(begin) :]
            last = inside.lower().rfind(end.lower())
            return inside if last < 0 else inside[:last]
    return answer


class _Scan:
    """One pass over the marks of a response."""

    def __init__(self, rule: Reasoning) -> None:
        self.pairs = rule.pairs
        # Within which family's thought the text is; any family's where the prompt opened it.
        self.within: str | None = _ANY if rule.opened else None
        self.said: list[str] = []
        self.thoughts: list[str] = []
        self.ended = False
        # How many thoughts within the thought are open.
        self.inner = 0
        # Whether nothing is said so far, and how many fences stand in what is said.
        self.blank, self.fences = True, 0
        # Families of opening marks within code, whose closing marks are code too.
        self.spoken: Counter[str] = Counter()

    def split(self, raw: str) -> Split:
        """Return the reasoning and the answer of a response."""
        marks = marks_of(raw, self.pairs)
        self.last = {mark.family: mark for mark in marks if mark.kind == "c"}
        self.left = Counter((mark.kind, mark.family) for mark in marks)
        at = 0
        for mark in marks:
            self.left[mark.kind, mark.family] -= 1
            if mark.quoted:
                self.spoken[mark.family] += self.within is None
                continue
            if self._is_inner(mark):
                continue
            if mark.kind == "c" and self._ends(mark):
                self._end(raw[at : mark.start])
            elif mark.kind == "o" and self._may_begin:
                before = raw[at : mark.start]
                if not self._begins(before, mark):
                    continue
                self._begin(before, mark.family)
            else:
                continue
            at = mark.end
        return self._finish(raw[at:])

    def _is_inner(self, mark: Mark) -> bool:
        """Tell whether a mark is one of a thought within the thought."""
        if self.within != mark.family:
            return False
        if mark.kind == "c":
            inner = self.inner > 0
            self.inner -= inner
            return inner
        # It is one if closing marks enough are to come, of which the last is not spoken of.
        spare = self.left["c", mark.family] - self.left["o", mark.family]
        inner = spare > self.inner + 1 and self._closes_line(mark.family)
        self.inner += inner
        return inner

    def _closes_line(self, family: str) -> bool:
        last = self.last[family]
        return last.begins_line or last.ends_line

    @property
    def _may_begin(self) -> bool:
        return self.within is None or (self.within == _ANY and not self.thoughts)

    def _begins(self, before: str, mark: Mark) -> bool:
        """Tell whether an opening mark begins a thought; others are spoken of."""
        if (self.blank or self.within == _ANY) and not before.strip():
            return True
        if self.within == _ANY:
            return False
        if (self.fences + before.count(FENCE)) % 2 == 1:
            self.spoken[mark.family] += 1
            return False
        last = self.last.get(mark.family)
        return mark.begins_line or (last is not None and mark.start < last.start)

    def _ends(self, mark: Mark) -> bool:
        """Tell whether a closing mark ends a thought; others are spoken of."""
        if self.within is not None:
            return self.within in (mark.family, _ANY)
        if self.spoken[mark.family]:
            self.spoken[mark.family] -= 1
            return False
        # Without an opening mark, which the prompt may hold, all before is the thought.
        return not self.ended or mark.begins_line or mark.ends_line

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

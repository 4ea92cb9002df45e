"""Where an object stands in a reply: by itself, or within what is said around it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lm_eval_overton.judge.objects import Found
from lm_eval_overton.text.forms import FENCE
from lm_eval_overton.text.reasoning_marks import FAMILIES

__all__ = ["is_nothing_else", "stands_alone"]

_ENDS = "|".join(re.escape(end) for _, end in FAMILIES)
# What models and chat templates put around an answer, which says nothing.
_MARK = (
    rf"{_ENDS}|<\|[^<>|\n]*\|>|</?s>|<eos>|<end_of_turn>"
    r"|</?(?:answer|verdict|output|solution|json)>|\[/?(?:answer|verdict|json)\]"
)
# White space, punctuation and the name of a code fence may stand beside an object without a word.
_WORDLESS = re.compile(rf"(?:{_MARK}|[\W_]|json\b)*", re.IGNORECASE)
_OWN = r"(?:final |overall |own |requested |required |resulting )?(?:JSON )?"
_JSON = r"JSON(?: object| response| reply| output| format)?"
_VERDICT = rf"(?:verdict|judge?ment|rating|evaluation|assessment|conclusion|{_JSON})s?"
_HERE = r"(?:here(?:'s|’s| is)|this is) "
# How a judge leads to its own verdict, and to nothing that it quotes.
_LABEL = (
    rf"(?:(?:and|so|thus|therefore|hence)[, ]+)?"
    rf"(?:(?:{_HERE})?(?:(?:my|the) )?{_OWN}{_VERDICT}(?: (?:that )?you (?:requested|asked for))?"
    rf"|(?:{_HERE})?my {_OWN}(?:answer|output|reply|response)|final answer|so|thus|therefore|hence"
    r"|I(?:'d| would| will)? (?:rate|judge|score|assess|evaluate) (?:it|the (?:\w+ )?response)"
    r" as follows)(?: is)?(?:(?: in| as)(?: a)? JSON(?: format| object)?)?"
    r"[*_]{0,2} ?[:：]"
)
_LINE_START = re.compile(rf"(?:{_MARK}|[ \t#*_])*(?:{_LABEL})?(?:{_MARK}|[ \t*_])*", re.IGNORECASE)
_LINE_END = re.compile(rf"(?:{_MARK}|[ \t\r*_.])*", re.IGNORECASE)
_FENCES = re.compile(rf"{FENCE}`*|~{{3,}}")
_FENCE_NAME = re.compile(rf"(?:json[5cl]?)?(?:{_MARK}|\s)*", re.IGNORECASE)
# What may stand in the line before: a whole sentence, a heading, a rule, the end of a thought, or
# what leads to the judge's own verdict.
_CLOSED_LINE = re.compile(
    rf"[\W_]*|\s*#.*|.*(?:{_ENDS})\s*|.*[.!?…。！？।؟][\"'”’»)\]*_`]*\s*"
    rf"|(?:.*[.!?,;:] ?)?[\s#*_>]*{_LABEL}[*_\s]*",
    re.IGNORECASE,
)
_LIST_ITEM = re.compile(r"\s*(?:[-*•|]|\d{1,3}[.)])\s?.*")
# The last characters of a line say what it is.
_NEAR = 300


def is_nothing_else(attempts: Sequence[Found], text: str) -> bool:
    """Tell whether no word stands before, between or after objects.

    Args:
        attempts: The objects, in order.
        text: The text that they stand in.
    """
    ends = [0, *(found.end for found in attempts)]
    starts = [*(found.start for found in attempts), len(text)]
    return all(_WORDLESS.fullmatch(text, *gap) for gap in zip(ends, starts, strict=True))


def stands_alone(found: Found, text: str) -> bool:
    """Tell whether an object has its lines or a fence for itself, and is no part of a sentence.

    Args:
        found: The object.
        text: The text that it stands in.
    """
    fenced = _with_fence(found, text)
    if fenced is None:
        return False
    start, end = fenced
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    rest = (end, line_end if line_end >= 0 else len(text))
    if not _LINE_START.fullmatch(text, line_start, start) or not _LINE_END.fullmatch(text, *rest):
        return False
    labelled = bool(re.search(r"\w", text[line_start:start].partition(FENCE)[0]))
    return (labelled or _is_closed(text[:line_start])) and not _goes_on(text[rest[1] :])


def _with_fence(found: Found, text: str) -> tuple[int, int] | None:
    """Return where an object begins and ends, its fence included; None in a fence with words."""
    fences = list(_FENCES.finditer(text, 0, found.start))
    if len(fences) % 2 == 0:
        return found.start, found.end
    closing = _FENCES.search(text, found.end)
    inside_end = closing.start() if closing else len(text)
    named = _FENCE_NAME.fullmatch(text, fences[-1].end(), found.start)
    if not named or text[found.end : inside_end].strip():
        return None
    return fences[-1].start(), closing.end() if closing else len(text)


def _is_closed(before: str) -> bool:
    """Tell whether the last line of a text leads to nothing, or to the judge's own verdict."""
    line = before.rstrip()[-_NEAR:].rpartition("\n")[2]
    if _CLOSED_LINE.fullmatch(line):
        return True
    # An item of a list has no full stop; a sentence that leads to something has no empty line.
    empty_line = before.count("\n", len(before.rstrip())) > 1
    return empty_line and bool(_LIST_ITEM.fullmatch(line)) and not line.endswith((":", "："))


def _goes_on(after: str) -> bool:
    """Tell whether a text goes on with a sentence that began before it."""
    return after.lstrip(" \t\r\n*_`>,;-")[:1].islower()

"""Read a judge's reply: one verdict, or the reason why there is none.

The rules, in order:

1. No reply: `failed`.
2. A thought that never ends leaves nothing to read, and what stands in a thought is no verdict.
3. An *attempt* is an object at the top level of the reply, whole or broken. What stands inside
   a broken object is no attempt: it may be a quotation that the judge forgot to escape. An object
   that the reply never closes is broken too.
4. All attempts must be verdicts and give the same one, whatever stands between them: one of two
   different ones is a quotation, and nobody can tell which. So must what the words beside them
   say in the manner of `key: value`, and what stands in thoughts whose beginning does not show,
   since their end may be quoted too.
5. Where there are words beside the attempts, one of them must stand in lines or in a fence of its
   own and be no part of a sentence; a sentence may lead to it only with the judge's own verdict
   ("My verdict:"). And it must be none that the judged texts hold, plainly or encoded: a judge
   that speaks about an echo gives no verdict with it.
6. A reply that was cut off is a verdict only as one whole object and nothing else.
7. No attempt but echoes: `refused` if the reply opens with a refusal, else `unreadable`. Prose is
   never read as a label: "I cannot know" is not "no".

The price is that a verdict beside a differing quotation is lost. A lost verdict is counted and
widens the bounds of a mean; a wrong one would move the mean unseen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lm_eval_overton.judge.echoes import is_echo
from lm_eval_overton.judge.judgements import JUDGEMENTS, RELEASED
from lm_eval_overton.judge.objects import Found, objects
from lm_eval_overton.judge.prompts import Judgement
from lm_eval_overton.judge.standing import is_nothing_else, stands_alone
from lm_eval_overton.judge.verdicts import STATUSES, Status, Verdict
from lm_eval_overton.text.forms import FENCE
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.reasoning_marks import FAMILIES
from lm_eval_overton.text.refusals import is_refusal

if TYPE_CHECKING:
    from lm_eval_overton.judge.replies import Reply

__all__ = ["READING", "STATUSES", "Status", "Verdict", "choose", "parse", "parse_released"]

# Rises with each change of these rules, or of the shapes that quoting breaks up, that can move a
# verdict.
READING = 2

_BEGINS = "|".join(re.escape(begin) for begin, _ in FAMILIES)
_ENDS = "|".join(re.escape(end) for _, end in FAMILIES)
# A thought that shows from its first word on, and where it ends at the earliest: here the manners
# of speaking of `text.reasoning` stand beside the families' marks.
_OPENED = re.compile(
    rf"\s*(?:{_BEGINS}|<\|channel\|>\s*(?:analysis|commentary)|analysis\s*<\|message\|>"
    r"|(?-i:analysis(?=[^\W_]|[\"'“(*#]))|Here(?:'s| is) my (?:thought|thinking) process:)",
    re.IGNORECASE,
)
_CLOSED = re.compile(
    rf"{_ENDS}|<\|end\|>|<\|start\|>|assistant(?:final|commentary)|Here(?:'s| is) my response:",
    re.IGNORECASE,
)
_ANSWER_START = re.compile(rf"\s*(?:\{{|{FENCE})")
_LIKE_AN_OBJECT = re.compile(r"[:\"'“]")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_REFUSING = r"(?:can't|cannot|can not|won't|will not|am unable to|'m unable to|'m not able to)"
_REFUSAL = re.compile(
    rf"(?:(?:i'm |i am )?sorry|i apologi[sz]e)[,.;:]? (?:but )?i ?{_REFUSING}"
    rf"|i ?{_REFUSING} (?:assess|assist|comply|engage|evaluate|help|judge|rate|score)\b"
    r"|i (?:decline|refuse) to\b"
)
_REFUSAL_SENTENCES = 3


def parse(
    judgement: Judgement, reply: str | None, quoted: Sequence[str] = (), cut: bool = False
) -> Verdict:
    """Return the verdict of one reply, by the rules of this module.

    Args:
        judgement: What was asked.
        reply: The judge's text; None for a request that failed.
        quoted: The judged texts, so that a verdict echoed from them is not taken for the judge's.
        cut: Whether the reply ended because it had come to its longest.

    Returns:
        A verdict; its value depends on the judgement: a label (stance, equivalence), 1..5
        (missing), scores 1..5 or None by aspect (quality) or by position (viewpoints), lists of
        topics under "only_a", "only_b", "both" (topics).
    """
    return _parse(judgement.schema, reply, quoted, cut)


def choose(judgement: Judgement, loglikelihoods: Sequence[float | None]) -> Verdict:
    """Return the verdict of a judge that scored the labels instead of writing.

    Args:
        judgement: A judgement with labels.
        loglikelihoods: One per label, in their order; None or NaN where the request failed.

    Returns:
        The most likely label's verdict; `failed` if a value is missing, `unreadable` on a tie.

    Raises:
        ValueError: If there is not one value per label.
    """
    if not judgement.labels or len(loglikelihoods) != len(judgement.labels):
        raise ValueError(
            f"{judgement.name}: expected {len(judgement.labels)} log-likelihoods for the labels "
            f"({', '.join(judgement.labels) or 'it has none'}), got {len(loglikelihoods)}; "
            "score each label once, and other judgements in text mode"
        )
    scores = [value for value in loglikelihoods if value is not None and not math.isnan(value)]
    if len(scores) < len(loglikelihoods):
        return Verdict("failed", None, None)
    best = max(scores)
    if scores.count(best) > 1:
        return Verdict("unreadable", None, None)
    label = judgement.labels[scores.index(best)]
    return Verdict("parsed", judgement.schema.from_label(label).value(), label)


def parse_released(name: str, reply: str | None) -> Verdict:
    """Return the verdict of a GPT-4 judgement released with arXiv:2406.17692.

    Same rules and same values as `parse`; only the layout of the reply differs.

    Args:
        name: A judgement that was released.
        reply: One response string of the released file; None where it is null.

    Returns:
        A verdict as `parse` returns it.

    Raises:
        ValueError: If no judgement of that name was released.
    """
    if name not in RELEASED:
        raise ValueError(
            f"parse_released: expected one of {', '.join(RELEASED)}, got {name!r}; "
            "other judgements were not released"
        )
    return _parse(JUDGEMENTS[name].released_schema, reply)


@dataclass(frozen=True)
class _Answer:
    """What a reply says apart from its thoughts.

    Attributes:
        said: The answer, in which every object is an attempt.
        text: What its attempts are looked for in, and may have to stand alone in.
        beside: All of the reply but a thought that shows from its first word on.
        mark: What ended that thought.
    """

    said: str
    text: str
    beside: str
    mark: str = ""


def _parse(
    schema: type[Reply], reply: str | None, quoted: Sequence[str] = (), cut: bool = False
) -> Verdict:
    if reply is None:
        return Verdict("failed", None, None)
    answer = _without_thoughts(reply, quoted)
    value = _agreed(schema, answer)
    if value is not None and _is_given(answer, quoted, cut):
        return Verdict("parsed", value, reply)
    refused = _opens_with_refusal(answer.said) and (
        value is None or all(is_echo(found, quoted) for found in _own_attempts(answer))
    )
    return Verdict("refused" if refused else "unreadable", None, reply)


def _without_thoughts(reply: str, quoted: Sequence[str]) -> _Answer:
    if _ANSWER_START.match(reply):
        # The answer came at once; a mark further on is text that the judge speaks about.
        return _Answer(reply, reply, reply)
    said = Reasoning().split(reply).answer or ""
    if begin := _OPENED.match(reply):
        end = _CLOSED.search(reply, begin.end())
        return _Answer(said, said, reply[end.end() :], end.group()) if end else _Answer("", "", "")
    if said != reply and any(map(_ends_a_thought, quoted)):
        # The mark may be a quotation, and what stands before it the verdict.
        said = reply
    return _Answer(said, reply if said else "", reply)


def _ends_a_thought(text: str) -> bool:
    return bool(_CLOSED.search(text))


def _attempts(text: str) -> list[Found]:
    return [found for found in objects(text) if found.content or _is_broken_attempt(found)]


def _is_broken_attempt(found: Found) -> bool:
    """Tell a broken object from braces that stand for something else, as in a formula."""
    return found.content is None and bool(_LIKE_AN_OBJECT.search(found.text))


def _own_attempts(answer: _Answer) -> list[Found]:
    """Return the attempts that stand in no thought, where they stand."""
    said = {found.text for found in _attempts(answer.said)}
    return [found for found in _attempts(answer.text) if found.text in said]


def _agreed(schema: type[Reply], answer: _Answer) -> Any:
    """Return the one value that all attempts give; None if there is none or another."""
    attempts = _attempts(answer.said)
    values = [_value(schema, found) for found in attempts]
    if not values or None in values:
        return None
    drafts = [_value(schema, found) for found in _attempts(answer.beside)]
    others = [value for value in (*values, *drafts) if value is not None]
    others += _in_words(schema, attempts[-1], answer.said)
    return values[0] if all(value == values[0] for value in others) else None


def _value(schema: type[Reply], found: Found) -> Any:
    """Return the plain value of an attempt; None if it does not meet the schema."""
    return schema.read(found.content)


def _in_words(schema: type[Reply], found: Found, text: str) -> list[Any]:
    """Return what an attempt would give if it said what the words beside say: "score: 5"."""
    others = objects(text)
    gaps = zip(
        [0, *(one.end for one in others)], [*(one.start for one in others), None], strict=True
    )
    words = "\n".join(text[start:end] for start, end in gaps)
    keys = "|".join(key for key in schema.model_fields if key != "reason")
    said = re.findall(
        rf"\b({keys})\b[\s\"'`*_)]{{0,6}}[:=>|：][\s\"'`*_>|(]{{0,6}}(\w+)", words, re.IGNORECASE
    )
    content = found.content or {}
    values = [schema.read({**content, key.casefold(): word}) for key, word in said]
    return [value for value in values if value is not None]


def _is_given(answer: _Answer, quoted: Sequence[str], cut: bool) -> bool:
    """Tell whether attempts that agree are the judge's verdict, by where they stand."""
    attempts, text = _own_attempts(answer), answer.text
    if is_nothing_else(attempts, text):
        # What ended the thought may be a quotation that goes on with the object.
        escaped = answer.mark and any(is_echo(one, quoted, answer.mark) for one in attempts)
        return not escaped and (len(attempts) == 1 or not cut)
    alone = [found for found in attempts if not cut and stands_alone(found, text)]
    return any(not is_echo(found, quoted) for found in alone)


def _opens_with_refusal(answer: str) -> bool:
    """Tell whether one of the first sentences, before any object, is a refusal."""
    opening = answer.partition("{")[0]
    plain = opening.lower().replace("’", "'").strip()
    sentences = [re.sub(r"^\W+", "", part) for part in _SENTENCE_END.split(plain)]
    # What only a judge refuses to do, and what anybody does.
    judging = any(map(_REFUSAL.match, sentences[:_REFUSAL_SENTENCES]))
    return judging or is_refusal(opening)

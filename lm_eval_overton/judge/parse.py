"""Read a judge's reply: one verdict, or the reason why there is none.

The rules, in order:

1. No reply: `failed`.
2. Reasoning up to the first `</think>` (or its like) is dropped; without its opening tag only if no
   judged text holds such a tag. Reasoning that never ends leaves nothing to read.
3. An *attempt* is an object at the top level of the reply, whole or broken, that names a key of
   the schema. What stands inside a broken object is no attempt: it may be a quotation that the
   judge forgot to escape. An object that the reply never closes is broken too.
4. Attempts that stand in the judged texts (`quoted`) are echoes and dropped, unless the reply is
   nothing else: a judge that speaks about an echo gives no verdict with it.
5. The last attempt decides. If it is broken or does not meet the schema (a key is missing, a
   score is out of range) the reply is `unreadable`, whatever came before: that may be an echo.
6. Attempts with different verdicts that follow each other without a word between them contradict
   each other: `unreadable`. With words between them the last one is the judge's conclusion.
7. No attempt: `refused` if the reply opens with a refusal, else `unreadable`. Prose is never read
   as a label: "I cannot know" is not "no".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pydantic import ValidationError

from lm_eval_overton.judge.judgements import JUDGEMENTS
from lm_eval_overton.judge.prompts import Judgement, Reply, as_data
from lm_eval_overton.judge.verdicts import STATUSES, Status, Verdict
from lm_eval_overton.text.refusals import is_refusal

__all__ = ["STATUSES", "Status", "Verdict", "choose", "parse", "parse_released"]

_BRACE = re.compile(r"[{}]")
_REASONING_START = re.compile(r"\s*(?:<(?:think|thinking|reasoning)>|\[THINK\])", re.IGNORECASE)
_REASONING_END = re.compile(r"</(?:think|thinking|reasoning)>|\[/THINK\]", re.IGNORECASE)
_ANSWER_START = re.compile(r"\s*(?:\{|```)")
# White space, punctuation and the name of a code fence may separate two objects without a word.
_WORDLESS = re.compile(r"(?:[\W_]|json\b)*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_REFUSING = r"(?:can't|cannot|can not|won't|will not|am unable to|'m unable to|'m not able to)"
_REFUSAL = re.compile(
    rf"(?:(?:i'm |i am )?sorry|i apologi[sz]e)[,.;:]? (?:but )?i ?{_REFUSING}"
    rf"|i ?{_REFUSING} (?:assess|assist|comply|engage|evaluate|help|judge|rate|score)\b"
    r"|i (?:decline|refuse) to\b"
)
_REFUSAL_SENTENCES = 3


@dataclass(frozen=True)
class _Object:
    """An object in a text; `content` is None if it is broken, `canonical` compares contents."""

    start: int
    end: int
    content: dict[str, Any] | None = None
    canonical: str = ""


def parse(judgement: Judgement, reply: str | None, quoted: Sequence[str] = ()) -> Verdict:
    """Return the verdict of one reply, by the rules of this module.

    Args:
        judgement: What was asked.
        reply: The judge's text; None for a request that failed.
        quoted: The judged texts, so that a verdict echoed from them is not taken for the judge's.

    Returns:
        A verdict; its value depends on the judgement: a label (stance, equivalence), 1..5
        (missing), scores 1..5 or None by aspect (quality) or by position (viewpoints), lists of
        topics under "only_a", "only_b", "both" (topics).
    """
    return _parse(judgement.schema, reply, quoted)


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
    released = {own.name: own.released for own in JUDGEMENTS.values() if own.released}
    if name not in released:
        raise ValueError(
            f"parse_released: expected one of {', '.join(released)}, got {name!r}; "
            "other judgements were not released"
        )
    return _parse(released[name], reply)


def _parse(schema: type[Reply], reply: str | None, quoted: Sequence[str] = ()) -> Verdict:
    if reply is None:
        return Verdict("failed", None, None)
    answer = _without_reasoning(reply, quoted)
    found = [found for found in _objects(answer) if _is_attempt(found, answer, schema)]
    # As the judge saw them.
    attempts = _without_echoes(found, answer, [as_data(text) for text in quoted])
    if not attempts:
        return Verdict("refused" if _opens_with_refusal(answer) else "unreadable", None, reply)
    value = _conclusion(schema, answer, attempts)
    return Verdict("unreadable" if value is None else "parsed", value, reply)


def _without_reasoning(reply: str, quoted: Sequence[str]) -> str:
    """Return the answer after a reasoning model's thoughts; empty if they never end."""
    if _ANSWER_START.match(reply):
        # The answer came at once; a closing tag further on is text that the judge speaks about.
        return reply
    opened = bool(_REASONING_START.match(reply))
    # Many chat templates write the opening tag themselves; but a tag may be a quotation too.
    may_end = opened or not any(map(_REASONING_END.search, quoted))
    if may_end and (end := _REASONING_END.search(reply)):
        return reply[end.end() :]
    return "" if opened else reply


def _objects(text: str) -> list[_Object]:
    """Return the objects at the top level of a text, in order, broken ones included.

    The end of a broken object is where its braces balance. If a closing brace is left over later
    on, one of them stood in a string, and the broken object reaches to that brace at least.
    """
    found: list[_Object] = []
    start = depth = position = 0
    while brace := _BRACE.search(text, position):
        at, position = brace.start(), brace.end()
        if depth:
            depth += 1 if brace.group() == "{" else -1
            if depth == 0:
                found.append(_Object(start, position))
        elif brace.group() == "}":
            found = _stretched(found, position)
        elif whole := _decode(text, at):
            found.append(whole)
            position = whole.end
        else:
            start, depth = at, 1
    return [*found, _Object(start, len(text))] if depth else found


def _stretched(found: list[_Object], end: int) -> list[_Object]:
    """Return the objects with the first broken one, if any, reaching to `end`."""
    for i, earlier in enumerate(found):
        if earlier.content is None:
            return [*found[:i], _Object(earlier.start, end)]
    return found


def _decode(text: str, at: int) -> _Object | None:
    """Return the object that starts at a brace; None if it is not JSON."""
    try:
        content, end = _DECODER.raw_decode(text, at)
        # Made here because it fails on the same depths of nesting as decoding does.
        canonical = json.dumps(content, sort_keys=True)
    except (ValueError, RecursionError):
        return None
    return _Object(at, end, content, canonical)


def _without_contradiction(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's content; a key given twice with different values breaks it."""
    content = dict(pairs)
    if any(content[key] != value for key, value in pairs):
        raise ValueError("expected each key once, got one twice; ask the judge again")
    return content


# Not strict: judges write line breaks into strings.
_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_without_contradiction)


def _is_attempt(found: _Object, text: str, schema: type[Reply]) -> bool:
    if found.content is not None:
        return not schema.model_fields.keys().isdisjoint(found.content)
    keys = "|".join(map(re.escape, schema.model_fields))
    return bool(re.search(rf"\b(?:{keys})\b\\?[\"']?\s*:", text[found.start : found.end]))


def _without_echoes(attempts: list[_Object], answer: str, texts: Sequence[str]) -> list[_Object]:
    """Return the attempts that the judged texts do not hold; all, if there is nothing else."""
    known = {whole.canonical for text in texts for whole in _all_decodable(text)}
    own = [
        attempt
        for attempt in attempts
        if attempt.canonical not in known
        and not any(answer[attempt.start : attempt.end] in text for text in texts)
    ]
    return own or (attempts if _is_nothing_else(attempts, answer) else [])


def _is_nothing_else(attempts: Sequence[_Object], answer: str) -> bool:
    """Tell whether no word stands before, between or after the attempts."""
    ends = [0, *(attempt.end for attempt in attempts)]
    starts = [*(attempt.start for attempt in attempts), len(answer)]
    return all(_WORDLESS.fullmatch(answer, *gap) for gap in zip(ends, starts, strict=True))


def _all_decodable(text: str) -> Iterable[_Object]:
    """Yield every object of a text, those inside others or inside broken ones included."""
    for brace in _BRACE.finditer(text):
        if whole := _decode(text, brace.start()):
            yield whole


def _conclusion(schema: type[Reply], answer: str, attempts: Sequence[_Object]) -> Any:
    """Return the value of the last attempt; None if it has none or an equal rival."""
    values = [_value(schema, attempt) for attempt in attempts]
    pairs = list(zip(attempts, values, strict=True))
    for (earlier, rival), (later, _) in reversed(list(pairwise(pairs))):
        if not _WORDLESS.fullmatch(answer, earlier.end, later.start):
            break
        if rival is not None and rival != values[-1]:
            return None
    return values[-1]


def _value(schema: type[Reply], attempt: _Object) -> Any:
    """Return the plain value of an attempt; None if it does not meet the schema."""
    try:
        return schema.model_validate(attempt.content).value()
    except ValidationError:
        return None


def _opens_with_refusal(answer: str) -> bool:
    """Tell whether one of the first sentences, before any object, is a refusal."""
    opening = answer.partition("{")[0]
    plain = opening.lower().replace("’", "'").strip()
    sentences = [re.sub(r"^\W+", "", part) for part in _SENTENCE_END.split(plain)]
    # What only a judge refuses to do, and what anybody does.
    judging = any(map(_REFUSAL.match, sentences[:_REFUSAL_SENTENCES]))
    return judging or is_refusal(opening)

"""What a results file keeps of each prompt beside its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

from lm_eval_overton.data.tags import TAGS

__all__ = ["DETAIL", "is_detail"]

# What each is, for messages.
DETAIL = (
    '{"sha": text, "reference_sha": text, "tags": texts, "covered": lists of positions '
    'or null, "classes": positions or null, "answers": positions or nulls, "stated": '
    'numbers, "ratings": numbers or null, "scale": {"most": number, "bar": number}, '
    '"question": text, "shares": numbers or null by option, "refusal": positions, '
    '"groups": {"name": texts, and lists as long}, "verdicts": lists by judgement}'
)


def is_detail(value: Any) -> bool:
    """Tell whether a value that was read is what is kept of a prompt."""
    if not isinstance(value, dict):
        return False
    for key, own in value.items():
        check = _ALONE.get(key)
        if check is not None and not check(own):
            return False
    return all(
        check(value.get(first, []), value.get(second))
        for first, second, check in _TOGETHER
        if first in value or second in value
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_tags(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) and tag for tag in value)


def _are_covered(value: Any) -> bool:
    """Tell whether there are lists of positions and nulls."""
    if not isinstance(value, list):
        return False
    lists = [own for own in value if own is not None]
    return all(isinstance(own, list) for own in lists) and _are_positions([*chain(*lists)])


def _are_positions(value: Any) -> bool:
    # Files hold very many of these: no loop of Python's own.
    return isinstance(value, list) and set(map(type, value)) <= {int} and min(value, default=0) >= 0


def _are_classes(value: Any) -> bool:
    return value is None or _are_positions(value)


def _are_verdicts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(own, list) for own in value.values())


def _are_answers(answers: Any, stated: Any) -> bool:
    """Tell whether there are positions or nulls, and of each position a number if of any."""
    if not isinstance(answers, list) or not _are_positions([a for a in answers if a is not None]):
        return False
    if stated is None:
        return True
    size = len(stated) if isinstance(stated, list) and all(map(_is_share, stated)) else 0
    return size > max((answer for answer in answers if answer is not None), default=0)


def _is_share(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _are_ratings(ratings: Any, scale: Any) -> bool:
    """Tell whether there are numbers or nulls, and with any also what they are to be read with."""
    if not isinstance(ratings, list) or not all(_is_number(own) or own is None for own in ratings):
        return False
    if scale is None:
        return not ratings
    return isinstance(scale, dict) and all(_is_number(scale.get(k)) for k in ("most", "bar"))


def _are_shares(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number(v) or v is None for v in value.values())


def _are_groups(value: Any) -> bool:
    """Tell whether columns have one value per group: its name, numbers and shares, or nulls."""
    if value is None:
        return True
    needed = {"name", "people", "weight", "match"}
    if not isinstance(value, dict) or not needed <= set(value):
        return False
    if not isinstance(value["name"], list):
        return False
    names, others = value["name"], [own for key, own in value.items() if key != "name"]
    return all(isinstance(name, str) for name in names) and all(
        isinstance(own, list) and len(own) == len(names) and all(map(_is_of_group, own))
        for own in others
    )


def _is_of_group(value: Any) -> bool:
    is_shares = isinstance(value, list) and all(_is_number(own) or own is None for own in value)
    return value is None or _is_number(value) or is_shares


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


# What each key may hold, and what two of them may hold beside each other; any may be left out.
_ALONE: Mapping[str, Callable[[Any], bool]] = {
    "sha": _is_text,
    "reference_sha": _is_text,
    "question": _is_text,
    TAGS: _are_tags,
    "covered": _are_covered,
    "classes": _are_classes,
    "shares": _are_shares,
    "refusal": _are_positions,
    "groups": _are_groups,
    "verdicts": _are_verdicts,
}
_TOGETHER: Sequence[tuple[str, str, Callable[[Any, Any], bool]]] = (
    ("answers", "stated", _are_answers),
    ("ratings", "scale", _are_ratings),
)

"""Questions all answers to which are known: the packaged ones, and the user's own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from lm_eval_overton.data import PromptSet, load_prompts
from lm_eval_overton.data.rows import short
from lm_eval_overton.errors import DataError
from lm_eval_overton.text.closed_answers import answer_words

__all__ = ["load_enumerable"]


def load_enumerable(source: str) -> PromptSet:
    """Load questions with closed sets of answers: the packaged `enumerable`, or the user's file.

    Args:
        source: As for `load_prompts`; each record also holds `answers`, a list of at least two,
            each of which is a list of its names, or its one name. `weights`, one positive number
            for each answer, say how often each should be given; without them all the same.

    Returns:
        The questions; `answers` are lists of names in each, `weights` None where there are none.

    Raises:
        DataError: As `load_prompts`, and with the question's id if its answers are malformed.
    """
    found = load_prompts(source)
    for doc in found.docs:
        where = f"{source}: {doc['id']!r}"
        doc["answers"] = _groups(doc.get("answers"), where)
        _require_apart(doc["answers"], where)
        doc["weights"] = _weights(doc.get("weights"), len(doc["answers"]), where)
    return found


def _groups(answers: Any, where: str) -> list[list[str]]:
    if not isinstance(answers, list) or len(answers) < 2:
        got = short(answers) if answers is not None else "none"
        raise DataError(
            f'{where}: expected "answers", a list of at least two answers, each a list of its '
            f'names, such as [["The Netherlands", "Holland"], ["Belgium"]], got {got}'
        )
    return [_names(own, where) for own in answers]


def _names(own: Any, where: str) -> list[str]:
    names = [own] if isinstance(own, str) else own
    if not isinstance(names, list) or not names:
        raise DataError(
            f'{where}: expected each of "answers" to be a string or a list of strings, got '
            f"{short(own)}; write numbers as strings"
        )
    for name in names:
        if not isinstance(name, str) or not answer_words(name):
            raise DataError(
                f"{where}: expected each name of an answer to be a string with a letter, a number "
                f"or a symbol in it, got {short(name)}; write numbers as strings"
            )
    return names


def _require_apart(answers: Sequence[Sequence[str]], where: str) -> None:
    first: dict[tuple[str, ...], tuple[int, str]] = {}
    for position, name in _numbered(answers):
        known, other = first.setdefault(answer_words(name), (position, name))
        if known != position:
            raise DataError(
                f"{where}: expected every answer once, got {other!r} (answer {known + 1}) and "
                f"{name!r} (answer {position + 1}), which cannot be told apart; case, accents, "
                "articles and punctuation do not count"
            )


def _numbered(answers: Sequence[Sequence[str]]) -> Iterator[tuple[int, str]]:
    for position, names in enumerate(answers):
        for name in names:
            yield position, name


def _weights(given: Any, n: int, where: str) -> list[float] | None:
    if given is None:
        return None
    if not isinstance(given, list) or len(given) != n:
        got = f"{len(given)} of them" if isinstance(given, list) else short(given)
        raise DataError(
            f'{where}: expected "weights", one positive number for each of the {n} answers, got '
            f"{got}"
        )
    for weight in given:
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not 0 < weight < math.inf:
            raise DataError(
                f'{where}: expected "weights" to be positive numbers, got {short(weight)}; leave '
                "out the answers that should never be given"
            )
    return [float(weight) for weight in given]

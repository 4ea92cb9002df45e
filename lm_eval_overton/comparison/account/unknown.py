"""What could not be said of a pair, why, and the command that would provide it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lm_eval_overton.comparison.account.breadth import in_words
from lm_eval_overton.comparison.aligned import DIVERSITY, ICL
from lm_eval_overton.comparison.compared import Pair
from lm_eval_overton.metrics.measures.reference import MISSING_FROM_REFERENCE

__all__ = ["unknown"]

ON_BOTH = f"run `lm_eval --tasks {DIVERSITY} ...` on both"
# Where a reason names no command.
REMEDIES = {
    "change": ON_BOTH,
    "quality": f"{ON_BOTH} with more samples, `--metadata '{{\"n_samples\": 10}}'`, and complete "
    "both with `overton judge RUN --judge JUDGE.yaml`",
    "breadth": ON_BOTH,
    "missing": f'{ON_BOTH}, the second with `--metadata \'{{"reference_run": "BASE_RUN"}}\'`',
    "recovered": f"run `lm_eval --tasks {ICL}zeroshot,{ICL}fixed ...` on the base model",
}


def unknown(topic: str, question: str, pair: Pair, is_said: bool) -> Iterator[tuple[str, str]]:
    """Yield what of a topic could not be told, and why, with the command for it.

    Args:
        topic: A key of the account's topics.
        question: The topic in words.
        pair: The pair.
        is_said: Whether anything is said of it.
    """
    if not pair.rows and topic != "recovered":
        # A run of in-context tasks alone was not asked for more.
        return
    if topic == "breadth":
        # Each of the two measures has a command of its own.
        found = [(in_words(gain.what), gain.why) for gain in pair.gains if gain.change is None]
    else:
        reasons = dict.fromkeys([] if is_said else _reasons(topic, pair))
        found = [(question, reason) for reason in reasons]
    if not found and not is_said:
        found = [(question, REMEDIES[topic])]
    for what, why in found:
        yield what, why if "`" in why else f"{why}: {REMEDIES[topic]}"


def _reasons(topic: str, pair: Pair) -> Iterator[str]:
    for shift in pair.shifts:
        # Of the coverage task the same is asked once more.
        is_asked = topic != "missing" or shift.metric == MISSING_FROM_REFERENCE.name
        if shift.group == topic and is_asked and math.isnan(shift.value.estimate):
            yield shift.note

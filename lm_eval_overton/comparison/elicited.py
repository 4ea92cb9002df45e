"""What a better prompt brings out: beside a model's first answers, and against what it states.

A model that is asked for several answers with their probabilities states a distribution; samples
of the same prompt, asked for directly, show another one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import Both
from lm_eval_overton.comparison.compared import UNDEFINED, Shift
from lm_eval_overton.errors import OvertonError
from lm_eval_overton.matchers.equivalence.equivalence import Answers, PairEquivalence
from lm_eval_overton.matchers.equivalence.lexical import ExactEquivalence, Rouge1Equivalence
from lm_eval_overton.metrics.formulas import closed_answers
from lm_eval_overton.metrics.formulas.survey import js_distance
from lm_eval_overton.metrics.measures.classes import DISTINCT_K
from lm_eval_overton.metrics.measures.closed_answers import METRICS as CLOSED_ANSWERS
from lm_eval_overton.runs.answers import valid_texts
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.settings.signature import fields

__all__ = ["GROUP", "accessible", "calibrated", "shifts"]

GROUP = "elicited"
PART = "accessible without elicitation"
# The name of a value that two runs have together, and none alone.
CALIBRATION = "elicit_calibration"
STATED = "stated probabilities against direct samples"


def shifts(
    tasks: Mapping[str, Both], base: FinishedRun, run: FinishedRun, seed: int
) -> list[Shift]:
    """Return per task that one run elicits and the other does not what is accessible directly."""
    return [
        _shift(task, both, (base, run), seed)
        for task, both in tasks.items()
        if _is_direct(both.base.signature) != _is_direct(both.run.signature)
    ]


def _is_direct(signature: str) -> bool:
    return "elicit" not in fields(signature)


def _shift(task: str, both: Both, runs: Sequence[FinishedRun], seed: int) -> Shift:
    if _is_closed(both):
        return _calibration(task, both, seed)
    same = _same(both)
    if same is None:
        why = "both runs need one equivalence of words, rouge1 or exact: score the responses anew"
        return Shift(GROUP, PART, DISTINCT_K.name, UNDEFINED, f"{task}: {why}")
    try:
        texts = valid_texts(runs, task)
    except OvertonError as error:
        return Shift(GROUP, PART, DISTINCT_K.name, UNDEFINED, f"{task}: {error}")
    if not _is_direct(both.base.signature):
        texts.reverse()
    ids = [both.base.ids[i] for i in both.base_at]
    n = int(fields(both.base.signature)["n"])
    counts = [accessible(texts[0].get(key, []), texts[1].get(key, []), n, same) for key in ids]
    rows = np.array([own for own in counts if own is not None], dtype=np.float64).reshape(-1, 2)
    note = f"{len(ids) - len(rows)} of {len(ids)} prompts lack {n} samples in both runs"
    if not len(rows):
        return Shift(GROUP, PART, DISTINCT_K.name, UNDEFINED, f"{task}: {note}")
    value = stats.statistic_interval(rows, stats.ratio_of_means, np.random.default_rng(seed))
    return Shift(GROUP, PART, DISTINCT_K.name, value, note if len(rows) < len(ids) else "")


def _same(both: Both) -> PairEquivalence | None:
    named = {fields(own.signature).get("same", "") for own in (both.base, both.run)}
    if len(named) != 1:
        return None
    name, _, threshold = named.pop().partition(">")
    if name == Rouge1Equivalence.NAME:
        return Rouge1Equivalence(float(threshold))
    return ExactEquivalence() if name == ExactEquivalence.NAME else None


def _is_closed(both: Both) -> bool:
    """Tell whether all answers are known, so that they are no classes of samples."""
    names = {metric.name for metric in CLOSED_ANSWERS}
    return bool(names & {*both.base.values, *both.run.values})


def _calibration(task: str, both: Both, seed: int) -> Shift:
    pairs = [(both.base, both.base_at), (both.run, both.run_at)]
    if not _is_direct(both.base.signature):
        pairs.reverse()
    direct, elicited = ([own.details[i] for i in at] for own, at in pairs)
    known = [calibrated(*own) for own in zip(direct, elicited, strict=True)]
    found = [value for value in known if not math.isnan(value)]
    note = (
        f"{len(known) - len(found)} of {len(known)} prompts lack a valid direct sample or stated "
        "probabilities (elicit verbalized asks for them)"
    )
    if not found:
        return Shift(GROUP, STATED, CALIBRATION, UNDEFINED, f"{task}: {note}")
    value = stats.mean_interval(found, np.random.default_rng(seed), limits=(0, 1))
    return Shift(GROUP, STATED, CALIBRATION, value, note if len(found) < len(known) else "")


def calibrated(direct: Mapping[str, Any], elicited: Mapping[str, Any]) -> float:
    """Return how near what is stated of a closed set of answers is to direct samples of them.

    Args:
        direct: What is kept of a prompt, asked for directly.
        elicited: What is kept of it where the replies state probabilities.

    Returns:
        One minus the Jensen-Shannon distance (base 2), in [0, 1]; NaN where one of them has no
        distribution.
    """
    labels, stated = direct.get("answers") or [], elicited.get("stated") or []
    if not stated or max(closed_answers.valid(labels), default=len(stated)) >= len(stated):
        return math.nan
    return 1 - float(
        js_distance(closed_answers.shares(labels, len(stated)), closed_answers.of_total(stated))
    )


def accessible(
    direct: Sequence[str], elicited: Sequence[str], n: int, same: PairEquivalence
) -> tuple[int, int] | None:
    """Return the classes of a prompt's direct samples, and of these and the elicited ones together.

    Args:
        direct: Its samples, asked for directly.
        elicited: Its samples in the other run.
        n: How many of each count: the first.
        same: What makes two samples the same.

    Returns:
        None where either has fewer than n samples.
    """
    if min(len(direct), len(elicited)) < n:
        return None
    labels = same.labels(Answers((*direct[:n], *elicited[:n])))
    # Classes are built in order, so that those of the first n are theirs alone.
    return len(set(labels[:n])), len(set(labels))

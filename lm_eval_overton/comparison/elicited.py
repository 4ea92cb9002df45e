"""How many of a model's answers its first ones are, beside what a better prompt brings out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import Both
from lm_eval_overton.comparison.compared import UNDEFINED, Shift
from lm_eval_overton.errors import OvertonError
from lm_eval_overton.matchers.equivalence.equivalence import Answers, PairEquivalence
from lm_eval_overton.matchers.equivalence.lexical import ExactEquivalence, Rouge1Equivalence
from lm_eval_overton.metrics.measures.classes import DISTINCT_K
from lm_eval_overton.runs.answers import valid_texts
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.settings.signature import fields

__all__ = ["GROUP", "accessible", "shifts"]

GROUP = "elicited"
PART = "accessible without elicitation"


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

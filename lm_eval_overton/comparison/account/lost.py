"""What is said of the base's words that a run no longer says."""

from __future__ import annotations

import math

from lm_eval_overton import stats
from lm_eval_overton.comparison.account.phrases import by, is_clear, of_prompts, with_bounds
from lm_eval_overton.comparison.aligned import DIVERSITY
from lm_eval_overton.comparison.broader import whose
from lm_eval_overton.comparison.compared import Compared, Pair
from lm_eval_overton.metrics.measures.reference import MISSING_FROM_REFERENCE

__all__ = ["no_longer_said"]

PARTS = ("split", "split - held_out", "chance - split")


def no_longer_said(compared: Compared, pair: Pair) -> str:
    """Return how much of the base's words a run lacks, beside what the base itself lacks."""
    parts = {
        shift.part: shift.value
        for shift in pair.shifts
        if (shift.group, shift.metric) == ("missing", MISSING_FROM_REFERENCE.name)
        and not math.isnan(shift.value.estimate)
    }
    if not all(part in parts for part in PARTS):
        return ""
    base = _whose(compared, pair)
    split, beyond, chance = (parts[part] for part in PARTS)
    lacks = f"Of the words in half of the samples of {base}, those of {pair.run} lack "
    lacks += f"{with_bounds(split)} ({of_prompts(split.n)})"
    return f"{lacks}{_beside(base, beyond)}{_beside_chance(chance)}."


def _whose(compared: Compared, pair: Pair) -> str:
    run = next(own for own in compared.runs if own.name == pair.run)
    return whose(compared.runs[0], run.tasks.get(DIVERSITY))


def _beside(base: str, beyond: stats.Interval) -> str:
    if not is_clear(beyond):
        shown = with_bounds(beyond, is_difference=True)
        return f"; between that and what {base} itself lacks no difference can be seen ({shown})"
    if beyond.estimate > 0:
        return f", {by(beyond)} more than its own other samples lack: so much is no longer said"
    return f", {by(beyond)} less than its own other samples lack: no loss of words can be seen"


def _beside_chance(chance: stats.Interval) -> str:
    if not is_clear(chance) or chance.estimate < 0:
        return "; answers to other prompts cannot be seen to lack more"
    return f"; answers to other prompts lack {by(chance)} more"

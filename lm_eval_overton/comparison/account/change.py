"""What is said of the difference between samples, and how much of its change was bad answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lm_eval_overton import stats
from lm_eval_overton.comparison import noise
from lm_eval_overton.comparison.account.phrases import (
    by,
    changed,
    is_clear,
    moved,
    of_prompts,
    told,
    with_bounds,
)
from lm_eval_overton.comparison.aligned import DIVERSITY
from lm_eval_overton.comparison.classes import GROUP as CLASSES
from lm_eval_overton.comparison.classes import PARTS as OF_CLASSES
from lm_eval_overton.comparison.compared import Compared, Pair, Row
from lm_eval_overton.comparison.quality import PARTS
from lm_eval_overton.metrics.measures.classes import DISTINCT_K
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY

__all__ = ["between", "of_bad_answers", "row_of"]

DIFFERENT = {
    SEMANTIC_DIVERSITY.name: "semantic diversity",
    LEXICAL_DIVERSITY.name: "lexical diversity",
    DISTINCT_K.name: "the number of different answers to a prompt",
}
ENOUGH = "where both have two or more answers above the quality bar"
Parts = Mapping[str, stats.Interval]


def row_of(pair: Pair, metric: str) -> Row | None:
    """Return how a metric of a pair moved: in the diversity task, else in the first that has it."""
    rows = [row for row in pair.headline if row.metric == metric and row.paired.n]
    rows.sort(key=lambda row: row.task != DIVERSITY)
    return rows[0] if rows else None


def between(_: Compared, pair: Pair) -> str:
    """Return how much less, or more, the samples of a run differ than those of the base."""
    found = {what: row for metric, what in DIFFERENT.items() if (row := row_of(pair, metric))}
    if not found:
        return ""
    rows = list(found.values())
    parts = "; ".join(changed(what, row) for what, row in found.items())
    return f"{_verdict(rows, pair)}: {parts}.{_noise(rows, pair)}"


def _verdict(rows: Sequence[Row], pair: Pair) -> str:
    clear = {moved(row.change) for row in rows if row.paired.is_clear}
    if len(clear) == 2:
        return f"How much the samples of {pair.run} differ did not move one way"
    if not clear:
        return f"Between the samples of {pair.run} and those of {pair.base} nothing can be told"
    less = "less" if clear == {"fell"} else "more"
    return f"The samples of {pair.run} differ {less} from each other than those of {pair.base}"


def _noise(rows: Sequence[Row], pair: Pair) -> str:
    more = max(noise.gains(pair.headline).values(), default=0.0)
    rose = any(row.paired.is_rise for row in rows)
    if not more or not rose:
        return ""
    return (
        f" Part of this may be noise: answers of one or two words, single letters or loops are "
        f"{more:.3f} more of all answers."
    )


def of_bad_answers(_: Compared, pair: Pair) -> str:
    """Return how much of a change quality control explains, and what remains."""
    known = {metric: _parts(pair, "quality", metric, PARTS) for metric in DIFFERENT}
    said = {DIFFERENT[metric]: own for metric, own in known.items() if own}
    if not said:
        classes = _parts(pair, CLASSES, DISTINCT_K.name, OF_CLASSES)
        return _above_and_below(classes) if classes else ""
    raws = [own[PARTS[0]] for own in said.values()]
    same = len({raw.n for raw in raws}) == 1
    on = f"On the {of_prompts(raws[0].n)} {ENOUGH}" if same else f"On prompts {ENOUGH}"
    return f"{on}: {'; '.join(_explained(what, own, not same) for what, own in said.items())}."


def _parts(pair: Pair, group: str, metric: str, names: Sequence[str]) -> Parts:
    found = {
        shift.part: shift.value
        for shift in pair.shifts
        if (shift.group, shift.metric) == (group, metric) and not math.isnan(shift.value.estimate)
    }
    return found if all(name in found for name in names) else {}


def _explained(what: str, parts: Parts, with_n: bool) -> str:
    raw, explained, remaining = (parts[name] for name in PARTS)
    if not is_clear(raw):
        rest = f", and {_remains(raw, remaining)}" if is_clear(remaining) else ""
        return told(what, raw) + rest
    way = "fall" if raw.estimate < 0 else "rise"
    on = f" ({of_prompts(raw.n)})" if with_n else ""
    first = f"of the {way} of {by(raw)} in {what}{on}"
    return f"{first} {_of_quality(raw, explained)}, and {_remains(raw, remaining)}"


def _of_quality(raw: stats.Interval, explained: stats.Interval) -> str:
    if not is_clear(explained):
        shown = with_bounds(explained, is_difference=True)
        return f"no part can be seen to come from bad answers ({shown})"
    if (explained.estimate < 0) == (raw.estimate < 0):
        return f"bad answers account for {by(explained)}"
    return f"bad answers hide some: without them it is {by(explained)} larger"


def _remains(raw: stats.Interval, remaining: stats.Interval) -> str:
    if not is_clear(remaining):
        shown = with_bounds(remaining, is_difference=True)
        return f"among good answers alone no difference can be seen ({shown})"
    if is_clear(raw) and (remaining.estimate < 0) == (raw.estimate < 0):
        return f"{by(remaining)} remains among good answers alone"
    return f"among good answers alone it {moved(remaining)} by {by(remaining)}"


def _above_and_below(parts: Parts) -> str:
    whole, above, below = (parts[name] for name in OF_CLASSES)
    what = DIFFERENT[DISTINCT_K.name]
    if not is_clear(whole):
        return f"On prompts with ratings, {told(what, whole)}."
    sides = (("above", above), ("below", below))
    said = " and ".join(
        f"those {side} the quality bar {moved(value)} by {by(value)}"
        if is_clear(value)
        else f"no difference can be seen in those {side} the quality bar "
        f"({with_bounds(value, is_difference=True)})"
        for side, value in sides
    )
    way = "fall" if whole.estimate < 0 else "rise"
    return f"Within the {way} of {by(whole)} in {what} ({of_prompts(whole.n)}), {said}."

"""What is said of one answer: whether it covers more, or is only longer."""

from __future__ import annotations

from collections.abc import Iterator

from lm_eval_overton.comparison import noise
from lm_eval_overton.comparison.account.change import row_of
from lm_eval_overton.comparison.account.phrases import by, listed, moved, of_prompts, told
from lm_eval_overton.comparison.compared import Compared, Gain, Pair
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1, COVERAGE_ECHO
from lm_eval_overton.metrics.measures.units import UNITS_AT_1_CLUSTERS, UNITS_AT_1_WORDS
from lm_eval_overton.stats.shown import number

__all__ = ["in_words", "of_one_answer"]

LENGTHS = {UNITS_AT_1_WORDS.name: "content words", UNITS_AT_1_CLUSTERS.name: "sentence clusters"}


def of_one_answer(_: Compared, pair: Pair) -> str:
    """Return whether one answer of a run covers more than one of the base, with the numbers."""
    known = [gain for gain in pair.gains if gain.change is not None]
    longer = _longer(pair)
    if not known:
        return f"{longer}, which says nothing of what it covers." if longer else ""
    said = "; ".join(_covers(gain) for gain in known)
    levels = "".join(_levels(pair))
    return f"{_verdict(known, pair, bool(longer))}: {said}.{levels}{longer and f' {longer}.'}"


def _verdict(known: list[Gain], pair: Pair, is_longer: bool) -> str:
    clear = {moved(gain.change.interval) for gain in known if gain.change and gain.change.is_clear}
    if noise.gains(pair.headline):
        return "Whether one answer covers more cannot be said, since more answers are noise"
    if len(clear) == 2:
        return "Whether one answer covers more depends on what is asked of it"
    if clear == {"rose"}:
        return f"One answer covers more{', and is not only longer' if is_longer else ''}"
    if clear == {"fell"}:
        return f"One answer covers less{', though it is longer' if is_longer else ''}"
    if is_longer:
        return "One answer is longer, but that it covers more cannot be seen"
    return "That one answer covers more or less cannot be seen"


def _covers(gain: Gain) -> str:
    change = gain.change
    assert change is not None
    what = in_words(gain.what)
    if not change.is_clear:
        return told(what, change.interval, change.p_value)
    return f"{what} {moved(change.interval)} by {by(change.interval)}, on {of_prompts(change.n)}"


def in_words(what: str) -> str:
    """Return what is covered with the names of metrics in words."""
    names = {
        COVERAGE_AT_1.name: "the share of the viewpoints that one answer covers",
        COVERAGE_ECHO.name: "its echo",
    }
    for name, words in names.items():
        what = what.replace(name, words)
    return what


def _levels(pair: Pair) -> Iterator[str]:
    own, echo = row_of(pair, COVERAGE_AT_1.name), row_of(pair, COVERAGE_ECHO.name)
    if own is None:
        return
    levels = f"{number(own.paired.mean_a)} of the viewpoints, one of {pair.base} "
    yield f" One answer of {pair.run} covers {levels}{number(own.paired.mean_b)}"
    if echo is not None:
        yield ", and the question repeated without an opinion (its echo) "
        yield number(echo.paired.mean_a)
    yield f" ({of_prompts(own.paired.n)})."


def _longer(pair: Pair) -> str:
    """Return how much longer one answer is for sure; empty if it is not."""
    rows = {what: row_of(pair, name) for name, what in LENGTHS.items()}
    more = [
        f"{by(row.change)} more {what} ({of_prompts(row.paired.n)})"
        for what, row in rows.items()
        if row is not None and row.paired.is_rise
    ]
    return f"One answer holds {listed(more)}" if more else ""

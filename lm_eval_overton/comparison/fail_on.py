"""What changed by more than was allowed: the expressions of `--fail-on`."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lm_eval_overton import stats
from lm_eval_overton.comparison.compared import Compared, Pair, Row
from lm_eval_overton.errors import SettingsError

__all__ = ["Failure", "fails", "failures", "require_readable"]

EXPRESSION = re.compile(r"\s*(?:(\w+)\.)?([A-Za-z_]\w*)\s*([<>])\s*(\S+)\s*")


@dataclass(frozen=True)
class Failure:
    """A metric of a pair that changed by more than was allowed, wholly beyond a bound."""

    pair: Pair
    row: Row
    bound: float

    def __str__(self) -> str:
        paired = self.row.paired
        return (
            f"{self.pair.run} against {self.pair.base}: {self.row.task}.{self.row.metric} changed "
            f"by {paired.difference:.3f} [{paired.ci_low:.3f}, {paired.ci_high:.3f}], wholly "
            f"beyond {self.bound:g} (p = {paired.p_value:.2g}, n = {paired.n})"
        )


def fails(compared: Compared, expressions: Sequence[str]) -> list[str]:
    """Return what changed by more than was allowed, one line each; see `failures`."""
    return [str(failure) for failure in failures(compared, expressions)]


def require_readable(expressions: Sequence[str]) -> None:
    """Raise a SettingsError at an expression that cannot be read, whatever the runs are."""
    for expression in expressions:
        _parsed(expression)


def failures(compared: Compared, expressions: Sequence[str]) -> list[Failure]:
    """Return what changed by more than was allowed.

    Args:
        compared: The runs.
        expressions: Such as `semantic_diversity<-0.05` or `overton_coverage.coverage_at_1<-.1`: a
            failure if the interval of the difference, run minus base, lies wholly beyond and its
            p-value is below 5 %.

    Raises:
        SettingsError: If an expression cannot be read, names no metric of a pair, the difference
            has no interval, or no pair has metrics.
    """
    return [one for expression in expressions for one in _failures(compared, expression)]


def _failures(compared: Compared, expression: str) -> list[Failure]:
    task, metric, beyond, bound = _parsed(expression)
    found = []
    # A pair without rows is a run of in-context tasks only.
    pairs = [pair for pair in compared.pairs if pair.rows]
    if not pairs:
        raise SettingsError(
            f"--fail-on {expression}: expected a run with a task in common with the base, got "
            "in-context runs only: it cannot be checked"
        )
    for pair in pairs:
        rows = [row for row in pair.rows if row.metric == metric and task in (None, row.task)]
        if not rows:
            raise _unknown(expression, task, metric, pair)
        found += [
            Failure(pair, row, bound)
            for row in rows
            if (paired := _sure(row, expression)).p_value < stats.TEST_LEVEL and beyond(paired)
        ]
    return found


def _parsed(
    expression: str,
) -> tuple[str | None, str, Callable[[stats.Comparison], bool], float]:
    match = EXPRESSION.fullmatch(expression)
    try:
        bound = float(match[4]) if match else math.nan
    except ValueError:
        bound = math.nan
    if match is None or not math.isfinite(bound):
        raise SettingsError(
            f"--fail-on: expected METRIC<NUMBER or METRIC>NUMBER, got {expression!r}; write for "
            "example 'semantic_diversity<-0.05'"
        )
    if match[3] == "<":
        return match[1], match[2], lambda paired: paired.ci_high < bound, bound
    return match[1], match[2], lambda paired: paired.ci_low > bound, bound


def _unknown(expression: str, task: str | None, metric: str, pair: Pair) -> SettingsError:
    full = sorted({f"{row.task}.{row.metric}" for row in pair.rows})
    names = full if task else sorted({row.metric for row in pair.rows})
    near = difflib.get_close_matches(f"{task}.{metric}" if task else metric, names, n=3, cutoff=0.5)
    there = f"near: {', '.join(near)}" if near else f"there are: {', '.join(names)}"
    why = _why(task, metric, pair)
    return SettingsError(
        f"--fail-on {expression}: expected a metric of {pair.base} and {pair.run}, got "
        f"{metric!r}; {'; '.join(why) or there}"
    )


def _why(task: str | None, metric: str, pair: Pair) -> list[str]:
    """Return the notes that say why a metric, or the whole task, is no row."""
    is_there = task is None or any(row.task == task for row in pair.rows)
    named = {metric, task or metric} if is_there else {str(task)}
    notes = [note for note in pair.notes if named.issubset(re.findall(r"\w+", note))]
    return [note for note in notes if is_there or "left out" in note]


def _sure(row: Row, expression: str) -> stats.Comparison:
    if row.paired.n < stats.FEWEST_PAIRS:
        raise SettingsError(
            f"--fail-on {expression}: expected at least {stats.FEWEST_PAIRS} prompts on which both "
            f"runs define {row.metric}, since fewer cannot have p < {stats.TEST_LEVEL:g}, got "
            f"{row.paired.n}: it cannot be checked"
        )
    return row.paired

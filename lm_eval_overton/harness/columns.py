"""A task's values on their way through the harness: a row per prompt in, a column of all out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import Any

from lm_eval_overton import stats
from lm_eval_overton.harness.entry_points import defined, overton_mean
from lm_eval_overton.metrics.measures import whole_of
from lm_eval_overton.metrics.metric import Whole
from lm_eval_overton.metrics.score import BOUNDS, Values, score_and_keep
from lm_eval_overton.metrics.view import Bench, Prompt
from lm_eval_overton.runs.entry import PROMPTS

__all__ = ["Columns"]

Gathered = MutableMapping[str, list[Any]]
Aggregation = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True)
class Columns:
    """The names of what a task has for each prompt.

    Attributes:
        metrics: Keys of `METRICS`.
        bounded: Those of them that have a worst and a best case beside them.
        counts: Names of the verdict counts.
    """

    metrics: Sequence[str]
    bounded: AbstractSet[str]
    counts: Sequence[str]

    def rows(self, prompts: Sequence[Prompt], bench: Bench) -> dict[str, dict[str, Any]]:
        """Score prompts; return each one's row by its id.

        Args:
            prompts: All prompts of this process, judged.
            bench: What is common to them.

        Raises:
            OvertonError: If a model that a metric needs cannot be loaded.
        """
        names = [*self.metrics, *self.counts]
        scored = score_and_keep(prompts, names, bench, self.bounded)
        return {
            prompt.doc["id"]: self._row(prompt.doc["id"], values, kept)
            for prompt, (values, kept) in zip(prompts, scored, strict=True)
        }

    def _row(self, key: str, values: Values, kept: Mapping[str, Any]) -> dict[str, Any]:
        # All that is to be gathered from other processes must be in a row of the table: what is
        # kept of the prompt beside its values, too.
        row: dict[str, Any] = {PROMPTS: {"id": key, **kept}}
        for name in self.metrics:
            value = values[name]
            # What fills the metric's error and its count follows it.
            row |= {name: value, f"{name}_stderr": None, f"{name}_n": int(value is not None)}
            if name in self.bounded:
                row |= {f"{name}_{fill}": values[f"{name}_{fill}"] for fill in BOUNDS}
        return row | {name: values[name] for name in self.counts}

    def aggregations(self, gathered: Gathered) -> dict[str, Aggregation]:
        """Return the aggregation of each key of a row.

        Args:
            gathered: Takes up the columns of metrics, counts and `PROMPTS`: the values of all
                processes pass through the aggregations, and only there.
        """
        keep = partial(partial, _keep, gathered)
        table: dict[str, Aggregation] = {PROMPTS: keep(PROMPTS, len)}
        for name in self.metrics:
            table[name] = keep(name, overton_mean)
            counted: Aggregation = sum
            if whole := whole_of(name):
                table[name] = partial(_of_all, gathered, name, whole)
                counted = partial(_count, gathered, name)
            # The harness has no error for an aggregation that it does not know: this key's value
            # takes the place of its "N/A".
            table[f"{name}_stderr"] = partial(_stderr, gathered, name)
            table[f"{name}_n"] = counted
            if name in self.bounded:
                table |= {f"{name}_{fill}": overton_mean for fill in BOUNDS}
        return table | {name: keep(name, _total) for name in self.counts}


def _keep(gathered: Gathered, name: str, aggregate: Aggregation, values: Sequence[Any]) -> Any:
    gathered[name] = list(values)
    return aggregate(values)


def _of_all(gathered: Gathered, name: str, whole: Whole, _: Sequence[Any]) -> float | None:
    """Return a value that only all prompts have, and take up what each adds to it."""
    parts = whole(gathered[PROMPTS])
    gathered[name] = [None if math.isnan(part) else part for part in parts]
    value: float | None = overton_mean(gathered[name])
    return value


def _count(gathered: Gathered, name: str, _: Sequence[Any]) -> int:
    return len(defined(gathered[name]))


def _stderr(gathered: Gathered, name: str, _: Sequence[Any]) -> float | str:
    error = stats.standard_error(gathered[name])
    return "N/A" if math.isnan(error) else error


def _total(values: Sequence[float | None]) -> int:
    return int(sum(value or 0 for value in values))

"""Results as the harness's table shows them well: in an order that reads, counts in one row.

The harness sorts the rows of a task by their names, each metric beside its count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lm_eval_overton.metrics.headline import FEW, headline_of, in_reading_order
from lm_eval_overton.metrics.score import BOUNDS
from lm_eval_overton.runs.entry import PROMPTS, part_of

__all__ = ["few", "ours", "readable"]

STDERR, COUNT = "_stderr", "_n"
# What the harness's table does not show as rows.
ABOUT = ("alias", "name", "sample_len")


class _Placed(str):
    """A key that is sorted by its place, not by its letters."""

    place: int

    def __new__(cls, text: str, place: int) -> _Placed:
        """Return a text with a place."""
        key = super().__new__(cls, text)
        key.place = place
        return key

    def __lt__(self, other: str) -> bool:
        return self.place < other.place if isinstance(other, _Placed) else super().__lt__(other)


def ours(results: Mapping[str, Any]) -> list[str]:
    """Return the tasks of a results dictionary that are ours and have scores, in its order."""
    configs = results.get("configs") or {}
    return [task for task in results.get("results") or {} if part_of(configs.get(task)) is not None]


def readable(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return a results dictionary for `make_table`, in which our tasks' rows read well.

    The headline stands first, what the samples are like last. One row says how many prompts there
    are; a metric that is defined on others says on how many in its name.
    """
    shown: dict[str, Any] = {**results, "results": dict(results.get("results") or {})}
    shown["higher_is_better"] = dict(results.get("higher_is_better") or {})
    for task in ours(results):
        row = _Row(results["results"][task])
        names = row.labels()
        directions = shown["higher_is_better"].get(task) or {}
        better = {label: directions.get(name) for name, label in names.items()}
        shown["higher_is_better"][task] = {**directions, **better}
        shown["results"][task] = row.placed(names)
    return shown


def few(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the results of each task, of ours the few numbers that are to be followed over runs:
    headline metrics that are defined, their errors, and the number of prompts."""
    own = set(ours(results))
    return {
        task: _Row(values).few() if task in own else values
        for task, values in (results.get("results") or {}).items()
    }


class _Row:
    """The results of one of our tasks.

    Args:
        values: As the harness has them, by metric and filter.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._about = {key: value for key, value in values.items() if key in ABOUT}
        rest = [key for key in values if key not in ABOUT]
        self._filter = next((key.partition(",")[2] for key in rest), "")
        self._values = {key.partition(",")[0]: values[key] for key in rest}
        self._prompts = self._values.get(PROMPTS)

    @property
    def metrics(self) -> list[str]:
        """The metrics, in the order of reading."""
        own = self._values
        return in_reading_order(name for name in own if f"{name}{COUNT}" in own)

    def labels(self) -> dict[str, str]:
        """Return how each row is called, in the order of rows."""
        metrics = self.metrics
        labels = {name: self._label(name) for metric in metrics for name in self._rows_of(metric)}
        errors = {f"{name}{STDERR}" for name in self._values}
        counts = {f"{name}{COUNT}" for name in metrics}
        others = [name for name in self._values if name not in errors | counts | set(labels)]
        # Of verdicts there may be sixteen counts, most of them of what did not happen.
        return labels | {name: name for name in others if self._values[name] or name == PROMPTS}

    def _rows_of(self, metric: str) -> Iterator[str]:
        bounds = (f"{metric}_{fill}" for fill in BOUNDS)
        yield from (metric, *(name for name in bounds if name in self._values))

    def _label(self, name: str) -> str:
        n = self._values.get(f"{name}{COUNT}", self._prompts)
        return name if n == self._prompts else f"{name} (n={n})"

    def placed(self, labels: Mapping[str, str]) -> dict[str, Any]:
        """Return the rows under their labels and in their order, each with its error."""
        rows: dict[str, Any] = dict(self._about)
        for place, (name, label) in enumerate(labels.items()):
            rows[_Placed(f"{label},{self._filter}", place)] = self._values[name]
            # Counts have none.
            if f"{name}{COUNT}" in self._values:
                error = self._values.get(f"{name}{STDERR}", "N/A")
                rows[_Placed(f"{label}{STDERR},{self._filter}", place)] = error
        return rows

    def few(self) -> dict[str, Any]:
        """Return the headline: of each metric its value and its error as far as it has one."""
        own = self._values
        names = headline_of(name for name in self.metrics if own[name] is not None)[:FEW]
        keys = [key for name in names for key in (name, f"{name}{STDERR}")]
        found = {key: own[key] for key in [*keys, PROMPTS] if not isinstance(own.get(key), str)}
        return {f"{key},{self._filter}": value for key, value in found.items() if value is not None}

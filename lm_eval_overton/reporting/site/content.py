"""The data of a site: small where every visitor loads them, whole where two models are compared."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm_eval_overton.comparison.by_tag import HEADLINE
from lm_eval_overton.comparison.leaderboard import Board, Standings, by_tag, standings
from lm_eval_overton.comparison.leaderboard.board import reason_of
from lm_eval_overton.comparison.references import against_itself
from lm_eval_overton.metrics.measures import REGISTRY, limits_of
from lm_eval_overton.metrics.measures.classes import DISTINCT_K, QUALITY_HEADS, QUALITY_MEAN
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.quality import HELPFULNESS
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.metrics.measures.units import UNITS_AT_1_WORDS
from lm_eval_overton.metrics.metric import OTHER, SAMPLES
from lm_eval_overton.reporting.html import script_json
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.short_paths import short_model
from lm_eval_overton.settings.signature import FRAME, fields
from lm_eval_overton.stats import FEWEST_PAIRS, Array

__all__ = ["Site"]

# So many digits are more than a table shows, and a third of what a number has.
DIGITS = 6
# Of each the first that most models have is an axis of the figure of quality and diversity.
ACROSS = (SEMANTIC_DIVERSITY, DISTINCT_K, LEXICAL_DIVERSITY)
QUALITY = (QUALITY_MEAN, HELPFULNESS, QUALITY_HEADS)
# Without a quality: how much of what can be said one answer says.
WITHIN = (COVERAGE_AT_1, UNITS_AT_1_WORDS)


@dataclass(frozen=True)
class Site:
    """What a site shows.

    Attributes:
        runs: The runs, of different names.
        boards: Their boards, the one that is shown first in front.
        seed: Of the resamples.
        metric: The metric that sorts at first; empty for the first of the headline.
    """

    runs: Sequence[FinishedRun]
    boards: Sequence[Board]
    seed: int
    metric: str = ""

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each data file, and its text."""
        known: list[dict[str, Any]] = []
        for k, board in enumerate(self.boards):
            about = self._about(k, board)
            found = standings(board, self.seed)
            about["plane"] = _plane(board, found)
            yield _file(f"board-{k}", self._table(board, found))
            for j, (tag, keys, own) in enumerate(by_tag(board)):
                table = self._table(own, standings(own, self.seed))
                table["prompts"] = _places(board, keys)
                yield _file(f"board-{k}-tag-{j}", table)
                about["tags"].append([tag, len(keys)])
            known.append(about)
        for i, run in enumerate(self.runs):
            yield _file(f"run-{i}", self._run(run))
        yield _file("index", self._index(known))

    # ------------------------------------------------------------------------------ what all load

    def _index(self, boards: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        state = np.random.default_rng(self.seed).bit_generator.state["state"]
        names = dict.fromkeys(metric for board in self.boards for metric in board.metrics)
        return {
            "random": {key: f"{number:x}" for key, number in state.items()},
            "fewest": FEWEST_PAIRS,
            "samples": SAMPLES,
            "runs": [[run.name, _size(run)] for run in self.runs],
            "metrics": {name: _metric(name) for name in names},
            "boards": list(boards),
        }

    def _about(self, k: int, board: Board) -> dict[str, Any]:
        return {
            "key": str(k),
            "task": board.task,
            "signature": board.signature,
            "n": len(board.results),
            "prompts": len(_ids(board)),
            "by": self._first_metric(board),
            "columns": [name for name in board.metrics if _is_shown(name)],
            "notes": list(board.notes),
            "tags": [],
        }

    def _first_metric(self, board: Board) -> str:
        if self.metric in board.metrics:
            return self.metric
        shown = [name for name in board.metrics if _is_shown(name)] or list(board.metrics)
        # The first of those that most models have.
        return max(shown, key=lambda name: sum(name in o.values for o in board.results.values()))

    def _table(self, board: Board, found: Standings) -> dict[str, Any]:
        """Return the cells of a board, metric by metric, each with one value per run."""
        places = {run.name: i for i, run in enumerate(self.runs)}
        names = list(board.results)
        return {
            "runs": [places[name] for name in names],
            "frames": [_frame(board.results[name]) for name in names],
            "alarms": [len(board.results[name].alarms) for name in names],
            "better": dict(board.metrics),
            "cells": {metric: _cells(own, names) for metric, own in found.items()},
            "missing": {
                metric: why
                for metric, own in found.items()
                if (why := _missing(board, metric, own))
            },
        }

    # -------------------------------------------------------------------------------- of one model

    def _run(self, run: FinishedRun) -> dict[str, Any]:
        boards = {
            str(k): _values(board, run.tasks[board.task])
            for k, board in enumerate(self.boards)
            if run.name in board.results
        }
        return {"boards": boards}


def _file(key: str, value: Any) -> tuple[str, str]:
    return f"{key}.js", f"Board.take({script_json(key)},{script_json(value)});\n"


def _is_shown(name: str) -> bool:
    return name in HEADLINE or (name in REGISTRY and REGISTRY[name].on_leaderboard)


def _size(run: FinishedRun) -> int | None:
    return max((own.parameters or 0 for own in run.tasks.values()), default=0) or None


def _metric(name: str) -> list[Any]:
    """Return what it says, its range in words, its heading, and its limits where it has both."""
    [limits] = limits_of([name])
    known = list(limits) if all(map(math.isfinite, limits)) else None
    if name not in REGISTRY:
        return ["", "", OTHER, known]
    own = REGISTRY[name]
    return [own.says, str(own.range), own.family, known]


def _ids(board: Board) -> dict[str, int]:
    """Return the prompts of a board with their positions."""
    ids = dict.fromkeys(key for own in board.results.values() for key in own.ids)
    return {key: i for i, key in enumerate(ids)}


def _places(board: Board, keys: AbstractSet[str]) -> list[int]:
    return [i for key, i in _ids(board).items() if key in keys]


def _plane(board: Board, found: Standings) -> list[str] | None:
    """Return the axes of the figure of quality and diversity; None without both."""
    y = _held(ACROSS, found)
    x = _held(QUALITY, found) or _held(WITHIN, found)
    return [x, y] if x and y else None


def _held(candidates: Sequence[Any], found: Standings) -> str | None:
    counts = [len(found.get(metric.name, ())) for metric in candidates]
    return candidates[counts.index(max(counts))].name if any(counts) else None


def _frame(own: TaskResult) -> str:
    signed = fields(own.signature)
    words = ((key, signed[key]) for key in FRAME if key in signed)
    return " ".join(value if key == "frame" else f"{key}:{value}" for key, value in words)


def _cells(own: Mapping[str, Any], names: Sequence[str]) -> list[list[Any]]:
    """Return means, lower and upper bounds, counts, first and last ranks, null where undefined."""
    rows = [own.get(name) for name in names]
    scores = [row and row.score for row in rows]
    return [
        *([_short(getattr(s, key)) if s else None for s in scores] for key in BOUNDS),
        [s.n if s else 0 for s in scores],
        *([getattr(row, key) if row else 0 for row in rows] for key in ("first", "last")),
    ]


BOUNDS = ("estimate", "low", "high")


def _short(value: float) -> float | int | None:
    return None if math.isnan(value) else _plain(float(f"{value:.{DIGITS}g}"))


def _plain(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _missing(board: Board, metric: str, own: Mapping[str, Any]) -> dict[str, str]:
    """Return why runs are not ranked, by their places in the table."""
    return {
        str(i): reason_of(result, metric)
        for i, (name, result) in enumerate(board.results.items())
        if name not in own
    }


def _values(board: Board, own: TaskResult) -> dict[str, Any]:
    """Return what a model's page and its comparisons need of a task."""
    ids = _ids(board)
    left_out = against_itself(own)
    return {
        "prompts": [ids[key] for key in own.ids],
        "signature": own.signature,
        "judge": own.judge.signature if own.judge else None,
        "model": short_model(own.model),
        "alarms": list(own.alarms),
        "values": {
            name: _column(own.values[name])
            for name in board.metrics
            if name in own.values and name not in left_out
        },
    }


def _column(values: Array) -> list[float | int | None]:
    return [None if math.isnan(value) else _plain(value) for value in values.tolist()]

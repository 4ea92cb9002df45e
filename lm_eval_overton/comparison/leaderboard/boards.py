"""All that finished runs can be ranked by: per task and settings every metric of every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import means, verdict_counts
from lm_eval_overton.comparison.by_tag import HEADLINE, most_frequent, prompts_by_tag
from lm_eval_overton.comparison.leaderboard.board import (
    aligned_values,
    direction_of,
    is_ranked,
    ranked,
)
from lm_eval_overton.comparison.leaderboard.columns import comparable
from lm_eval_overton.comparison.leaderboard.settings import (
    Results,
    equal_settings,
    shared_signature,
)
from lm_eval_overton.comparison.tagged import tags_of
from lm_eval_overton.metrics.measures import REGISTRY, limits_of
from lm_eval_overton.runs.finished import FinishedRun
from lm_eval_overton.runs.responses import DEFAULT_TASK

__all__ = ["Board", "Standing", "Standings", "boards_of", "by_tag", "standings"]


@dataclass(frozen=True)
class Board:
    """What may be ranked together: the runs of one task with equal settings.

    Attributes:
        task: The task.
        signature: What the runs' signatures have in common.
        results: The task's result of each run by its name.
        metrics: Per metric that all runs which have it measure alike, whether higher is better;
            None where neither direction is.
        tags: The tags of each prompt that has any.
        notes: Which metrics are left out, and why.
    """

    task: str
    signature: str
    results: Results
    metrics: Mapping[str, bool | None]
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Standing:
    """A run's mean of a metric, and the ranks that it can have; see `stats.rank_ranges`."""

    score: stats.Interval
    first: int
    last: int


# By metric and run; a run that cannot be ranked by a metric is not there.
Standings = Mapping[str, Mapping[str, Standing]]


def boards_of(runs: Sequence[FinishedRun]) -> list[Board]:
    """Return the boards that runs of different names make, that of most runs first.

    Of equally large ones that of the diversity task comes first, then by name.
    """
    tasks = {task for run in runs for task in run.tasks}
    found = [
        _board(task, group, tags_of([run for run in runs if run.name in group])[task])
        for task in sorted(tasks, key=lambda name: (name != DEFAULT_TASK, name))
        for group in equal_settings({r.name: r.tasks[task] for r in runs if task in r.tasks})
    ]
    return sorted(found, key=lambda board: -len(board.results))


def _board(task: str, results: Results, tags: Mapping[str, tuple[str, ...]]) -> Board:
    counts = {name for own in results.values() for name in verdict_counts(own)}
    held = dict.fromkeys(name for own in results.values() for name in own.values)
    names = [name for name in REGISTRY if name in held]
    names += [name for name in held if name not in REGISTRY and name not in counts]
    kept, notes = comparable(names, results)
    metrics = {
        name: direction_of(name, {key: own for key, own in results.items() if name in own.values})
        for name in kept
    }
    return Board(task, shared_signature(results), results, metrics, tags, notes)


def by_tag(board: Board) -> Iterator[tuple[str, AbstractSet[str], Board]]:
    """Yield the most frequent tags with their prompts and the board of the headline metrics there.

    Args:
        board: A board of all prompts.
    """
    metrics = {name: own for name, own in board.metrics.items() if name in HEADLINE}
    ids = [own.ids for own in board.results.values()]
    for tag, keys in most_frequent(prompts_by_tag(board.tags, *ids)).items() if metrics else ():
        results = {name: own.of_prompts(keys) for name, own in board.results.items()}
        asked = {name: own for name, own in results.items() if own.ids}
        yield tag, keys, replace(board, results=asked, metrics=metrics)


def standings(board: Board, seed: int = stats.SEED) -> Standings:
    """Return where each run of a board stands by each metric, the best first.

    Args:
        board: The board.
        seed: Of the resamples; every interval starts from it.
    """
    rows = {metric: _rows(board, metric) for metric in board.metrics}
    scores = {name: _scores(board, name, rows, seed) for name in board.results}
    return {
        metric: {
            name: Standing(scores[name][metric], rank.first, rank.last)
            for name, rank in ranked(aligned_values(own, metric), board.metrics[metric], seed)
        }
        for metric, own in rows.items()
    }


def _rows(board: Board, metric: str) -> Results:
    having = {name: own for name, own in board.results.items() if metric in own.values}
    return {name: own for name, own in having.items() if is_ranked(own, metric)}


def _scores(
    board: Board, name: str, rows: Mapping[str, Results], seed: int
) -> dict[str, stats.Interval]:
    metrics = [metric for metric, own in rows.items() if name in own]
    if not metrics:
        return {}
    columns = [board.results[name].values[metric] for metric in metrics]
    return dict(zip(metrics, means(columns, seed, limits_of(metrics)), strict=True))

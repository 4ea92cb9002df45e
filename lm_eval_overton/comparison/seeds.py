"""Several seeds of one recipe beside the base: their mean, and what they differ in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import Both, align, lacking, verdict_counts
from lm_eval_overton.comparison.compared import SAMPLES_TABLE, Compared, Pair, Row, Spread
from lm_eval_overton.comparison.likelihood import comparable
from lm_eval_overton.comparison.notes import Notes
from lm_eval_overton.comparison.pairs import compare
from lm_eval_overton.comparison.rows import corrected, rows_of
from lm_eval_overton.comparison.tagged import headline_of, left_out, tags_of
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.settings.signature import FRAME, differing
from lm_eval_overton.stats.seeds import over_seeds

__all__ = ["Group", "compare_groups"]


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed alone.

    Attributes:
        name: What tables call them together.
        runs: At least two.
    """

    name: str
    runs: tuple[FinishedRun, ...]


def compare_groups(
    base: FinishedRun,
    others: Sequence[FinishedRun | Group],
    *,
    force: bool = False,
    seed: int = stats.SEED,
) -> Compared:
    """Return every run and every group of seeds beside the base.

    Args:
        base: What the others are compared with.
        others: At least one, in training order.
        force: Compare runs of different settings and note the differences.
        seed: Of the resamples.

    Returns:
        One pair per run or group; of a group the pair has rows of the means of its seeds, no
        shifts. The runs hold every seed.

    Raises:
        OvertonError: As for `compare`, also of two seeds of a group, and if a group is called like
            the base or another of them.
    """
    _require_own_names(base, others)
    alone = [one for one in others if isinstance(one, FinishedRun)]
    plain = compare(base, alone, force=force, seed=seed) if alone or not others else None
    first, *told_apart = plain.runs if plain else [base]
    pairs = iter(zip(told_apart, plain.pairs if plain else (), strict=True))
    runs, found = [first], []
    for one in others:
        if isinstance(one, Group):
            runs += one.runs
            found.append(_pair(first, one, force, seed))
        else:
            run, pair = next(pairs)
            runs.append(run)
            found.append(pair)
    return Compared(tuple(runs), tuple(found))


def _require_own_names(base: FinishedRun, others: Sequence[FinishedRun | Group]) -> None:
    names = [base.name, *(one.name for one in others)]
    for one in others:
        if isinstance(one, Group) and names.count(one.name) > 1:
            raise SettingsError(
                f"{one.name}: expected a name of its own for a group of seeds, got it more than "
                "once; write another NAME before the sign ="
            )


def _pair(base: FinishedRun, group: Group, force: bool, seed: int) -> Pair:
    metrics, said = _comparable(base, group, force)
    everything = (base, *group.runs)
    tags = tags_of(everything)
    rows = _rows(everything, metrics, seed)
    if not rows:
        raise DataError(
            f"{group.name}: expected a metric and prompts that {base.name} and all seeds have, got "
            "none; run the same tasks on all"
        )
    # What all seeds have was looked at: the first stands for them.
    few = left_out(base, group.runs[0], tags)
    headline = _rows(headline_of(everything, tags), metrics, seed) if few else rows
    lines = tuple(f"{task}: {text}" for task, text in few.items())
    notes = (*_remarks(group, rows), *_alike(group), *_left(base, group), *said, *lines)
    return Pair(
        base.name, group.name, tuple(rows), (), notes, tuple(headline), lines,
        n_seeds=len(group.runs),
    )  # fmt: skip


def _comparable(
    base: FinishedRun, group: Group, force: bool
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return the metrics by task that the base and all seeds have, and what to know of them."""
    first, *rest = group.runs
    found: dict[str, tuple[str, ...]] | None = None
    said: dict[str, None] = {}
    for one, other in [*((base, run) for run in group.runs), *((first, run) for run in rest)]:
        notes = Notes(one, other, force)
        if one is first and not force:
            _require_one_frame(one, other)
        shared = [task for task in one.tasks if task in other.tasks]
        both = comparable(
            {task: align(one.tasks[task], other.tasks[task]) for task in shared}, notes
        )
        own = {task: notes.checked(pair).metrics for task, pair in both.items()}
        found = own if found is None else _in_both(found, own)
        if one is base:
            notes.add_alarms()
        said |= dict.fromkeys(notes.lines())
    return found or {}, list(said)


def _in_both(
    one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    tasks = [task for task in one if task in other]
    return {task: tuple(m for m in one[task] if m in other[task]) for task in tasks}


def _require_one_frame(one: FinishedRun, other: FinishedRun) -> None:
    """Refuse seeds that were asked in different ways, which of a base and a run is only noted."""
    for task, own in one.tasks.items():
        if task in other.tasks:
            found = differing(own.signature, other.tasks[task].signature)
            for key in (key for key in FRAME if key in found):
                raise SettingsError(
                    f"{task}: expected one {key} of all seeds, got {found[key][0]} in {one.name} "
                    f"and {found[key][1]} in {other.name}; run all alike, or use --force"
                )


# ------------------------------------------------------------------------------------------ rows


def _rows(
    runs: Sequence[FinishedRun], metrics: Mapping[str, tuple[str, ...]], seed: int
) -> list[Row]:
    rows = [
        row
        for task, names in metrics.items()
        for row in _of_task([run.tasks[task] for run in runs], names, seed)
    ]
    tables = dict.fromkeys([*metrics, SAMPLES_TABLE])
    return [row for table in tables for row in corrected([r for r in rows if r.table == table])]


def _of_task(results: Sequence[TaskResult], metrics: Sequence[str], seed: int) -> Iterator[Row]:
    base, *seeds = results
    kept = set(base.ids).intersection(*(own.ids for own in seeds))
    keys = [key for key in base.ids if key in kept]
    if not keys or not metrics:
        return
    values = {metric: np.stack([_at(own, metric, keys) for own in seeds]) for metric in metrics}
    # Undefined for a seed is undefined for the mean: others would stand for more than themselves.
    means = {metric: own.mean(axis=0) for metric, own in values.items()}
    mean = replace(seeds[0], ids=tuple(keys), values=means, details=tuple({} for _ in keys))
    both = align(base, mean)
    for row in rows_of(replace(both, metrics=tuple(metrics)), seed, {}):
        yield _with_seeds(row, both, values[row.metric])


def _at(result: TaskResult, metric: str, keys: Sequence[str]) -> stats.Array:
    place = {key: i for i, key in enumerate(result.ids)}
    return result.values[metric][[place[key] for key in keys]]


def _with_seeds(row: Row, both: Both, values: stats.Array) -> Row:
    """Return a row whose difference is as sure as seeds and prompts let it be.

    It is never surer than over prompts alone: the interval is at least that, p at least as large.
    """
    base, _ = both.aligned(row.metric)
    changes = values - base
    changes = changes[:, ~np.isnan(changes).any(axis=0)]
    if changes.shape[1] < 2:
        return row
    found, paired = over_seeds(changes), row.paired
    level = paired.mean_b
    spread = Spread(
        found.n_seeds, found.sd, level + found.low, level + found.high, paired.interval,
        found.p_seeds,
    )  # fmt: skip
    low, high = found.interval.low, found.interval.high
    p_value = paired.p_value if found.interval.low == found.interval.high else found.p_value
    sure = replace(
        paired,
        ci_low=min(paired.ci_low, low),
        ci_high=max(paired.ci_high, high),
        p_value=max(paired.p_value, p_value),
        detectable=paired.detectable * _wider(paired, low, high),
    )
    return replace(row, paired=sure, p_holm=sure.p_value, seeds=spread)


def _wider(paired: stats.Comparison, low: float, high: float) -> float:
    """Return how much wider an interval is than that over prompts, at least 1."""
    width = paired.ci_high - paired.ci_low
    return max(1.0, (high - low) / width) if width > 0 else 1.0


def _remarks(group: Group, rows: Sequence[Row]) -> Iterator[str]:
    """Yield what is not as certain as the prompts alone say."""
    k = len(group.runs)
    of = [row for row in rows if row.seeds]
    p_values = stats.holm([row.seeds.p_seeds for row in of if row.seeds])
    apart = [row for row, p in zip(of, p_values, strict=True) if p < stats.TEST_LEVEL]
    if apart:
        yield (
            f"the {k} seeds differ by more than prompts account for in {_named(apart)}: intervals "
            "over prompts alone are too narrow there; those shown are over prompts and seeds"
        )
    if apart and k == 2:
        yield (
            "2 seeds say little of how far others would be: these intervals hold the truth less "
            "often than in 95 % of cases; a third seed mends that"
        )
    doubted = [row for row in of if _leaves_0_out(row.seeds) and not row.paired.is_clear]
    if doubted:
        yield (
            f"not certain with {k} seeds: {_named(doubted)}; the interval over prompts alone "
            "leaves 0 out, but over prompts and seeds it does not, or p is not below 5 %"
        )


def _alike(group: Group) -> Iterator[str]:
    """Yield which seeds have the same samples of a task: as a rule one run and its copy."""
    for one, other in combinations(group.runs, 2):
        shared = [task for task in one.tasks if task in other.tasks]
        same = [task for task in shared if _is_same(one.tasks[task], other.tasks[task])]
        if same:
            of_some = f" of {', '.join(same)}" if len(same) < len(shared) else ""
            yield (
                f"all samples{of_some} of {one.name} and {other.name} are the same: if one is a "
                "copy, leave it out, since it makes seeds look more alike than they are"
            )


def _is_same(one: TaskResult, other: TaskResult) -> bool:
    answers, others = _answers(one), _answers(other)
    shared = answers.keys() & others.keys()
    return bool(shared) and all(answers[key] == others[key] for key in shared)


def _answers(own: TaskResult) -> dict[str, str]:
    """Return the hash of the samples of each prompt, as far as it is known."""
    pairs = zip(own.ids, own.details, strict=True)
    return {key: detail["sha"] for key, detail in pairs if "sha" in detail}


def _left(base: FinishedRun, group: Group) -> Iterator[str]:
    """Yield what the base and some seeds have, but not all: it has no mean over the seeds."""
    for task, own in base.tasks.items():
        having = [run for run in group.runs if task in run.tasks]
        if having and len(having) < len(group.runs):
            missing = lacking(task, "", *(run for run in group.runs if task not in run.tasks))
            yield f"{task}: left out, since not all seeds have it: {missing}"
        elif having:
            for names, metrics in _partly(own, group).items():
                yield (
                    f"{task}: {', '.join(metrics)} without a mean over the seeds: no value in "
                    f"{' and '.join(names)}"
                )


def _partly(base: TaskResult, group: Group) -> dict[tuple[str, ...], list[str]]:
    """Return the metrics of a task that some seeds have no value of, by the names of these."""
    found: dict[tuple[str, ...], list[str]] = {}
    for metric in base.values:
        names = tuple(
            run.name for run in group.runs if not _has_value(run.tasks[base.task], metric)
        )
        if _has_value(base, metric) and 0 < len(names) < len(group.runs):
            found.setdefault(names, []).append(metric)
    return found


def _has_value(own: TaskResult, metric: str) -> bool:
    is_metric = metric in own.values and metric not in verdict_counts(own)
    return is_metric and not np.isnan(own.values[metric]).all()


def _leaves_0_out(seeds: Spread | None) -> bool:
    return seeds is not None and (seeds.over_prompts.low > 0 or seeds.over_prompts.high < 0)


def _named(rows: Sequence[Row]) -> str:
    return ", ".join(f"{row.task}.{row.metric}" for row in rows)

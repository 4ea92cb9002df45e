"""How near runs are to groups of people, group by group, and how near groups are to each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import paired
from lm_eval_overton.comparison.compared import Shift
from lm_eval_overton.metrics.formulas.survey import js_distance, without
from lm_eval_overton.metrics.measures.survey import SURVEY_MATCH
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

__all__ = [
    "FLOORS",
    "GROUP",
    "MOST_GROUPS",
    "Likeness",
    "Opinions",
    "answered",
    "between",
    "likenesses",
    "opinions_of",
    "shifts",
]

GROUP = "groups"
# More groups than these are told apart neither in a figure nor in a table.
MOST_GROUPS = 12

# What a match stands beside, by the columns of a result's groups.
FLOORS = ("uniform", "majority", "others", "ceiling")
NOISE = "noise_floor"
LIMITS = (0.0, 1.0)


@dataclass(frozen=True)
class Opinions:
    """What a run answers to the questions of a survey.

    Attributes:
        run: The run's position.
        result: The task's.
    """

    run: int
    result: TaskResult

    def questions(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the id and the groups of each question that people answered."""
        for key, detail in zip(self.result.ids, self.result.details, strict=True):
            if detail.get("groups"):
                yield key, detail["groups"]

    def groups(self, most: int) -> list[str]:
        """Return the groups that most questions have, as many as asked for, in their order."""
        counts = Counter(name for _, groups in self.questions() for name in groups["name"])
        chosen = {name for name, _ in counts.most_common(most)}
        return [name for name in counts if name in chosen]

    def matches(self) -> dict[str, dict[str, float]]:
        """Return by question and group how near the run is to it, where that is known."""
        return {
            key: {
                name: float(value)
                for name, value in zip(groups["name"], groups["match"], strict=True)
                if value is not None
            }
            for key, groups in self.questions()
        }

    @property
    def n_groups(self) -> int:
        """How many groups any question has."""
        return len({name for _, groups in self.questions() for name in groups["name"]})


@dataclass(frozen=True)
class Likeness:
    """How near a run is to a group, the mean over the group's questions.

    Attributes:
        group: Its name.
        match: One minus the Jensen-Shannon distance to it.
        floors: The same of each of `FLOORS`, and of as many people drawn from the group (`chance`).
        steered: The same of the run when asked to answer as the group; n = 0 where it was not.
    """

    group: str
    match: stats.Interval
    floors: Mapping[str, stats.Interval]
    steered: stats.Interval


def opinions_of(runs: Sequence[FinishedRun]) -> list[Opinions]:
    """Return what each run answers to a survey of people; none for runs without one.

    Args:
        runs: The runs.
    """
    found = (
        next((Opinions(i, own) for own in run.tasks.values() if _has_people(own)), None)
        for i, run in enumerate(runs)
    )
    return [own for own in found if own is not None]


def _has_people(own: TaskResult) -> bool:
    return any(detail.get("groups") for detail in own.details)


def likenesses(own: Opinions, groups: Sequence[str], seed: int) -> list[Likeness]:
    """Return how near a run is to some groups, beside the floors.

    Args:
        own: What it answers.
        groups: Names of groups, each of which some question has.
        seed: Of the resamples.
    """
    return [_likeness(own, group, seed) for group in groups]


COLUMNS = ("match", *FLOORS, NOISE, "match_steered")


def _likeness(own: Opinions, group: str, seed: int) -> Likeness:
    rows = []
    for _, groups in own.questions():
        if group in groups["name"]:
            at = groups["name"].index(group)
            rows.append([_number(groups.get(name), at) for name in COLUMNS])
    table = np.array(rows)
    table[:, COLUMNS.index(NOISE)] = 1 - table[:, COLUMNS.index(NOISE)]
    rng = np.random.default_rng(seed)
    match, *floors, steered = stats.mean_intervals(table, rng, limits=[LIMITS] * len(COLUMNS))
    return Likeness(group, match, dict(zip((*FLOORS, "chance"), floors, strict=True)), steered)


def _number(column: Sequence[Any] | None, at: int) -> float:
    value = column[at] if column else None
    return float(value) if isinstance(value, int | float) else math.nan


def shifts(base: FinishedRun, run: FinishedRun, seed: int) -> list[Shift]:
    """Return how the likeness to each group changed, of those that were asked most.

    Args:
        base: A run.
        run: Another.
        seed: Of the resamples.
    """
    found = opinions_of((base, run))
    if len(found) < 2 or found[0].result.task != found[1].result.task:
        return []
    names = found[0].groups(MOST_GROUPS)
    before, after = (own.matches() for own in found)
    ids = [key for key in before if key in after]
    columns = [(_column(before, ids, name), _column(after, ids, name)) for name in names]
    changes = paired(columns, seed, limits=[LIMITS] * len(names)) if ids else []
    of_all = found[0].n_groups
    note = (
        f"one of {of_all} groups, of which those asked most are here" if of_all > len(names) else ""
    )
    return [
        Shift(GROUP, f"change for {name}", SURVEY_MATCH.name, own.interval, note)
        for name, own in zip(names, changes, strict=False)
        if own.n
    ]


def _column(
    matches: Mapping[str, Mapping[str, float]], ids: Sequence[str], group: str
) -> stats.Array:
    return np.array([matches[key].get(group, math.nan) for key in ids])


def between(runs: Sequence[Opinions], groups: Sequence[str]) -> tuple[list[str], stats.Array]:
    """Return how far apart groups and runs are: the mean over the questions that both have.

    Args:
        runs: What runs answer.
        groups: Names of groups.

    Returns:
        The names of the groups that have a question in common with all others and with all runs,
        and (n, n) mean Jensen-Shannon distances, of these groups, then of the runs.
    """
    total = np.zeros((len(groups) + len(runs),) * 2)
    counts = np.zeros_like(total)
    for shares in _questions(runs, groups):
        known = [i for i, own in enumerate(shares) if own is not None]
        table = np.array([shares[i] for i in known])
        at = np.ix_(known, known)
        total[at] += js_distance(table[:, np.newaxis], table[np.newaxis])
        counts[at] += 1
    kept = _connected(counts, len(groups))
    with np.errstate(invalid="ignore"):
        means = (total / counts)[np.ix_(kept, kept)]
    return [groups[i] for i in kept if i < len(groups)], means


def _connected(counts: stats.Array, n_groups: int) -> list[int]:
    """Return the positions left when those that lack most others are taken away one by one."""
    kept = list(range(len(counts)))
    while (lacks := (counts[np.ix_(kept, kept)] == 0).sum(axis=1)).any():
        groups = [i for i in range(len(kept)) if kept[i] < n_groups]
        if not groups:
            break
        kept.pop(max(groups, key=lambda i: int(lacks[i])))
    return kept


def _questions(
    runs: Sequence[Opinions], groups: Sequence[str]
) -> Iterator[list[Sequence[float] | None]]:
    """Yield for each question the shares of groups and runs, None for who has none."""
    answers = [_answers(own) for own in runs]
    people = dict(runs[0].questions())
    for key, own in people.items():
        of_group = dict(zip(own["name"], own["people"], strict=True))
        n = len(own["people"][0])
        shares = [of_group.get(group) for group in groups]
        shares += [answer.get(key) for answer in answers]
        yield [None if one is None or len(one) != n else one for one in shares]


def _answers(own: Opinions) -> dict[str, Sequence[float]]:
    known = {
        key: answered(detail)
        for key, detail in zip(own.result.ids, own.result.details, strict=True)
    }
    return {key: shares for key, shares in known.items() if not any(map(math.isnan, shares))}


def answered(detail: Mapping[str, Any]) -> list[float]:
    """Return a run's shares of the options that are no refusals.

    Args:
        detail: What a result keeps of a question.

    Returns:
        Of sum 1; NaN where they are not known.
    """
    shares = [math.nan if own is None else own for own in detail["shares"].values()]
    return [float(share) for share in without(shares, detail.get("refusal", []))]

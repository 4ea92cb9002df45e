"""What changed by kind of prompt: the metrics of the headline over the prompts with each tag."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import align, means
from lm_eval_overton.comparison.compared import Compared, Pair, Row
from lm_eval_overton.comparison.rows import corrected, rows_of
from lm_eval_overton.comparison.tagged import Tags, tags_of
from lm_eval_overton.metrics.measures import limits_of
from lm_eval_overton.metrics.measures.classes import DISTINCT_K
from lm_eval_overton.metrics.measures.coverage import COVERAGE_AT_1, OVERTON_INDEX
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.quality import HELPFULNESS
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.metrics.measures.units import UNITS_AT_1_WORDS
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

__all__ = [
    "HEADLINE",
    "NO_TAGS",
    "ByTag",
    "TagMean",
    "TagRow",
    "by_tag",
    "means_by_tag",
    "most_frequent",
    "prompts_by_tag",
]

HEADLINE = tuple(
    metric.name
    for metric in (
        SEMANTIC_DIVERSITY,
        LEXICAL_DIVERSITY,
        DISTINCT_K,
        COVERAGE_AT_1,
        OVERTON_INDEX,
        UNITS_AT_1_WORDS,
        HELPFULNESS,
    )
)
# More tags than these are words for each prompt, not kinds of prompts.
MOST_TAGS = 60
NO_TAGS = 'no prompt has a tag: give prompts "tags": [...] in their file, and score the runs again'

Two = tuple[TaskResult, TaskResult]


@dataclass(frozen=True)
class TagRow:
    """A metric of a task in two runs over the prompts with a tag.

    `row` is what it is in a `Pair`, but that it is corrected for the tests of all tags and metrics
    of its task, and that fewer than `stats.FEWEST_PAIRS` prompts have no p-value.
    """

    tag: str
    row: Row


@dataclass(frozen=True)
class ByTag:
    """One run against the base by tag: task by task, metric by metric, the most frequent tag
    first; a prompt with several tags counts for each."""

    base: str
    run: str
    rows: tuple[TagRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def tables(self) -> dict[str, list[TagRow]]:
        """The rows by their task."""
        found: dict[str, list[TagRow]] = {}
        for own in self.rows:
            found.setdefault(own.row.task, []).append(own)
        return found


@dataclass(frozen=True)
class TagMean:
    """The mean of a metric of a task of one run over the prompts with a tag."""

    task: str
    tag: str
    metric: str
    mean: stats.Interval


def by_tag(compared: Compared, seed: int = stats.SEED) -> tuple[ByTag, ...]:
    """Return every pair of a comparison by tag.

    Args:
        compared: The comparison.
        seed: Of the resamples; every interval starts from it.

    Returns:
        One per pair, without rows where no prompt has a tag.
    """
    tags = tags_of(compared.runs)
    pairs = zip(compared.runs[1:], compared.pairs, strict=False)
    return tuple(_pair(compared.runs[0], run, pair, tags, seed) for run, pair in pairs)


def _pair(base: FinishedRun, run: FinishedRun, pair: Pair, tags: Tags, seed: int) -> ByTag:
    rows: list[TagRow] = []
    notes: list[str] = []
    for task in dict.fromkeys(row.task for row in pair.rows):
        metrics = [row.metric for row in pair.rows if row.task == task and row.metric in HEADLINE]
        two = (base.tasks[task], run.tasks[task])
        kinds = prompts_by_tag(tags[task], *(own.ids for own in two))
        if metrics and kinds:
            found = _rows(two, kinds, metrics, seed)
            rows += found
            notes += [f"{task}: {text}" for text in _notes(found, two, kinds)]
    return ByTag(pair.base, pair.run, tuple(rows), tuple(notes))


def prompts_by_tag(tags: Mapping[str, tuple[str, ...]], *ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the prompts of each tag, the most frequent tag first, then by name."""
    found: dict[str, set[str]] = {}
    for key in {key for own in ids for key in own}:
        for tag in tags.get(key, ()):
            found.setdefault(tag, set()).add(key)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def most_frequent(kinds: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the prompts of the tags that are shown: of very many the most frequent."""
    return dict(list(kinds.items())[:MOST_TAGS])


def _rows(two: Two, kinds: Mapping[str, set[str]], metrics: list[str], seed: int) -> list[TagRow]:
    """Return the rows of a task, metric by metric."""
    found = []
    for tag, keys in most_frequent(kinds).items():
        both = align(*(result.of_prompts(keys) for result in two))
        # Which metrics compare the pair's own table says.
        both = replace(both, metrics=tuple(metrics) if both.base_at else ())
        found += [TagRow(tag, _tested(row)) for row in rows_of(both, seed, {})]
    found.sort(key=lambda own: metrics.index(own.row.metric))
    rows = corrected([own.row for own in found])
    return [replace(own, row=row) for own, row in zip(found, rows, strict=True)]


def _tested(row: Row) -> Row:
    """Return a row without a p-value where there are too few prompts for a test."""
    if row.paired.n >= stats.FEWEST_PAIRS:
        return row
    return replace(row, paired=replace(row.paired, p_value=math.nan), p_holm=math.nan)


def _notes(rows: Sequence[TagRow], two: Two, kinds: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield what to know of a task's rows."""
    most = dict.fromkeys(most_frequent(kinds), 0)
    for own in rows:
        most[own.tag] = max(most[own.tag], own.row.paired.n)
    few = [f"{tag} ({n})" for tag, n in most.items() if n < stats.FEWEST_PAIRS]
    if few:
        yield f"no test for fewer than {stats.FEWEST_PAIRS} prompts in both runs: {', '.join(few)}"
    shared = set(two[0].ids).intersection(two[1].ids)
    bare = shared.difference(*kinds.values())
    if bare:
        yield f"{len(bare)} of {len(shared)} prompts in both runs have no tag"
    if len(kinds) > MOST_TAGS:
        yield f"of {len(kinds)} tags the {MOST_TAGS} most frequent are shown"


def means_by_tag(run: FinishedRun, seed: int = stats.SEED) -> list[TagMean]:
    """Return the means of a run's headline metrics by tag, in the order of `ByTag`.

    Args:
        run: The run.
        seed: Of the resamples.
    """
    tags = tags_of([run])
    return [one for task in run.tasks for one in _means(run, task, tags[task], seed)]


def _means(
    run: FinishedRun, task: str, tags: Mapping[str, tuple[str, ...]], seed: int
) -> list[TagMean]:
    own = run.tasks[task]
    metrics = [metric for metric in HEADLINE if metric in own.values]
    found = []
    for tag, keys in most_frequent(prompts_by_tag(tags, own.ids)).items() if metrics else ():
        values = own.of_prompts(keys).values
        columns = means([values[metric] for metric in metrics], seed, limits_of(metrics))
        found += [TagMean(task, tag, m, mean) for m, mean in zip(metrics, columns, strict=True)]
    return sorted(found, key=lambda one: metrics.index(one.metric))

"""How much of a change quality control explains."""

from __future__ import annotations

from collections.abc import Mapping

from lm_eval_overton.comparison.aligned import DIVERSITY, Both, complete, defined, lacking, means
from lm_eval_overton.comparison.compared import UNDEFINED, Shift
from lm_eval_overton.metrics.measures.lexical_diversity import LEXICAL_DIVERSITY
from lm_eval_overton.metrics.measures.quality_controlled import (
    LEXICAL_DIVERSITY_QC,
    OVERTON_INDEX_QC,
    OVERTON_INDEX_WORDS_AT_2,
    SEMANTIC_DIVERSITY_QC,
)
from lm_eval_overton.metrics.measures.semantic_diversity import SEMANTIC_DIVERSITY
from lm_eval_overton.runs.finished import FinishedRun

__all__ = ["no_judge", "shifts"]

# Each metric and its quality-controlled form, which grow alike with the number of samples.
METRICS = (
    (LEXICAL_DIVERSITY.name, LEXICAL_DIVERSITY_QC.name),
    (SEMANTIC_DIVERSITY.name, SEMANTIC_DIVERSITY_QC.name),
    (OVERTON_INDEX_WORDS_AT_2.name, OVERTON_INDEX_QC.name),
)
PARTS = ("raw change", "explained by quality control", "remaining")


def shifts(
    tasks: Mapping[str, Both], base: FinishedRun, run: FinishedRun, seed: int
) -> list[Shift]:
    """Return each raw change as what quality control explains of it plus what remains."""
    both = tasks.get(DIVERSITY)
    return [shift for metrics in METRICS for shift in _controlled(both, base, run, metrics, seed)]


def no_judge(*runs: FinishedRun) -> str:
    """Return that runs lack the judge's verdicts on quality, and how to add them."""
    return f"no quality judge: {complete(*runs)}"


def _controlled(
    both: Both | None,
    base: FinishedRun,
    run: FinishedRun,
    metrics: tuple[str, str],
    seed: int,
) -> list[Shift]:
    """Return the three parts over the prompts that define both metrics in both runs."""
    why = _why_not(both, base, run, metrics)
    if both is None or why:
        return [Shift("quality", part, metrics[0], UNDEFINED, why) for part in PARTS]
    raw, controlled = defined(*(after - before for before, after in map(both.aligned, metrics))).T
    note = "" if len(raw) else "no prompt has enough samples above the quality bar in both runs"
    parts = zip(PARTS, means((raw, raw - controlled, controlled), seed), strict=True)
    return [Shift("quality", part, metrics[0], value, note) for part, value in parts]


def _why_not(
    both: Both | None, base: FinishedRun, run: FinishedRun, metrics: tuple[str, str]
) -> str:
    """Return why a change has no parts; empty if it has."""
    absent = [one.name for one in (base, run) if DIVERSITY not in one.tasks]
    if absent or both is None:
        return f"no {DIVERSITY} in {' and '.join(absent)}"
    if not both.base_at:
        return f"no prompt of {DIVERSITY} in common"
    lack = [one for one in (base, run) if metrics[1] not in one.tasks[DIVERSITY].values]
    return no_judge(*lack) if lack else lacking(DIVERSITY, metrics[0], base, run)

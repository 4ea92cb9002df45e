"""What a run misses of its reference run's units, beside the two baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lm_eval_overton.comparison.aligned import COVERAGE, DIVERSITY, defined, means
from lm_eval_overton.comparison.compared import UNDEFINED, Shift
from lm_eval_overton.comparison.quality import no_judge
from lm_eval_overton.comparison.references import is_measured_on
from lm_eval_overton.metrics.measures.quality_controlled import MISSING_QC
from lm_eval_overton.metrics.measures.reference import (
    COVERED,
    MISSING,
    MISSING_FROM_REFERENCE,
    REFERENCE_COVERAGE_AT_1,
    Side,
)
from lm_eval_overton.metrics.metric import Metric
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.short_paths import short_path

__all__ = ["not_held_against", "notes", "shifts"]


@dataclass(frozen=True)
class Finding:
    """A metric on the split beside its two baselines, by the name that stands for the three.

    `raw` are those without quality control: without them there is no reference run, without
    `parts` no judge.
    """

    name: str
    parts: Mapping[Side, Metric]
    raw: Mapping[Side, Metric]


FINDINGS = (
    Finding(MISSING_FROM_REFERENCE.name, MISSING, MISSING),
    Finding(f"{MISSING_FROM_REFERENCE.name}_qc", MISSING_QC, MISSING),
    Finding(REFERENCE_COVERAGE_AT_1.name, COVERED, COVERED),
)


def shifts(base: FinishedRun, run: FinishedRun, seed: int) -> list[Shift]:
    """Return each metric on the split, its two baselines, and the differences to them."""
    wanted = [(DIVERSITY, finding) for finding in FINDINGS]
    if COVERAGE in run.tasks:
        wanted += [(COVERAGE, finding) for finding in FINDINGS if finding.parts is finding.raw]
    return [shift for one in wanted for shift in _beside_baselines(*one, base, run, seed)]


def _beside_baselines(
    task: str, finding: Finding, base: FinishedRun, run: FinishedRun, seed: int
) -> list[Shift]:
    shown = finding.name if task == DIVERSITY else f"{task}.{finding.name}"
    own = run.tasks.get(task)
    why = _why_not(own, task, finding, base, run)
    if own is None or why:
        return [Shift("missing", "split", shown, UNDEFINED, why)]
    table = defined(*(own.values[metric.name] for metric in finding.parts.values()))
    split, held_out, chance = table.T
    columns = dict(zip(finding.parts, table.T, strict=True))
    differences = {"split - held_out": split - held_out, "chance - split": chance - split}
    note = _against(base, own) if len(table) else "undefined on every prompt"
    shifts = {**columns, **differences}
    found = zip(shifts, means(shifts.values(), seed), strict=True)
    return [Shift("missing", part, shown, value, note) for part, value in found]


def _against(base: FinishedRun, own: TaskResult) -> str:
    if not own.reference_run or is_measured_on(base, own) is not None:
        return f"against {own.reference_run}" if own.reference_run else ""
    return f"reference as the run names it: {own.reference_run}"


def notes(base: FinishedRun, run: FinishedRun) -> dict[str, str]:
    """Return by task that the reference is not the base, where that is known."""
    return {
        task: f"{run.name} is measured against {own.reference_run or 'a reference'}, which is not "
        f"{base.name}: what it misses is that run's"
        for task, own in run.tasks.items()
        if _is_measured(own) and is_measured_on(base, own) is False
    }


def _is_measured(own: TaskResult) -> bool:
    return any(m.name in own.values for finding in FINDINGS for m in finding.raw.values())


def _lacks(own: TaskResult, metrics: Mapping[Side, Metric]) -> bool:
    return any(metric.name not in own.values for metric in metrics.values())


def _why_not(
    own: TaskResult | None, task: str, finding: Finding, base: FinishedRun, run: FinishedRun
) -> str:
    """Return why a run has no values against a reference run; empty if it has."""
    if own is None:
        return f"no {task} in {run.name}"
    if _lacks(own, finding.raw):
        return not_held_against(task, base, run)
    if _lacks(own, finding.parts):
        return no_judge(run)
    return ""


def not_held_against(
    task: str, base: FinishedRun, run: FinishedRun, lacks: str = "reference run"
) -> str:
    """Return what a run lacks that was not held against the base, and how to add it."""
    place = short_path(base.place)
    return (
        f"no {lacks} in {run.name}: `overton score RESPONSES --task {task} --reference "
        f'{place}`, or run it with --metadata \'{{"reference_run": "{place}"}}\''
    )

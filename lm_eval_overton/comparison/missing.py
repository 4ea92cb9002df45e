"""What a run misses of its reference run's units, beside the two baselines."""

from __future__ import annotations

from lm_eval_overton.comparison.aligned import COVERAGE, DIVERSITY, defined, means
from lm_eval_overton.comparison.compared import UNDEFINED, Shift
from lm_eval_overton.comparison.quality import no_judge
from lm_eval_overton.comparison.references import is_measured_on
from lm_eval_overton.runs.finished import FinishedRun, TaskResult

__all__ = ["notes", "shifts"]

# Metric, and how its quality-controlled columns end.
METRICS = (
    ("missing_from_reference", ""),
    ("missing_from_reference", "_qc"),
    ("reference_coverage_at_1", ""),
)
PARTS = ("split", "held_out", "chance")


def shifts(base: FinishedRun, run: FinishedRun, seed: int) -> list[Shift]:
    """Return each metric on the split, its two baselines, and the differences to them."""
    wanted = [(DIVERSITY, *metric) for metric in METRICS]
    if COVERAGE in run.tasks:
        wanted += [(COVERAGE, *metric) for metric in METRICS if not metric[1]]
    return [shift for one in wanted for shift in _beside_baselines(*one, base, run, seed)]


def _beside_baselines(
    task: str, metric: str, suffix: str, base: FinishedRun, run: FinishedRun, seed: int
) -> list[Shift]:
    shown = f"{metric}{suffix}" if task == DIVERSITY else f"{task}.{metric}"
    own = run.tasks.get(task)
    why = _why_not(own, task, metric, suffix, base, run)
    if own is None or why:
        return [Shift("missing", "split", shown, UNDEFINED, why)]
    table = defined(*(own.values[f"{metric}_{part}{suffix}"] for part in PARTS))
    split, held_out, chance = table.T
    columns = dict(zip(PARTS, table.T, strict=True))
    columns |= {"split - held_out": split - held_out, "chance - split": chance - split}
    note = _against(base, own) if len(table) else "undefined on every prompt"
    found = zip(columns, means(columns.values(), seed), strict=True)
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
    return any(f"{metric}_{part}" in own.values for metric, _ in METRICS for part in PARTS)


def _why_not(
    own: TaskResult | None,
    task: str,
    metric: str,
    suffix: str,
    base: FinishedRun,
    run: FinishedRun,
) -> str:
    """Return why a run has no values against a reference run; empty if it has."""
    if own is None:
        return f"no {task} in {run.name}"
    if any(f"{metric}_{part}" not in own.values for part in PARTS):
        return (
            f"no reference run in {run.name}: `overton score RESPONSES --task {task} --reference "
            f'{base.place}`, or run it with --metadata \'{{"reference_run": "{base.place}"}}\''
        )
    if any(f"{metric}_{part}{suffix}" not in own.values for part in PARTS):
        return no_judge(run)
    return ""

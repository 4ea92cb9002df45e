"""The tables of a report."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence

from lm_eval_overton.comparison import SAMPLES_TABLE
from lm_eval_overton.judge.verdicts import STATUSES
from lm_eval_overton.metrics.measures import REGISTRY, is_about_samples
from lm_eval_overton.metrics.metric import FAMILIES, OTHER
from lm_eval_overton.reporting.changes import direction, missing
from lm_eval_overton.reporting.estimates import Estimates, task_names
from lm_eval_overton.reporting.html import (
    Markup,
    Wide,
    bounds,
    join,
    number,
    percent,
    table,
    tag,
)
from lm_eval_overton.reporting.terms import term
from lm_eval_overton.runs.finished import FinishedRun, TaskResult
from lm_eval_overton.runs.responses import IN_CONTEXT
from lm_eval_overton.settings.signature import FRAME, differing, fields

__all__ = ["families", "hygiene", "judges", "settings", "summary"]


def families(metrics: Sequence[str]) -> dict[str, list[str]]:
    """Return metrics under the titles of their families, in the order given within each."""
    found: dict[str, list[str]] = {title: [] for title in FAMILIES}
    for metric in metrics:
        found[REGISTRY[metric].family if metric in REGISTRY else OTHER].append(metric)
    return {title: own for title, own in found.items() if own}


def summary(estimates: Estimates) -> Markup:
    """Return a table per task, metrics by runs; in-context tasks share one."""
    runs = estimates.compared.runs
    names = task_names(runs)
    plain = [name for name in names if not name.startswith(IN_CONTEXT)]
    tables = [(name, _columns(runs, [name])) for name in plain]
    context = _columns(runs, [name for name in names if name.startswith(IN_CONTEXT)])
    tables += [(f"{IN_CONTEXT}*", context)] if context else []
    return join(_summary_of(estimates, title, columns) for title, columns in tables)


Column = tuple[int, str]


def _columns(runs: Sequence[FinishedRun], tasks: Sequence[str]) -> list[Column]:
    """Return the positions of runs with the tasks that they have."""
    return [(i, task) for i, run in enumerate(runs) for task in tasks if task in run.tasks]


def _summary_of(estimates: Estimates, title: str, columns: Sequence[Column]) -> Markup:
    runs = estimates.compared.runs
    results = [runs[i].tasks[task] for i, task in columns]
    held = dict.fromkeys(metric for result in results for metric in result.values)
    metrics = [metric for metric in held if not is_about_samples(metric)]
    groups = {
        family: [[_metric_name(results, m), *(_estimate(estimates, *c, m) for c in columns)]
                 for m in own]
        for family, own in families(metrics).items()
    }  # fmt: skip
    head = ["metric", *(_run_title(runs, i, task) for i, task in columns)]
    return table(f"{title}: mean over prompts with its 95 % interval", head, groups)


def _run_title(runs: Sequence[FinishedRun], i: int, task: str) -> Markup:
    strategy = task.removeprefix(IN_CONTEXT) if task.startswith(IN_CONTEXT) else ""
    parts = [tag("span", i + 1, class_="key"), " ", runs[i].name]
    return join([*parts, tag("br"), strategy] if strategy else parts)


def _metric_name(results: Sequence[TaskResult], metric: str) -> Markup:
    known = (result.higher_is_better.get(metric) for result in results)
    better = next((value for value in known if value is not None), None)
    if better is None:
        return term(metric)
    sign, words = ("↑", "higher is better") if better else ("↓", "lower is better")
    arrow = tag("span", sign, title=words, role="img", aria_label=words)
    return join([term(metric), " ", arrow])


def _estimate(estimates: Estimates, run: int, task: str, metric: str) -> Markup:
    interval = estimates.interval(run, task, metric)
    if math.isnan(interval.estimate):
        return Markup("")
    row = estimates.row(run, task, metric)
    return join([
        direction(row), number(interval.estimate), " ",
        tag("small", bounds(interval), title=f"{interval.n} prompts"),
    ])  # fmt: skip


# ------------------------------------------------------------------------- hygiene and judges


def hygiene(estimates: Estimates) -> Markup:
    """Return what the samples are like, and what the runs warned of."""
    runs = estimates.compared.runs
    held = {name for run in runs for result in run.tasks.values() for name in result.values}
    names = [name for name in REGISTRY if name in held and is_about_samples(name)]
    groups = {
        task: [[run.name, *(_about_samples(estimates, i, task, name) for name in names)]
               for i, run in enumerate(runs) if task in run.tasks]
        for task in task_names(runs)
    }  # fmt: skip
    kept = {task: rows for task, rows in groups.items() if any(any(row[1:]) for row in rows)}
    rates = table(f"{SAMPLES_TABLE}: mean over prompts", ["run", *map(term, names)], kept)
    shown = rates if kept else missing("No run holds these rates: score it again.")
    return join([shown, _alarms(runs)])


def _about_samples(estimates: Estimates, run: int, task: str, metric: str) -> str:
    value = estimates.interval(run, task, metric).estimate
    return percent(value) if REGISTRY[metric].as_percent else number(value)


def _alarms(runs: Sequence[FinishedRun]) -> Markup:
    found = [
        tag("li", tag("b", run.name), f", {task}: {alarm}")
        for run in runs
        for task, result in run.tasks.items()
        for alarm in result.alarms
    ]
    return tag("ul", *found, class_="alarms") if found else tag("p", "No run raised an alarm.")


def judges(estimates: Estimates) -> Markup:
    """Return how many verdicts each judge gave, how many came to nothing, and what that could
    mean for the metrics."""
    runs = estimates.compared.runs
    groups = {task: list(_judge_rows(runs, task)) for task in task_names(runs)}
    kept = {task: rows for task, rows in groups.items() if rows}
    if not kept:
        return missing("No run was judged: complete one, `overton judge RUN --judge JUDGE.yaml`.")
    head = ["run", "judgement", *STATUSES, "share without verdict", "judge"]
    caption = "Verdicts by status; only parsed ones enter a mean"
    return join([table(caption, head, kept, words=[1, 7]), _bounds(estimates)])


def _judge_rows(runs: Sequence[FinishedRun], task: str) -> Iterator[list[object]]:
    for run in runs:
        judging = run.tasks[task].judge if task in run.tasks else None
        for judgement, counts in judging.counts.items() if judging else ():
            numbers = [int(counts.get(status, 0)) for status in STATUSES]
            lost = percent(1 - numbers[0] / sum(numbers)) if sum(numbers) else ""
            signature = tag("code", judging.signature if judging else "")
            yield [run.name, judgement, *(f"{n:,}" for n in numbers), lost, signature]


def _bounds(estimates: Estimates) -> Markup:
    """Return the judged metrics, with what they would be if all missing verdicts were known."""
    runs = estimates.compared.runs
    groups = {}
    for task in task_names(runs):
        names = dict.fromkeys(
            m for run in runs if task in run.tasks for m in run.tasks[task].bounds
        )
        if names:
            groups[task] = [
                [term(name), *(_bounded(estimates, i, task, name) for i in range(len(runs)))]
                for name in names
            ]
    caption = (
        "What was judged: mean, and in brackets if all missing verdicts were the worst or best"
    )
    head = ["metric", *(run.name for run in runs)]
    return table(caption, head, groups) if groups else Markup("")


def _bounded(estimates: Estimates, run: int, task: str, metric: str) -> str:
    own = estimates.compared.runs[run].tasks.get(task)
    if own is None or metric not in own.bounds:
        return ""
    mean = estimates.interval(run, task, metric).estimate
    worst, best = (number(bound, mean) for bound in own.bounds[metric])
    return f"{number(mean)} [{worst}, {best}]".strip() if worst or best else number(mean)


# ------------------------------------------------------------------------------------ settings


def settings(runs: Sequence[FinishedRun]) -> Markup:
    """Return every setting that can change a score, once where all runs and tasks share it."""
    signatures = [own.signature for run in runs for own in run.tasks.values()]
    shared = _shared(signatures) if len(signatures) > 1 else {}
    rows = [[name, value] for name, value in shared.items()]
    title = "The same everywhere"
    common = table(title, ["setting", "value"], {"": rows}, words=[1]) if rows else ""
    return join([common, *(_settings_of(runs, task, shared) for task in task_names(runs))])


def _shared(signatures: Sequence[str]) -> dict[str, str]:
    first, *rest = (fields(signature) for signature in signatures)
    return {
        name: value
        for name, value in first.items()
        if name not in ("task", *FRAME) and all(own.get(name) == value for own in rest)
    }


def _settings_of(runs: Sequence[FinishedRun], task: str, known: Container[str]) -> Markup:
    shown = [run for run in runs if task in run.tasks]
    signatures = [run.tasks[task].signature for run in shown]
    held = [fields(signature) for signature in signatures]
    differ = {name for one in signatures for name in differing(signatures[0], one)}
    names = [name for name in dict.fromkeys(n for own in held for n in own) if name not in known]
    rows = [_setting(name, [own.get(name, "") for own in held], name in differ) for name in names]
    head = ["setting", *(run.name for run in shown)]
    logged = [[run.name, tag("code", own)] for run, own in zip(shown, signatures, strict=True)]
    return join([
        table(f"{task}: settings", head, {"": rows}, words=range(1, len(head))),
        tag("details", tag("summary", f"Signatures of {task} as logged"),
            table(f"{task}: signatures", ["run", "signature"], {"": logged}, words=[1])),
    ])  # fmt: skip


def _setting(name: str, values: Sequence[str], is_differing: bool) -> list[object]:
    if len(set(values)) == 1 and len(values) > 1:
        return [name, Wide(values[0], len(values))]
    differs = tag("span", "differs", class_="flag") if is_differing else ""
    return [join([name, " ", differs]), *values]

"""Which runs may stand in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lm_eval_overton.comparison.references import rests_on_reference
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.runs.finished import TaskResult
from lm_eval_overton.settings.signature import FRAME, METRICS, UNSET, differing, fields, redefined

__all__ = [
    "LEFT_OPEN",
    "Results",
    "common_settings",
    "equal_settings",
    "has_one_judge",
    "has_one_reference",
    "has_one_version",
    "shared_signature",
    "some",
]

Results = Mapping[str, TaskResult]

# What may differ between runs of one table, some metrics apart.
LEFT_OPEN = (*FRAME, "reference", METRICS)
# How many names a message shows of several.
NAMED = 3


def common_settings(task: str, metric: str, rows: Results) -> tuple[str, str]:
    """Return what the signatures have in common, and the judge's signature.

    Args:
        task: The task of all rows.
        metric: The metric that sorts; the judge and the reference count if it rests on them.
        rows: At least one run by name.

    Returns:
        The first run's signature without what differs in another one; the judge's signature is
        empty unless the metric is judged.

    Raises:
        SettingsError: If settings differ that can change the metric.
    """
    own = {name: fields(result.signature) for name, result in rows.items()}
    judges = {name: _judge(metric, result) for name, result in rows.items()}
    mixed = {key: {name: one.get(key, UNSET) for name, one in own.items()} for key in _mixed(rows)}
    if not rests_on_reference(metric):
        mixed.pop("reference", None)
    if has_one_version(metric, rows):
        mixed.pop(METRICS, None)
    if len(set(judges.values())) > 1:
        mixed["judge"] = {name: judge or "none" for name, judge in judges.items()}
    if mixed:
        raise SettingsError(
            f"leaderboard: expected runs of {task} with equal settings, got "
            f"{'; '.join(f'{key}: {_by_value(values)}' for key, values in mixed.items())}; "
            "leave runs out, or run them again with equal settings"
        )
    return shared_signature(rows), next(iter(judges.values()))


def _mixed(rows: Results) -> dict[str, None]:
    """Return the fields, except the frame's, in which not all signatures mean the same."""
    first, *others = (own.signature for own in rows.values())
    found = dict.fromkeys(key for other in others for key in differing(first, other))
    return {key: None for key in found if key not in FRAME}


def equal_settings(results: Results) -> list[Results]:
    """Return groups of runs of one task, the largest first, each of equal settings.

    Runs of one group may differ in their frame, in their reference and in the definition of a
    metric: that concerns the metrics that rest on it.
    """
    groups: list[dict[str, TaskResult]] = []
    for name, own in results.items():
        joined = next((one for one in groups if _is_alike(next(iter(one.values())), own)), None)
        if joined is None:
            groups.append(joined := {})
        joined[name] = own
    return sorted(groups, key=len, reverse=True)


def _is_alike(one: TaskResult, other: TaskResult) -> bool:
    return not set(differing(one.signature, other.signature)).difference(LEFT_OPEN)


def shared_signature(rows: Results) -> str:
    """Return the signature of the fields, except the frame's, that all of at least one run have.

    Prompts go by the name that they have in the first.
    """
    several = [fields(own.signature) for own in rows.values()]
    words = [
        value if key == "task" else f"{key}:{value}"
        for key, value in several[0].items()
        if key not in FRAME and (key == "data" or all(own.get(key) == value for own in several))
    ]
    return "|".join(words)


def has_one_judge(metric: str, rows: Results) -> bool:
    """Return whether no two runs have the metric by different judges."""
    own = {_judge(metric, one) for one in rows.values() if metric in one.values}
    return len(own) < 2


def has_one_reference(metric: str, rows: Results) -> bool:
    """Return whether no two runs have the metric against different references."""
    measured = [one for one in rows.values() if metric in one.values]
    if not measured or not rests_on_reference(metric):
        return True
    return len({fields(one.signature).get("reference") for one in measured}) == 1


def has_one_version(metric: str, rows: Results) -> bool:
    """Return whether no two runs define the metric differently."""
    first, *others = (own.signature for own in rows.values() if metric in own.values)
    return not any(metric in redefined(first, other) for other in others)


def _judge(metric: str, own: TaskResult) -> str:
    return own.judge.signature if own.judge and metric in own.judged else ""


def _by_value(values: Mapping[str, str]) -> str:
    names: dict[str, list[str]] = {}
    for name, value in values.items():
        names.setdefault(value, []).append(name)
    return ", ".join(f"{value} ({some(own)})" for value, own in names.items())


def some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")

"""How well a matcher finds the viewpoints that a reader finds: the packaged gold responses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton import stats
from lm_eval_overton.data import load_viewpoints, packaged_path, read_jsonl
from lm_eval_overton.errors import ScoringError
from lm_eval_overton.judge.verdicts import count_statuses
from lm_eval_overton.matchers.question import Matcher, ViewpointQuestion

__all__ = ["best_threshold", "gold_responses", "measure"]

Floats = npt.NDArray[np.float64]
Rows = Sequence[dict[str, Any]]


def gold_responses(split: str) -> list[dict[str, Any]]:
    """Return one half of the gold set.

    Args:
        split: `calibrate` or `report`.

    Returns:
        Per response `question_id`, `type`, `prompt`, `response`, its `viewpoints` and, for each,
        whether it is `covered`.
    """
    docs = {doc["id"]: doc for doc in load_viewpoints("contested").docs}
    rows = [row for _, row in read_jsonl(packaged_path("contested_gold"))]
    return [
        {
            **row,
            "prompt": docs[row["question_id"]]["prompt"],
            "viewpoints": [v["text"] for v in docs[row["question_id"]]["viewpoints"]],
            "covered": [v["id"] in row["covers"] for v in docs[row["question_id"]]["viewpoints"]],
        }
        for row in rows
        if row["split"] == split
    ]


def best_threshold(scores: Sequence[float], covered: Sequence[bool], thresholds: Floats) -> float:
    """Return the threshold with the highest F1; the lowest of equals.

    Args:
        scores: The matcher's score of each response and viewpoint.
        covered: Whether a reader says that it is covered.
        thresholds: Those to try, ascending.
    """
    values = [_f1(_counts(np.asarray(scores) >= each, np.asarray(covered))) for each in thresholds]
    return float(thresholds[int(np.nanargmax(values))])


def _counts(found: npt.NDArray[np.bool_], covered: npt.NDArray[np.bool_]) -> Floats:
    """Return hits, false alarms and misses."""
    return np.array(
        [(found & covered).sum(), (found & ~covered).sum(), (~found & covered).sum()], dtype=float
    )


def _ratio(over: Floats, under: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(over / under)


def _precision(counts: Floats) -> Floats:
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 1])


def _recall(counts: Floats) -> Floats:
    return _ratio(counts[..., 0], counts[..., 0] + counts[..., 2])


def _f1(counts: Floats) -> Floats:
    return _ratio(2 * counts[..., 0], 2 * counts[..., 0] + counts[..., 1] + counts[..., 2])


def measure(matcher: Matcher, thresholds: Floats) -> Iterator[str]:
    """Yield the lines of `overton matcher`.

    The threshold with the best F1 is looked for on one half of the gold set; precision, recall
    and F1 at the matcher's own threshold are measured on the other, with intervals over its
    questions. Responses that the matcher could not score are left out, and it is said how many.

    Args:
        matcher: What is measured.
        thresholds: Those that its scores can be told apart by, ascending.

    Raises:
        ScoringError: If no response of a half could be scored.
    """
    yield f"matcher: {matcher.signature}"
    rows = _scored(matcher, [*gold_responses("calibrate"), *gold_responses("report")])
    known = [row for row in rows if not np.isnan(row["scores"]).any()]
    if len(known) < len(rows):
        yield _left_out(matcher, rows, len(rows) - len(known))
    calibrate, report = (
        [row for row in known if row["split"] == split] for split in ("calibrate", "report")
    )
    if not calibrate or not report:
        raise ScoringError(
            "matcher: expected verdicts on both halves of the gold responses, got them on "
            f"{len(calibrate)} and {len(report)} responses; see the log for why"
        )
    best = best_threshold(_flat(calibrate, "scores"), _flat(calibrate, "covered"), thresholds)
    yield f"best threshold on the calibration half ({_sizes(calibrate)}): {best:.2f}"
    yield f"on the reporting half ({_sizes(report)}):"
    yield from _agreement(report, matcher.threshold)


def _scored(matcher: Matcher, rows: Rows) -> list[dict[str, Any]]:
    # All at once: a judge is asked many questions at a time.
    scores = matcher.scores([_question(row) for row in rows])
    return [{**row, "scores": own[0]} for row, own in zip(rows, scores, strict=True)]


def _question(row: dict[str, Any]) -> ViewpointQuestion:
    return ViewpointQuestion([row["response"]], row["viewpoints"], row["prompt"])


def _left_out(matcher: Matcher, rows: Rows, missing: int) -> str:
    counts = count_statuses(matcher.verdicts([_question(row) for row in rows]))
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    return (
        f"left out: {missing} of {len(rows)} responses, without a rating of every viewpoint "
        f"(verdicts: {said})"
    )


def _agreement(rows: Rows, threshold: float) -> Iterator[str]:
    """Yield what a threshold finds: overall, and by kind of response."""
    counts = _counts_by(rows, "question_id", threshold)
    rng = np.random.default_rng(stats.SEED)
    for name, statistic in (("precision", _precision), ("recall", _recall), ("F1", _f1)):
        interval = stats.statistic_interval(np.array([*counts.values()]), statistic, rng)
        yield f"  {name}: {interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    by_kind = _counts_by(rows, "type", threshold)
    for kind in ("one_sided", "balanced", "off_topic"):
        hits, alarms, misses = by_kind.get(kind, np.zeros(3))
        yield f"  {kind}: {hits:.0f} found, {misses:.0f} missed, {alarms:.0f} false alarms"


def _counts_by(rows: Rows, key: str, threshold: float) -> dict[str, Floats]:
    """Return hits, false alarms and misses of the rows that share a key's value."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row[key], []).append(row)
    return {
        name: _counts(
            np.asarray(_flat(own, "scores")) >= threshold, np.array(_flat(own, "covered"))
        )
        for name, own in groups.items()
    }


def _sizes(rows: Rows) -> str:
    return f"{len(rows)} responses, {sum(_flat(rows, 'covered'))} covered viewpoints"


def _flat(rows: Rows, key: str) -> list[Any]:
    """Return the values of every row's viewpoints in one list."""
    return [value for row in rows for value in row[key]]

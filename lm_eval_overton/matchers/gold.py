"""How well a matcher finds the viewpoints that a reader finds: the packaged gold responses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton import stats
from lm_eval_overton.data import load_viewpoints, packaged_path, read_jsonl
from lm_eval_overton.matchers.embedding import Matcher
from lm_eval_overton.matchers.question import ViewpointQuestion

__all__ = ["best_threshold", "gold_responses", "measure"]

Floats = npt.NDArray[np.float64]
SEED = 1234


def gold_responses(split: str) -> list[dict[str, Any]]:
    """Return one half of the gold set.

    Args:
        split: `calibrate` or `report`.

    Returns:
        Per response `question_id`, `type`, `response`, its `viewpoints` and, for each, whether
        it is `covered`.
    """
    viewpoints = {doc["id"]: doc["viewpoints"] for doc in load_viewpoints("contested").docs}
    rows = [row for _, row in read_jsonl(packaged_path("contested_gold"))]
    return [
        {
            **row,
            "viewpoints": [v["text"] for v in viewpoints[row["question_id"]]],
            "covered": [v["id"] in row["covers"] for v in viewpoints[row["question_id"]]],
        }
        for row in rows
        if row["split"] == split
    ]


def best_threshold(scores: Sequence[float], covered: Sequence[bool]) -> float:
    """Return the threshold with the highest F1, in steps of 0.01; the lowest of equals.

    Args:
        scores: The matcher's score of each response and viewpoint.
        covered: Whether a reader says that it is covered.
    """
    steps = np.arange(-100, 101) / 100
    values = [_f1(_counts(np.asarray(scores) >= step, np.asarray(covered))) for step in steps]
    return float(steps[int(np.nanargmax(values))])


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


def measure(matcher: Matcher) -> Iterator[str]:
    """Yield the lines of `overton matcher`.

    The threshold with the best F1 is looked for on one half of the gold set; precision, recall
    and F1 at the matcher's own threshold are measured on the other, with intervals over its
    questions.
    """
    calibrate, report = gold_responses("calibrate"), gold_responses("report")
    yield f"matcher: {matcher.signature}"
    best = best_threshold(_flat_scores(matcher, calibrate), _flat_labels(calibrate))
    yield f"best threshold on the calibration half ({_sizes(calibrate)}): {best:.2f}"
    yield f"on the reporting half ({_sizes(report)}):"
    counts = _counts_by_question(matcher, report)
    rng = np.random.default_rng(SEED)
    for name, statistic in (("precision", _precision), ("recall", _recall), ("F1", _f1)):
        interval = stats.statistic_interval(counts, statistic, rng)
        yield f"  {name}: {interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
    for kind in ("one_sided", "balanced", "off_topic"):
        own = [row for row in report if row["type"] == kind]
        found = np.asarray(_flat_scores(matcher, own)) >= matcher.threshold
        hits, alarms, misses = _counts(found, np.asarray(_flat_labels(own)))
        yield f"  {kind}: {hits:.0f} found, {misses:.0f} missed, {alarms:.0f} false alarms"


def _sizes(rows: Sequence[dict[str, Any]]) -> str:
    return f"{len(rows)} responses, {sum(_flat_labels(rows))} covered viewpoints"


def _flat_labels(rows: Sequence[dict[str, Any]]) -> list[bool]:
    return [label for row in rows for label in row["covered"]]


def _flat_scores(matcher: Matcher, rows: Sequence[dict[str, Any]]) -> list[float]:
    scores = matcher.scores(
        [ViewpointQuestion([row["response"]], row["viewpoints"]) for row in rows]
    )
    return [float(score) for own in scores for score in own[0]]


def _counts_by_question(matcher: Matcher, rows: Sequence[dict[str, Any]]) -> Floats:
    questions = dict.fromkeys(row["question_id"] for row in rows)
    return np.array(
        [
            _counts(
                np.asarray(_flat_scores(matcher, own)) >= matcher.threshold,
                np.asarray(_flat_labels(own)),
            )
            for own in ([r for r in rows if r["question_id"] == q] for q in questions)
        ]
    )

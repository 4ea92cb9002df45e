"""How well a matcher agrees with readers, as functions of means over questions.

Every measure is a function of the means of per-question columns, so that intervals resample
questions, never single viewpoints: `stats.statistic_interval` with the columns and the function of
a `Measure`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from lm_eval_overton import stats

__all__ = [
    "MEASURES",
    "Judged",
    "Measure",
    "best_threshold",
    "f1_curve",
    "rank_agreement",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """One response: what the matcher says of it, and what readers say.

    Attributes:
        scores: (n_viewpoints,), the matcher's.
        found: Whether each reaches the threshold.
        covered: Whether readers find it.
        group: In which manner the response was written.
    """

    scores: Floats
    found: npt.NDArray[np.bool_]
    covered: npt.NDArray[np.bool_]
    group: str = ""


@dataclass(frozen=True)
class Measure:
    """A number that says how well a matcher agrees with readers.

    Attributes:
        name: Its name.
        columns: Returns the sums that one question contributes.
        statistic: The number from their means, (..., n_columns) to (...).
    """

    name: str
    columns: Callable[[Sequence[Judged]], Sequence[float]]
    statistic: stats.Statistic

    def over(self, questions: Sequence[Sequence[Judged]]) -> stats.Interval:
        """Return it over questions, each given by its responses, with its interval."""
        table = [self.columns(own) for own in questions]
        return stats.statistic_interval(table, self.statistic, np.random.default_rng(stats.SEED))


def _counts(responses: Sequence[Judged]) -> list[float]:
    """Return hits, false alarms and misses."""
    hits = sum(float((own.found & own.covered).sum()) for own in responses)
    found = sum(float(own.found.sum()) for own in responses)
    covered = sum(float(own.covered.sum()) for own in responses)
    return [hits, found - hits, covered - hits]


def _ratio(over: Floats, under: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(over / under)


def _f1(counts: Floats) -> Floats:
    """Return F1 of counts (..., 3): hits, false alarms, misses."""
    return _ratio(2 * counts[..., 0], 2 * counts[..., 0] + counts[..., 1] + counts[..., 2])


def _pairs(responses: Sequence[Judged]) -> list[float]:
    """Return in how many pairs of a covered and another viewpoint the covered one scores higher."""
    scores = np.concatenate([own.scores for own in responses])
    covered = np.concatenate([own.covered for own in responses])
    one, other = scores[covered][:, None], scores[~covered][None, :]
    right = (one > other) + 0.5 * (one == other)
    return [float(right.sum()), float(right.size)]


def _shares(responses: Sequence[Judged]) -> tuple[Floats, Floats]:
    """Return which share of the viewpoints each response covers: by the matcher, by readers."""
    found = [float(own.found.mean()) for own in responses]
    covered = [float(own.covered.mean()) for own in responses]
    return np.array(found), np.array(covered)


def _bias(responses: Sequence[Judged]) -> list[float]:
    found, covered = _shares(responses)
    return [float((found - covered).sum()), float(len(found))]


def _moments(responses: Sequence[Judged]) -> list[float]:
    x, y = _shares(responses)
    return [float(own.sum()) for own in (np.ones_like(x), x, y, x * x, y * y, x * y)]


def _correlation(means: Floats) -> Floats:
    n, x, y, xx, yy, xy = np.moveaxis(means, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(
            np.maximum(xx / n - (x / n) ** 2, 0) * np.maximum(yy / n - (y / n) ** 2, 0)
        )
    return _ratio(xy / n - x * y / n**2, spread)


def _concordance(responses: Sequence[Judged]) -> list[float]:
    """Return how many pairs of answers that readers tell apart the matcher orders as they do."""
    right, pairs = 0.0, 0.0
    for (a, x), (b, y) in combinations(zip(*_shares(responses), strict=True), 2):
        if x != y:
            pairs += 1
            right += 0.5 if a == b else float((a > b) == (x > y))
    return [right, pairs]


def _first_by_second(means: Floats) -> Floats:
    return _ratio(means[..., 0], means[..., 1])


MEASURES = (
    Measure("precision", _counts, lambda m: _ratio(m[..., 0], m[..., 0] + m[..., 1])),
    Measure("recall", _counts, lambda m: _ratio(m[..., 0], m[..., 0] + m[..., 2])),
    Measure("F1", _counts, _f1),
    Measure("AUC within questions", _pairs, _first_by_second),
    Measure("coverage less that of readers", _bias, _first_by_second),
    Measure("correlation over answers", _moments, _correlation),
    Measure("pairs of answers in the right order", _concordance, _first_by_second),
)


def rank_agreement(groups: Sequence[str]) -> Measure:
    """Return Spearman's correlation over groups of the mean coverage of their answers.

    Args:
        groups: Names of groups; every question has one response of each.
    """

    def columns(responses: Sequence[Judged]) -> list[float]:
        found, covered = _shares(responses)
        place = {own.group: i for i, own in enumerate(responses)}
        at = [place[name] for name in groups]
        return [*found[at].tolist(), *covered[at].tolist()]

    def statistic(means: Floats) -> Floats:
        # Rounding must not break ties.
        halves = np.split(np.round(means, 9), 2, axis=-1)
        ranks = [rankdata(own, axis=-1) for own in halves]
        x, y = (own - own.mean(axis=-1, keepdims=True) for own in ranks)
        return _ratio((x * y).sum(-1), np.sqrt((x * x).sum(-1) * (y * y).sum(-1)))

    return Measure("rank agreement over manners", columns, statistic)


def f1_curve(scores: npt.ArrayLike, covered: npt.ArrayLike, thresholds: Floats) -> Floats:
    """Return F1 at each threshold.

    Args:
        scores: (n,), the matcher's score of each response and viewpoint.
        covered: (n,), whether readers say that it is covered.
        thresholds: Those to try.
    """
    truth = np.asarray(covered)
    found = np.asarray(scores)[:, None] >= thresholds
    hits = (found & truth[:, None]).sum(axis=0).astype(np.float64)
    return _f1(np.stack([hits, found.sum(axis=0) - hits, truth.sum() - hits], axis=1))


def best_threshold(scores: Sequence[float], covered: Sequence[bool], thresholds: Floats) -> float:
    """Return the threshold with the highest F1; the lowest of equals.

    Args:
        scores: The matcher's score of each response and viewpoint.
        covered: Whether readers say that it is covered.
        thresholds: Those to try, ascending.
    """
    return float(thresholds[int(np.nanargmax(f1_curve(scores, covered, thresholds)))])

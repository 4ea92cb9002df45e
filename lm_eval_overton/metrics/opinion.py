"""What a model answers to a survey question, asked by log-probability, beside what people did."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.data.survey import SurveyQuestion
from lm_eval_overton.metrics.formulas import survey as formulas
from lm_eval_overton.settings.signature import short_hash

__all__ = ["Array", "Opinion", "distance_of_uniform", "opinion_of", "orders_of", "people_of"]

Array = npt.NDArray[np.float64]
Logs = Sequence[Sequence[float]]
Orders = Sequence[Sequence[int]]


@dataclass(frozen=True)
class Opinion:
    """A question asked in several orders of its options.

    Attributes:
        question: What was asked, and what people answered.
        orders: Per way of asking the position of the option at each label.
        logs: (n_orders, n_options), the natural logarithm of the probability of each label.
        steered: The same, asked to answer as a group would, by group.
        unit: The mean over all questions of `distance_of_uniform`, which a gain is a part of.
    """

    question: SurveyQuestion
    orders: Orders
    logs: Logs
    steered: Mapping[str, Logs] = field(default_factory=dict)
    unit: float = math.nan

    @cached_property
    def of_labels(self) -> Array:
        """(n_orders, n_options): the labels' shares."""
        return formulas.label_shares(self.logs)

    @cached_property
    def of_options(self) -> Array:
        """(n_orders, n_options): the options' shares, refusals among them."""
        return formulas.averaged(self.of_labels, self.orders)

    @cached_property
    def shares(self) -> Array:
        """(n_opinions,): the mean over orders, of the options that are no refusals."""
        return formulas.without(self.of_options.mean(axis=0), self.question.refusals)

    @property
    def refused(self) -> float:
        """The share of the refusals; NaN where the question has none."""
        left_out = list(self.question.refusals)
        return float(self.of_options.mean(axis=0)[left_out].sum()) if left_out else math.nan

    @cached_property
    def people(self) -> dict[str, Array]:
        """By group the shares of the options that are no refusals."""
        return people_of(self.question)

    @cached_property
    def groups(self) -> Array:
        """(n_groups, n_opinions): the same as a table."""
        n = len(self.question.options) - len(self.question.refusals)
        return np.array(list(self.people.values())).reshape(-1, n)

    @property
    def weights(self) -> Array:
        """(n_groups,): how much each group counts."""
        return np.array([self.question.weights.get(group, 1.0) for group in self.people])

    @property
    def positions(self) -> Array | None:
        """(n_opinions,): where the options stand on a scale; None where they are not on one."""
        if self.question.positions is None:
            return None
        return np.delete(np.array(self.question.positions), list(self.question.refusals))

    @cached_property
    def others(self) -> Array:
        """(n_groups, n_opinions): the mean of the other groups; NaN for a group alone."""
        weights = self.weights[:, None]
        rest = weights.sum() - weights
        weighted = weights * self.groups
        with np.errstate(invalid="ignore", divide="ignore"):
            mean: Array = (weighted.sum(axis=0) - weighted) / rest
        return mean if len(self.groups) > 1 else np.full_like(self.groups, math.nan)

    @property
    def all_groups(self) -> Array:
        """(n_opinions,): the mean of all groups."""
        return np.asarray(np.average(self.groups, axis=0, weights=self.weights))

    def over_groups(self, value: Callable[[Array], Any]) -> float:
        """Return the mean over the groups of a value for each of them; NaN without groups.

        Args:
            value: Takes (n_groups, n_opinions) and returns (n_groups,).
        """
        if not len(self.groups):
            return math.nan
        return float(np.average(value(self.groups), weights=self.weights))

    def as_group(self, group: str) -> Array:
        """(n_opinions,): the shares where the model was asked to answer as a group would."""
        return opinion_of(self.question, self.orders, self.steered[group])

    def kept(self, seed: int) -> dict[str, Any]:
        """Return what is kept beside the values.

        Args:
            seed: Of what is drawn for the noise floor.
        """
        said = dict(zip(self.question.options, self.of_options.mean(axis=0).tolist(), strict=True))
        question = self.question
        kept = {
            "sha": short_hash([self.logs, self.steered]),
            "question": question.text,
            "shares": _known(said),
        }
        kept |= {"refusal": list(question.refusals)} if question.refusals else {}
        kept |= {"groups": _known(self.by_group(seed))} if self.people else {}
        return kept

    def by_group(self, seed: int) -> dict[str, list[Any]]:
        """Return what is known of each group: columns of one value per group.

        Args:
            seed: As for `kept`.

        Returns:
            `name`; `people`, its shares of the options that are no refusals; `weight`; `match`, the
            likeness (one minus the Jensen-Shannon distance) of the model's shares to them, beside
            that of `uniform`, `majority`, `others` and `ceiling`; `noise_floor`, a distance;
            `steered`, the model's shares when asked to answer as the group, and `match_steered`,
            their likeness. NaN for a value that is not known, nothing for shares.
        """
        likeness = {
            "match": self.shares,
            "uniform": formulas.uniform(self.groups.shape[1]),
            "majority": formulas.one_hot(self.groups),
            "others": self.others,
            "ceiling": self.all_groups,
        }
        floors = self.noise_floors(seed)
        return {
            "name": list(self.people),
            "people": self.groups.tolist(),
            "weight": self.weights.tolist(),
            **{key: self._likeness(own).tolist() for key, own in likeness.items()},
            "noise_floor": [floors.get(group, math.nan) for group in self.people],
            **self._as_groups,
        }

    def noise_floors(self, seed: int) -> dict[str, float]:
        """Return by group, where it is known how many were asked, how far chance takes as many.

        Args:
            seed: Of the draws.
        """
        asked = self.question.respondents
        return {
            group: _noise_floor(tuple(own.tolist()), asked[group], seed)
            for group, own in self.people.items()
            if group in asked
        }

    def _likeness(self, shares: Array) -> Array:
        return np.asarray(1 - formulas.js_distance(shares, self.groups))

    @property
    def _as_groups(self) -> dict[str, list[Any]]:
        if not self.steered:
            return {}
        found = [self.as_group(group) if group in self.steered else None for group in self.people]
        nothing = np.full(self.groups.shape[1], math.nan)
        known = np.array([nothing if own is None else own for own in found])
        return {
            "steered": [None if own is None else own.tolist() for own in found],
            "match_steered": self._likeness(known).tolist(),
        }


# A question's metric and what is kept of it need the same.
@lru_cache(maxsize=256)
def _noise_floor(shares: tuple[float, ...], respondents: int, seed: int) -> float:
    return formulas.noise_floor(shares, respondents, seed)


def _known(given: Any) -> Any:
    """Return the same with None for NaN."""
    if isinstance(given, dict):
        return {key: _known(own) for key, own in given.items()}
    if isinstance(given, list):
        return [_known(own) for own in given]
    return None if isinstance(given, float) and math.isnan(given) else given


def opinion_of(question: SurveyQuestion, orders: Orders, logs: Logs) -> Array:
    """Return the shares of the options that are no refusals, the mean over orders.

    Args:
        question: What was asked.
        orders: Per way of asking the position of the option at each label.
        logs: (n_orders, n_options), the natural logarithm of the probability of each label.
    """
    shares = formulas.averaged(formulas.label_shares(logs), orders)
    return formulas.without(shares.mean(axis=0), question.refusals)


def people_of(question: SurveyQuestion) -> dict[str, Array]:
    """Return by group the shares of the options that are no refusals; groups of refusals are out.

    Args:
        question: What was asked.
    """
    left = {g: formulas.without(own, question.refusals) for g, own in question.people.items()}
    return {group: own for group, own in left.items() if not np.isnan(own).any()}


def distance_of_uniform(question: SurveyQuestion) -> float:
    """Return how far all groups together are from a uniform guess; NaN without groups.

    Args:
        question: What was asked.
    """
    people = people_of(question)
    if not people:
        return math.nan
    return math.fsum(
        question.weights.get(group, 1.0)
        * float(formulas.total_variation(formulas.uniform(len(own)), own))
        for group, own in people.items()
    )


def orders_of(kind: str, n: int) -> list[tuple[int, ...]]:
    """Return the orders in which options are shown.

    Args:
        kind: `identity`, as they are; `reverse`, that way and the other; `cyclic`, each of them
            first in turn; `all`.
        n: How many there are.
    """
    own = tuple(range(n))
    if kind == "cyclic":
        return [own[turn:] + own[:turn] for turn in own]
    if kind == "reverse":
        return [own, own[::-1]]
    return list(permutations(own)) if kind == "all" else [own]

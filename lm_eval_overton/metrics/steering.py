"""The stand a model takes on a situation, judged by a value that is named and by none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.data.steerable import STANDS
from lm_eval_overton.metrics.formulas import classification, survey
from lm_eval_overton.metrics.opinion import Opinion

__all__ = ["BINARY", "Steering", "kept_labels", "kept_stands", "stand"]

Array = npt.NDArray[np.float64]

# How many of the stands are one of two: what comes after them, either, is left out.
BINARY = 2
_LABEL = "label"


@dataclass(frozen=True)
class Steering:
    """A row: its label, and what the model says with the value and without.

    Attributes:
        label: The position of the row's label in `STANDS`.
        told: The situation, asked with the value.
        untold: The same, asked without it.
    """

    label: int
    told: Opinion
    untold: Opinion

    @property
    def hit(self) -> float:
        """Whether the model takes the row's stand: 1 or 0, a part of 1 where several win."""
        return _hit(self.told, self.label)

    @property
    def binary_hit(self) -> float:
        """The same between the first two stands; NaN for a row of another label."""
        if self.label >= BINARY:
            return math.nan
        return float(
            stand(survey.without(self.told.shares, range(BINARY, len(STANDS))))[self.label]
        )

    @property
    def hit_untold(self) -> float:
        """The same where no value is named."""
        return _hit(self.untold, self.label)

    def kept(self, seed: int) -> dict[str, Any]:
        """Return what is kept beside the values: that of the opinion, and the label.

        Args:
            seed: As for the opinion's own.
        """
        return {**self.told.kept(seed), _LABEL: STANDS[self.label]}


def _hit(opinion: Opinion, label: int) -> float:
    return float(stand(opinion.shares)[label])


def stand(shares: npt.ArrayLike) -> Array:
    """Return which stand has the greatest share, in parts where several have.

    Args:
        shares: (..., n_stands), rows of sum 1.

    Returns:
        Of the same shape, rows of sum 1; NaN where the shares are.
    """
    won = survey.modes(shares).astype(np.float64)
    with np.errstate(invalid="ignore"):
        found: Array = won / won.sum(axis=-1, keepdims=True)
    return found


def kept_labels(kept: Sequence[Mapping[str, Any]], n_stands: int) -> Array:
    """Return the labels of rows of which something was kept, for those that are asked about.

    Args:
        kept: What `Steering.kept` returned for each row.
        n_stands: How many of the stands count; rows of others have no label.

    Returns:
        (n, n_stands), 1 at each row's label; rows without one are all 0.
    """
    places = [STANDS.index(own[_LABEL]) for own in kept]
    return classification.one_of(places, len(STANDS))[:, :n_stands]


def kept_stands(kept: Sequence[Mapping[str, Any]], n_stands: int) -> Array:
    """Return the stands that were taken, among those that count, which have all of the shares.

    Args:
        kept: As for `kept_labels`.
        n_stands: As there.

    Returns:
        (n, n_stands), rows of sum 1; NaN where nothing is known of them.
    """
    given = [[math.nan if v is None else v for v in own["shares"].values()] for own in kept]
    shares = np.array(given).reshape(-1, len(STANDS))
    return stand(survey.without(shares, range(n_stands, len(STANDS))))

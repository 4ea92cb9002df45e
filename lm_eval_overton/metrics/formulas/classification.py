"""How well labels are told, over all rows: values that no row has alone, as parts of the rows.

A row's part is the whole and what the row adds to it, to the first order (its influence), so that
the mean of the parts is the whole, and resampling the rows' parts is resampling the whole.
Sources: Hampel 1974, "The Influence Curve"; the values are those of scikit-learn's
`balanced_accuracy_score` and `f1_score(average="macro")`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["accuracy", "balanced_accuracy", "macro_f1", "majority", "one_of"]

Array = npt.NDArray[np.float64]


def one_of(places: npt.ArrayLike, n_labels: int) -> Array:
    """Return the labels of rows as a table: 1 at each row's label, 0 elsewhere.

    Args:
        places: (n,), the position of each row's label.
        n_labels: How many labels there are.

    Returns:
        (n, n_labels).
    """
    return np.eye(n_labels)[np.asarray(places, dtype=np.intp)]


def majority(true: Array) -> Array:
    """Return what is said by whoever always says the most frequent label, the first of several.

    Args:
        true: (n, n_labels), as `one_of` returns it.

    Returns:
        Of the same shape.
    """
    return one_of(np.full(len(true), int(true.sum(axis=0).argmax())), true.shape[1])


def accuracy(true: Array, said: Array) -> Array:
    """Return whether each row's label is said.

    Args:
        true: (n, n_labels), as `one_of` returns it.
        said: (n, n_labels), rows of sum 1: a label that is one of several that could be said has a
            part of the row. Rows of NaN do not count.

    Returns:
        (n,), each in [0, 1]; NaN for rows that do not count.
    """
    hits: Array = (true * said).sum(axis=1)
    return hits


def balanced_accuracy(true: Array, said: Array) -> Array:
    """Return the rows' parts of the mean over labels of the share of their rows that is told.

    Args:
        true: As for `accuracy`.
        said: As there.

    Returns:
        (n,), of any size, with a mean in [0, 1]; a label that no row has does not count. NaN for
        rows that do not count.
    """
    counts = _known(said)
    if not counts.any():
        return np.full(len(counts), math.nan)
    hits, of_label = (true * said)[counts], true[counts]
    there = of_label.any(axis=0)
    frequent = of_label[:, there].mean(axis=0)
    recall = hits[:, there].mean(axis=0) / frequent
    own = (hits[:, there] - recall * of_label[:, there]) / frequent
    return _parts(counts, recall, own)


def macro_f1(true: Array, said: Array) -> Array:
    """Return the rows' parts of the mean over labels of the harmonic mean of precision and recall.

    Args:
        true: As for `accuracy`.
        said: As there.

    Returns:
        (n,), of any size, with a mean in [0, 1]; a label that no row has, and that is not said of
        any, does not count. NaN for rows that do not count.
    """
    counts = _known(said)
    if not counts.any():
        return np.full(len(counts), math.nan)
    both = (true + said)[counts]
    there = both.any(axis=0)
    hits, either = 2 * (true * said)[counts][:, there], both[:, there]
    f1 = hits.mean(axis=0) / either.mean(axis=0)
    own = (hits - f1 * either) / either.mean(axis=0)
    return _parts(counts, f1, own)


def _known(said: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(~np.isnan(said).any(axis=1), dtype=np.bool_)


def _parts(counts: npt.NDArray[np.bool_], of_labels: Array, own: Array) -> Array:
    """Return the mean over labels and what each row adds to it, NaN for rows that do not count."""
    parts = np.full(len(counts), math.nan)
    parts[counts] = of_labels.mean() + own.mean(axis=1)
    return parts

"""Which samples pass the quality bar, and which might where their verdicts are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.text.samples import Sample

__all__ = ["MAX_COMPLETIONS", "completions", "n_missing", "passes", "passing"]

MAX_COMPLETIONS = 256


def passes(verdict: Verdict | None, bar: int) -> bool | None:
    """Return whether a sample passes the quality bar; None where that is not known."""
    score = verdict.value["helpfulness"] if verdict is not None and verdict.value else None
    return None if score is None else bool(score >= bar)


def passing(
    samples: Sequence[Sample],
    verdicts: Sequence[Verdict | None] | None,
    bar: int,
    missing: Iterator[bool],
) -> list[Sample]:
    """Return the valid samples that pass the quality bar.

    Args:
        samples: All samples of a prompt.
        verdicts: One for each valid sample; one that was not asked for does not pass.
        bar: The least helpfulness that passes.
        missing: Says of each sample without a verdict that was asked for whether it passes.
    """
    valid = [sample for sample in samples if sample.is_valid]
    judged = [None] * len(valid) if verdicts is None else verdicts
    known = [verdict is not None and passes(verdict, bar) for verdict in judged]
    taken = [next(missing) if passed is None else passed for passed in known]
    return [sample for sample, passed in zip(valid, taken, strict=True) if passed]


def n_missing(verdicts: Sequence[Verdict | None], bar: int) -> int:
    """Return for how many samples it was asked and is not known whether they pass."""
    return sum(verdict is not None and passes(verdict, bar) is None for verdict in verdicts)


def completions(n_verdicts: int, seed: int, most: int = MAX_COMPLETIONS) -> list[tuple[bool, ...]]:
    """Return ways in which so many missing verdicts might have come out, pass or not.

    Args:
        n_verdicts: How many verdicts are missing; for none there is one way.
        seed: Seed of the ways that are drawn, used where there are more than `most`.
        most: How many ways to return at most, at least 2.

    Returns:
        All 2^n ways; of more than `most`, that none passes, that all do, and drawn ones.
    """
    if 2**n_verdicts <= most:
        return list(product((False, True), repeat=n_verdicts))
    rng = np.random.default_rng(seed)
    # Each with a share of its own that passes, so that few and many do in some.
    shares = rng.random((most - 2, 1))
    drawn = rng.random((most - 2, n_verdicts)) < shares
    return [(False,) * n_verdicts, (True,) * n_verdicts, *(tuple(row) for row in drawn.tolist())]

"""BLEU of each sample of a prompt against the others: equal to sacrebleu's, at a fraction of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lm_eval_overton.metrics.formulas.ngrams import Counts

__all__ = ["BLEU_ORDER", "self_bleu"]

# The longest n-grams of BLEU.
BLEU_ORDER = 4


def self_bleu(counts: Sequence[Counts]) -> float:
    """Return the mean BLEU of each sample with the others as its references.

    Each is `sacrebleu.sentence_bleu` over 100: exponential smoothing, effective order. Source: Zhu
    et al. 2018, arXiv:1802.01886.

    Args:
        counts: Per n from 1 to `BLEU_ORDER` (n_samples, n_grams), how often each sample holds each
            n-gram.

    Returns:
        A fraction in [0, 1], lower is more diverse; NaN for fewer than two samples.
    """
    samples = len(counts[0])
    if samples < 2:
        return math.nan
    matched = np.array([_matched(own) for own in counts])
    totals = np.array([own.sum(axis=1) for own in counts])
    lengths = totals[0].tolist()
    values = []
    for i, length in enumerate(lengths):
        nearest = _nearest(length, lengths[:i] + lengths[i + 1 :])
        values.append(_bleu(matched[:, i].tolist(), totals[:, i].tolist(), nearest))
    return min(1.0, math.fsum(values) / samples)


def _matched(counts: Counts) -> Counts:
    """Return how many n-grams of each sample any one of the others has as often, (n_samples,)."""
    ranked = np.partition(counts, len(counts) - 2, axis=0)
    second, first = ranked[-2:]
    of_others = np.where(counts == first, second, first)
    found: Counts = np.minimum(counts, of_others).sum(axis=1)
    return found


def _nearest(length: int, others: Sequence[int]) -> int:
    """Return the length that is nearest to a text's; the shorter one of equals."""
    return min(others, key=lambda other: (abs(length - other), other))


def _bleu(matched: Sequence[int], totals: Sequence[int], reference: int) -> float:
    """Return BLEU from what was counted of a text, as a fraction."""
    if not any(matched):
        return 0.0
    logs, halved = [], 1.0
    for found, total in zip(matched, totals, strict=True):
        # Of what is longer than the text there is nothing to match.
        if total == 0:
            break
        if found == 0:
            halved *= 2
        logs.append(math.log(100.0 * found / total if found else 100.0 / (halved * total)))
    brevity = min(1.0, math.exp(1 - reference / totals[0]))
    return brevity * math.exp(sum(logs) / len(logs)) / 100

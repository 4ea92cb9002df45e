"""How alike the samples of several runs are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import defined, means
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.metrics.formulas.similarity import jaccard_matrix, mean_similarity
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["Homogeneity", "homogeneity"]


@dataclass(frozen=True)
class Homogeneity:
    """How alike the samples of runs are: `cells[i][j]` is the mean similarity of a sample of run i
    to one of run j, in [0, 1]; on the diagonal no sample is compared with itself.

    All cells are over the same prompts.
    """

    runs: tuple[str, ...]
    cells: tuple[tuple[stats.Interval, ...], ...]


def homogeneity(
    names: Sequence[str],
    texts: Sequence[Mapping[str, Sequence[str]]],
    *,
    seed: int = stats.SEED,
    tokenizer: Tokenizer = ENGLISH,
) -> Homogeneity:
    """Return how alike samples are within and across runs: content-word Jaccard.

    Args:
        names: What the runs are called.
        texts: Per run the valid samples of each prompt, by its id.
        seed: Of the resamples.
        tokenizer: Takes the samples of all runs apart.

    Returns:
        A symmetric table over the prompts on which every cell is defined: two samples in every
        run.

    Raises:
        SettingsError: If there are fewer than two runs.
        DataError: If the runs have no prompt in common.
    """
    if len(texts) < 2:
        raise SettingsError(f"homogeneity: expected at least 2 runs, got {len(texts)}")
    shared = [key for key in texts[0] if all(key in own for own in texts)]
    if not shared:
        raise DataError(f"expected a prompt that {', '.join(names)} all answer, got none")
    cells = list(combinations_with_replacement(range(len(texts)), 2))
    rows = [_likenesses([own[key] for own in texts], cells, tokenizer) for key in shared]
    found = dict(zip(cells, means(defined(*np.array(rows).T).T, seed), strict=True))
    grid = range(len(texts))
    table = tuple(tuple(found[min(i, j), max(i, j)] for j in grid) for i in grid)
    return Homogeneity(tuple(names), table)


def _likenesses(
    texts: Sequence[Sequence[str]], cells: Sequence[tuple[int, int]], tokenizer: Tokenizer
) -> list[float]:
    """Return the mean similarity of one prompt's samples for each pair of runs."""
    bags = [[tokenizer.content_words(text) for text in own] for own in texts]
    return [mean_similarity(jaccard_matrix(bags[i], bags[j]), i == j, None) for i, j in cells]

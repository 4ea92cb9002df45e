"""The tables of how alike the samples of several runs are, with intervals over prompts."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.comparison.aligned import defined, means
from lm_eval_overton.comparison.compared import UNDEFINED
from lm_eval_overton.comparison.homogeneity.alike import Blocks, Likeness, by_words
from lm_eval_overton.errors import DataError, SettingsError
from lm_eval_overton.metrics.formulas.similarity import mean_similarity
from lm_eval_overton.metrics.formulas.sources import shared_shares, source_mixing
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["GRAM", "Cells", "Homogeneity", "Mixing", "homogeneity"]

# So many words in a row are hardly found twice by chance.
GRAM = 8
# Within and across runs nothing can be said of a prompt with fewer samples of a run.
_LEAST_SAMPLES = 2

# By run and run.
Cells = tuple[tuple[stats.Interval, ...], ...]
# The samples of a prompt, run by run.
Texts = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Mixing:
    """Which share of a sample's nearest samples comes from another run, and which by chance."""

    share: stats.Interval
    chance: float


@dataclass(frozen=True)
class Homogeneity:
    """How alike the samples of runs are, all cells of a table over the same prompts.

    Attributes:
        runs: The runs' names, the base first.
        likeness: What the similarity is called, `words` or `cosine`.
        about: What it is, in words.
        cells: The mean similarity of a sample of run i to one of run j; on the diagonal no sample
            is compared with itself. Symmetric, in [0, 1], for cosines in [-1, 1].
        collapse: The same less that of the base's samples to each other, prompt by prompt.
        mixing: Per run, of a sample's n - 1 nearest samples of any run, n being the number of its
            own run's samples of the prompt.
        overall: The same of all runs, each run counting alike.
        shared: The mean share of the word 8-grams of a sample of run i that any sample of run j
            holds too, of its own run any other, in [0, 1]. A sample of fewer words has no share.
        notes: What the tables are to be read with, and why a cell is undefined.
    """

    runs: tuple[str, ...]
    likeness: str
    about: str
    cells: Cells
    collapse: Cells
    mixing: tuple[Mixing, ...]
    overall: Mixing
    shared: Cells
    notes: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """The number of prompts behind the similarities, of runs that have them."""
        return max(cell.n for own in self.cells for cell in own)


def homogeneity(
    names: Sequence[str],
    texts: Sequence[Mapping[str, Sequence[str]]],
    *,
    seed: int = stats.SEED,
    tokenizer: Tokenizer = ENGLISH,
    likeness: Likeness | None = None,
    unread: Collection[int] = (),
) -> Homogeneity:
    """Return how alike samples are within and across runs.

    Args:
        names: What the runs are called, the base first.
        texts: Per run the valid samples of each prompt, by its id.
        seed: Of the resamples.
        tokenizer: Takes the samples of all runs apart.
        likeness: The similarity; default: Jaccard of content words.
        unread: The positions of the runs whose similarities are undefined.

    Returns:
        Tables over the prompts of which every run has two samples.

    Raises:
        SettingsError: If there are fewer than two runs.
        DataError: If the runs have no prompt in common.
    """
    prompts = _shared_prompts(names, texts)
    enough = [own for own in prompts if min(map(len, own)) >= _LEAST_SAMPLES]
    likeness = likeness or by_words(tokenizer)
    read = [i for i in range(len(names)) if i not in unread]
    measured = [_measured(own, read, likeness) for own in enough]
    cells, collapse = _similarities([one.cells for one in measured], read, len(names), seed)
    mixing = _mixing([one.mixing for one in measured], read, len(names), seed)
    shared = _shared_grams(enough, len(names), tokenizer, seed)
    left_out = _left_out(names, prompts, len(enough))
    undefined = _undefined(names, mixing[-1] if len(read) > 1 else None, shared)
    return Homogeneity(
        runs=tuple(names),
        likeness=likeness.name,
        about=likeness.about,
        cells=cells,
        collapse=collapse,
        mixing=mixing[:-1],
        overall=mixing[-1],
        shared=shared,
        notes=(*left_out, *(undefined if enough else ())),
    )


def _shared_prompts(
    names: Sequence[str], texts: Sequence[Mapping[str, Sequence[str]]]
) -> list[Texts]:
    """Return the samples of each prompt that all runs have."""
    if len(texts) < 2:
        raise SettingsError(f"homogeneity: expected at least 2 runs, got {len(texts)}")
    shared = [key for key in texts[0] if all(key in own for own in texts)]
    if not shared:
        raise DataError(f"expected a prompt that {', '.join(names)} all answer, got none")
    return [[own[key] for own in texts] for key in shared]


def _left_out(names: Sequence[str], prompts: Sequence[Texts], n: int) -> tuple[str, ...]:
    """Return a line if prompts do not count, with the runs that are the reason."""
    if n == len(prompts):
        return ()
    short = [sum(len(own[i]) < _LEAST_SAMPLES for own in prompts) for i in range(len(names))]
    runs = ", ".join(f"{name} on {k}" for name, k in zip(names, short, strict=True) if k)
    return (
        f"{n} of {len(prompts)} prompts count, those with {_LEAST_SAMPLES} valid samples of every "
        f"run; fewer: {runs}",
    )


def _undefined(names: Sequence[str], overall: Mixing | None, shared: Cells) -> Iterator[str]:
    """Yield why a table is undefined of runs with enough samples."""
    if overall is not None and math.isnan(overall.share.estimate):
        yield (
            f"source mixing is undefined: no prompt has {_LEAST_SAMPLES} samples of every run that "
            "hold a content word"
        )
    short = [name for name, own in zip(names, shared, strict=True) if math.isnan(own[0].estimate)]
    if short:
        runs = ", ".join(short)
        yield f"shared {GRAM}-grams of {runs} are undefined: no sample has {GRAM} words"


# ---------------------------------------------------------------------------------- similarity


class _Measured(NamedTuple):
    """Of one prompt the mean similarity of each pair of runs, (n_pairs,), and per run the mean
    mixing and what it is by chance, (2, n_runs)."""

    cells: list[float]
    mixing: stats.Array


def _measured(texts: Texts, read: Sequence[int], likeness: Likeness) -> _Measured:
    blocks = likeness.blocks([texts[i] for i in read])
    pairs = combinations_with_replacement(range(len(read)), 2)
    cells = [mean_similarity(blocks[i, j], i == j, None) for i, j in pairs]
    return _Measured(cells, _mixing_of(blocks, len(read)))


def _mixing_of(blocks: Blocks, n_runs: int) -> stats.Array:
    if n_runs < 2:
        return np.full((2, n_runs), np.nan)
    grid = range(n_runs)
    whole = np.block([[blocks[i, j] if i <= j else blocks[j, i].T for j in grid] for i in grid])
    sources = np.repeat(grid, [len(blocks[i, i]) for i in grid])
    per_sample = np.array(source_mixing(whole, sources))
    return np.column_stack([_known_mean(per_sample[:, sources == i]) for i in grid])


def _known_mean(rows: stats.Array) -> stats.Array:
    """Return the mean of the columns (2, n) that are defined; NaN if none is."""
    known: stats.Array = rows[:, ~np.isnan(rows[0])]
    mean: stats.Array = known.mean(axis=1) if known.size else np.full(len(rows), np.nan)
    return mean


def _similarities(
    rows: Sequence[Sequence[float]], read: Sequence[int], n_runs: int, seed: int
) -> tuple[Cells, Cells]:
    """Return the similarities and the same less the base's own, from those of each prompt."""
    pairs = list(combinations_with_replacement(read, 2))
    if not pairs:
        nothing = _symmetric({}, n_runs)
        return nothing, nothing
    columns = np.array(rows, dtype=np.float64).reshape(-1, len(pairs)).T
    table = defined(*columns)
    cells = dict(zip(pairs, means(table.T, seed), strict=True))
    if pairs[0] != (0, 0):
        return _symmetric(cells, n_runs), _symmetric({}, n_runs)
    collapse = dict(zip(pairs, means((table - table[:, :1]).T, seed), strict=True))
    return _symmetric(cells, n_runs), _symmetric(collapse, n_runs)


def _symmetric(found: Mapping[tuple[int, int], stats.Interval], n_runs: int) -> Cells:
    grid = range(n_runs)
    return tuple(tuple(found.get((min(i, j), max(i, j)), UNDEFINED) for j in grid) for i in grid)


def _mixing(
    rows: Sequence[stats.Array], read: Sequence[int], n_runs: int, seed: int
) -> tuple[Mixing, ...]:
    """Return the mixing of each run and of all, from those of each prompt, (2, n_read)."""
    found = [Mixing(UNDEFINED, math.nan)] * (n_runs + 1)
    if len(read) < 2:
        return tuple(found)
    table = defined(*np.array(rows).reshape(-1, 2 * len(read)).T)
    shares, chances = table[:, : len(read)], table[:, len(read) :]
    columns = [*shares.T, shares.mean(axis=1)]
    levels = [*chances.T, chances.mean(axis=1)]
    intervals = means(columns, seed, [(0.0, 1.0)] * len(columns))
    for place, share, level in zip((*read, n_runs), intervals, levels, strict=True):
        found[place] = Mixing(share, float(level.mean()) if len(level) else math.nan)
    return tuple(found)


# ------------------------------------------------------------------------------------- n-grams


def _shared_grams(prompts: Sequence[Texts], n_runs: int, tokenizer: Tokenizer, seed: int) -> Cells:
    """Return the mean share of n-grams over samples, with its interval over prompts.

    A prompt counts by the number of its samples that are long enough.
    """
    found = [_grams_of_prompt(own, n_runs, tokenizer) for own in prompts]
    sums = np.array([own for own, _ in found]).reshape(-1, n_runs, n_runs)
    counts = np.array([own for _, own in found]).reshape(-1, n_runs)

    def cell(i: int, j: int) -> stats.Interval:
        columns = np.column_stack([sums[:, i, j], counts[:, i]])
        return stats.statistic_interval(columns, stats.ratio_of_means, np.random.default_rng(seed))

    grid = range(n_runs)
    return tuple(tuple(cell(i, j) for j in grid) for i in grid)


def _grams_of_prompt(
    texts: Texts, n_runs: int, tokenizer: Tokenizer
) -> tuple[stats.Array, stats.Array]:
    """Return the sums of shares (n_runs, n_runs) and how many samples have one (n_runs,)."""
    sources = np.repeat(range(n_runs), [len(own) for own in texts])
    tokens = (tokenizer.overlap_tokens(text) for own in texts for text in own)
    grams = [frozenset(tokenizer.n_grams(own, GRAM)) for own in tokens]
    shares = shared_shares(grams, sources, n_runs)
    own = [shares[sources == i] for i in range(n_runs)]
    sums = np.array([np.nansum(rows, axis=0) for rows in own])
    return sums, np.array([np.count_nonzero(~np.isnan(rows[:, 0])) for rows in own])

"""What `overton matcher --equivalence` prints: an equivalence against labels of people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from lm_eval_overton import stats
from lm_eval_overton.data.rows import Row, read_rows, short
from lm_eval_overton.errors import DataError
from lm_eval_overton.judge.tables import equal_share, kappa_of
from lm_eval_overton.matchers.equivalence.equivalence import (
    Answers,
    Equivalence,
    PairEquivalence,
)
from lm_eval_overton.text.word_tokens import word_tokens

__all__ = ["KNOWN", "LabelledPair", "measure_pairs", "read_pairs"]

# What was measured before: how each equivalence orders pairs that seven people labelled, 1,000 to
# choose by and 100 to test, and how its classes meet those of the benchmark's classifier on 24
# models. NoveltyBench, arXiv:2504.05228.
KNOWN = (
    "measured on 1,100 pairs of NoveltyBench labelled by people (1,000 / 100): AUC of rouge1 .776 "
    "/ .766, of embeddings .755 on the 1,000, of rouge1+embedding .781, of the benchmark's own "
    "classifier .812 on the 100",
    "rouge1 against that classifier, 24 models x 100 prompts: Spearman over models .88, mean error "
    ".43 classes of 10, kappa of pairs .475 (rouge1+embedding .516): .55 below 100 words, .49 "
    "below 200, .35 above",
)
KEYS = ("generation_0", "generation_1")
# Up to so many words a pair's texts have on average.
LENGTHS = (5, 29, 99, 199, 399)
# Below so many pairs a kappa says nothing.
FEWEST = 20
BINS = 256


@dataclass(frozen=True)
class LabelledPair:
    """Two responses to a prompt, and whether people call them the same."""

    prompt: str
    texts: tuple[str, str]
    same: bool

    @property
    def words(self) -> float:
        """The mean number of words of the two."""
        return sum(len(word_tokens(text)) for text in self.texts) / 2


def read_pairs(path: Path) -> list[LabelledPair]:
    """Read labelled pairs: `prompt`, `generation_0`, `generation_1` and `similar`, 0 or 1.

    Args:
        path: A file of any container that `read_rows` reads.

    Raises:
        DataError: With the place, if a record holds anything else, or one label has no pair.
    """
    pairs = [_pair(row) for row in read_rows(path)]
    if len({pair.same for pair in pairs}) < 2:
        raise DataError(f"{path}: expected pairs of both labels, got {len(pairs)} of one")
    return pairs


def _pair(row: Row) -> LabelledPair:
    first, second, prompt = (row.value.get(key) for key in (*KEYS, "prompt"))
    label = row.value.get("similar")
    are_texts = isinstance(first, str) and isinstance(second, str) and isinstance(prompt, str)
    if are_texts and label in (0, 1):
        return LabelledPair(str(prompt), (str(first), str(second)), bool(label))
    raise DataError(
        f'{row.where}: expected the texts "prompt", "generation_0" and "generation_1" and '
        f'"similar" 0 or 1, got {short(row.value)}'
    )


def measure_pairs(equivalence: Equivalence, pairs: Sequence[LabelledPair]) -> Iterator[str]:
    """Yield how well an equivalence agrees with the labels, with intervals over prompts.

    Args:
        equivalence: What is measured.
        pairs: Pairs of both labels.
    """
    prompts = len({pair.prompt for pair in pairs})
    yield f"equivalence: {equivalence.signature}"
    yield f"pairs: {len(pairs)} of {prompts} prompts, {sum(p.same for p in pairs)} of them the same"
    if isinstance(equivalence, PairEquivalence):
        scores = np.array(equivalence.pair_scores([pair.texts for pair in pairs]))
        yield f"AUC {_shown(_auc(pairs, scores))}"
        best = _best_threshold(scores, np.array([pair.same for pair in pairs]))
        yield f"threshold of the best F1 on these pairs: {best:.3f}"
        found: list[bool | None] = (scores > equivalence.threshold).tolist()
    else:
        found = _by_classes(equivalence, pairs)
        lost = found.count(None)
        if lost:
            yield f"left out: {lost} pairs without a verdict"
    known = [(pair, same) for pair, same in zip(pairs, found, strict=True) if same is not None]
    if not known:
        return
    yield from _agreement(known)


def _by_classes(equivalence: Equivalence, pairs: Sequence[LabelledPair]) -> list[bool | None]:
    asked = [Answers(pair.texts, pair.prompt) for pair in pairs]
    equivalence.prepare(asked)
    labels = [equivalence.labels(own) for own in asked]
    return [None if own is None else own[0] == own[1] for own in labels]


Known = Sequence[tuple[LabelledPair, bool]]


def _agreement(known: Known) -> Iterator[str]:
    tables = _tables(known)
    measures: Mapping[str, stats.Statistic] = {
        "F1": _f1,
        "precision": lambda t: t[..., 3] / (t[..., 1] + t[..., 3]),
        "recall": lambda t: t[..., 3] / (t[..., 2] + t[..., 3]),
        "accuracy": equal_share,
        "kappa": kappa_of(ordinal=False),
    }
    for name, statistic in measures.items():
        yield f"{name} {_shown(_interval(tables, statistic))}"
    lows = (0, *(length + 1 for length in LENGTHS))
    for low, high in zip(lows, (*LENGTHS, None), strict=True):
        own = [pair for pair in known if low <= pair[0].words < (high or np.inf) + 1]
        words = f"{low} words or more" if high is None else f"{low} to {high} words"
        kappa = (
            "too few"
            if len(own) < FEWEST
            else _shown(_interval(_tables(own), kappa_of(ordinal=False)))
        )
        yield f"kappa of pairs of {words}: {kappa} ({len(own)} pairs)"


def _tables(known: Known) -> npt.NDArray[np.float64]:
    """Return per prompt how many pairs have which label and which answer, (n_prompts, 4)."""
    rows: dict[str, list[float]] = {}
    for pair, found in known:
        rows.setdefault(pair.prompt, [0.0] * 4)[2 * pair.same + found] += 1
    return np.array(list(rows.values()))


def _f1(tables: stats.Array) -> stats.Array:
    wrong = tables[..., 1] + tables[..., 2]
    return np.asarray(2 * tables[..., 3] / (2 * tables[..., 3] + wrong))


def _interval(columns: npt.NDArray[np.float64], statistic: stats.Statistic) -> stats.Interval:
    return stats.statistic_interval(columns, statistic, np.random.default_rng(stats.SEED))


def _auc(pairs: Sequence[LabelledPair], scores: npt.NDArray[np.float64]) -> stats.Interval:
    """Return the chance that a pair of the same scores above one that is not.

    The bounds are of scores in `BINS` steps, which moves them by less than is printed.
    """
    same = np.array([pair.same for pair in pairs])
    ranks = rankdata(scores)
    n, m = same.sum(), (~same).sum()
    exact = (ranks[same].sum() - n * (n + 1) / 2) / (n * m)
    steps = np.minimum((ranks - 1) * BINS // len(ranks), BINS - 1).astype(int)
    rows: dict[str, npt.NDArray[np.float64]] = {}
    for pair, step in zip(pairs, steps, strict=True):
        rows.setdefault(pair.prompt, np.zeros(2 * BINS))[step + BINS * pair.same] += 1
    return replace(_interval(np.array(list(rows.values())), _auc_of_steps), estimate=float(exact))


def _auc_of_steps(columns: stats.Array) -> stats.Array:
    apart, same = columns[..., :BINS], columns[..., BINS:]
    below = np.cumsum(apart, axis=-1) - apart / 2
    total = apart.sum(axis=-1) * same.sum(axis=-1)
    return np.asarray((same * below).sum(axis=-1) / total)


def _best_threshold(scores: npt.NDArray[np.float64], same: npt.NDArray[np.bool_]) -> float:
    """Return the highest score that must be exceeded for the best F1."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(same[order])
    f1 = 2 * hits / (np.arange(1, len(scores) + 1) + same.sum())
    ends = np.append(np.diff(scores[order]) != 0, True)
    last = int(np.argmax(np.where(ends, f1, -1)))
    following = scores[order][last + 1] if last + 1 < len(scores) else -np.inf
    return float(max(following, scores.min() - 1e-3))


def _shown(interval: stats.Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"

"""From the samples of prompts to values per prompt: where the pure metrics meet the data.

A metric is one line in `METRICS`. What several of them need (tokens, embeddings, matches) is
computed once per prompt, and texts of all prompts are encoded together beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.controlled import (
    COUNTS,
    JUDGED_BY,
    QUALITY_CONTROLLED,
    RAW_AT_TWO,
    controlled_bounds,
    judged_metrics,
)
from lm_eval_overton.metrics.formulas import coverage, lexical, semantic, surface
from lm_eval_overton.metrics.likeness import shortened
from lm_eval_overton.metrics.measures.reference import (
    REFERENCE_COVERAGE,
    bertscore_metrics,
    similarity_metrics,
)
from lm_eval_overton.metrics.view import CONTROLLED_N, Bench, Fill, Prompt, PromptView
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.text import words as text
from lm_eval_overton.text.bertscore import PairScores
from lm_eval_overton.text.samples import cut_share, status_share

__all__ = [
    "BERTSCORE",
    "BOUNDED",
    "BOUNDS",
    "JUDGED",
    "MATCHED",
    "MATCHING",
    "METRICS",
    "REFERENCE",
    "Bench",
    "Prompt",
    "PromptView",
    "Values",
    "details",
    "score_prompts",
]

Values = dict[str, float | None]

BOUNDS: tuple[Fill, ...] = ("worst", "best")
# Chance is estimated on this many other prompts: of each, all samples take part.
CHANCE_PROMPTS = {"words": 20, "viewpoints": 3}


def _mean_words(view: PromptView) -> float:
    counts = [text.word_count(sample) for sample in view.texts]
    return math.fsum(counts) / len(counts) if counts else math.nan


def _identical(view: PromptView) -> float:
    return float(len(set(view.texts)) == 1) if len(view.texts) >= 2 else math.nan


def _count(pool: npt.NDArray[np.bool_], units: float) -> float:
    """Return a number of units of a pool; undefined, as the index is, where there are none."""
    return units if pool.shape[1] else math.nan


def _ceiling(view: PromptView) -> float:
    return float(view.covered.any(axis=0).mean()) if view.covered.size else math.nan


METRICS: dict[str, Callable[[PromptView], float]] = {
    "lexical_diversity": lambda v: lexical.jaccard_diversity(v.bags),
    "semantic_diversity": lambda v: semantic.cosine_diversity(v.embeddings),
    "vendi": lambda v: v.at_n(lambda chosen: semantic.vendi_score(v.embeddings[list(chosen)])),
    "distinct_2": lambda v: v.at_n(
        lambda chosen: lexical.distinct_ratio([v.bigrams[i] for i in chosen])
    ),
    "compression_ratio": lambda v: v.at_n(
        lambda chosen: surface.compression_ratio([v.texts[i] for i in chosen])
    ),
    "units_at_1_words": lambda v: _count(v.word_pool, coverage.units_at_1(v.word_pool)),
    "units_at_n_words": lambda v: _count(v.word_pool, coverage.units_at_n(v.word_pool, v.bench.n)),
    "overton_index_words": lambda v: coverage.overton_index(v.word_pool, v.bench.n),
    "units_at_1_clusters": lambda v: _count(v.cluster_pool, coverage.units_at_1(v.cluster_pool)),
    "units_at_n_clusters": lambda v: _count(
        v.cluster_pool, coverage.units_at_n(v.cluster_pool, v.bench.n)
    ),
    "overton_index_clusters": lambda v: coverage.overton_index(v.cluster_pool, v.bench.n),
    "coverage_at_1": lambda v: coverage.coverage_at_1(v.covered),
    "coverage_at_n": lambda v: coverage.coverage_at_n(v.covered, v.bench.n),
    "overton_index": lambda v: coverage.overton_index(v.covered, v.bench.n),
    "stance_balance": lambda v: coverage.stance_balance(v.covered, v.sides),
    "coverage_floor": lambda v: 1.0 / len(v.prompt.viewpoints),
    "coverage_ceiling": _ceiling,
    **REFERENCE_COVERAGE,
    "mean_words": _mean_words,
    "list_share": lambda v: surface.share(v.texts, text.is_list),
    "refusal_share": lambda v: surface.share(v.texts, text.is_refusal),
    "failed_rate": lambda v: status_share(v.samples, "failed"),
    "unparsed_rate": lambda v: status_share(v.samples, "unparsed"),
    "empty_rate": lambda v: status_share(v.samples, "empty"),
    "duplicate_share": lambda v: surface.duplicate_share(v.texts),
    "identical_prompts": _identical,
    "cut_share": lambda v: cut_share(v.samples, v.bench.stops),
    "examples_dropped": lambda v: v.prompt.info.get("examples_dropped", math.nan),
    "overlong_share": lambda v: surface.share(v.texts, v.bench.encoder.is_overlong),
}
METRICS |= similarity_metrics() | judged_metrics() | COUNTS


def _controlled(name: str) -> Callable[[PromptView], float]:
    return lambda view: METRICS[name](view.controlled)


METRICS |= {name: _controlled(raw) for name, raw in QUALITY_CONTROLLED.items()}
METRICS[RAW_AT_TWO] = lambda v: coverage.overton_index(v.word_pool, CONTROLLED_N)
METRICS |= bertscore_metrics()

# Defined only with a BERTScore model.
BERTSCORE = frozenset(name for name in METRICS if name.startswith("bertscore_"))
# Defined only against a reference run.
REFERENCE = frozenset(
    name for name in METRICS if name.startswith(("reference_", "missing_from_reference"))
).difference(COUNTS)
# Shown only with a judge, and those of them that rest on its verdicts.
JUDGED = frozenset(JUDGED_BY)
BOUNDED = JUDGED - {RAW_AT_TWO}
# What a matcher decides.
MATCHED = frozenset({"coverage_at_1", "coverage_at_n", "overton_index", "stance_balance"})
_TEXTS_EMBEDDED = frozenset(
    {"semantic_diversity", "semantic_diversity_qc", "vendi", "overlong_share"}
)
# What a matcher is asked for.
MATCHING = MATCHED | {"coverage_ceiling"} | REFERENCE
_REFERENCES_EMBEDDED = frozenset(name for name in METRICS if name.startswith("cosine"))
_SENTENCES_EMBEDDED = frozenset(name for name in METRICS if name.endswith("_clusters"))


def score_prompts(
    prompts: Sequence[Prompt],
    names: Sequence[str],
    bench: Bench,
    bounded: AbstractSet[str] = frozenset(),
) -> list[Values]:
    """Return the values of the named metrics for each prompt.

    Args:
        prompts: All prompts of a run.
        names: Keys of `METRICS`.
        bench: What is common to all prompts.
        bounded: Those that get a `..._worst` and a `..._best` beside them.

    Returns:
        Per prompt one value per name, None where the metric is undefined.

    Raises:
        OvertonError: If a model that a metric needs cannot be loaded.
    """
    _encode_together(prompts, names, bench)
    others = _others(prompts, bench) if REFERENCE.intersection(names) else [()] * len(prompts)
    if MATCHING.intersection(names):
        compared = bool(REFERENCE.intersection(names))
        views = (PromptView(p, bench, own) for p, own in zip(prompts, others, strict=True))
        _match_together(views, bench, compared)
    bert = _bertscores(prompts, bench) if BERTSCORE.intersection(names) else [None] * len(prompts)
    return [
        _values(PromptView(prompt, bench, own, scores), names, bounded)
        for prompt, own, scores in zip(prompts, others, bert, strict=True)
    ]


def _bertscores(prompts: Sequence[Prompt], bench: Bench) -> list[tuple[PairScores, PairScores]]:
    """Return each prompt's BERTScores, of its samples and of its references, in one pass."""
    assert bench.bert is not None
    references = [prompt.reference_texts for prompt in prompts]
    scores = bench.bert.pairs([p.texts for p in prompts] + references, references + references)
    return list(zip(scores[: len(prompts)], scores[len(prompts) :], strict=True))


def _encode_together(prompts: Sequence[Prompt], names: Sequence[str], bench: Bench) -> None:
    """Let the models see all texts at once, so that their batches are full."""
    texts: list[str] = []
    if _TEXTS_EMBEDDED.intersection(names):
        texts += [sample for prompt in prompts for sample in prompt.texts]
    if _SENTENCES_EMBEDDED.intersection(names):
        texts += [
            s for prompt in prompts for sample in prompt.texts for s in text.sentences(sample)
        ]
    if _REFERENCES_EMBEDDED.intersection(names):
        for prompt in prompts:
            both = [*prompt.texts, *prompt.reference_texts]
            texts += both + shortened(both)
    if texts:
        bench.encoder.encode(texts)


def _match_together(views: Iterable[PromptView], bench: Bench, compared: bool) -> None:
    """Let the matcher see all questions at once, too."""
    if bench.matcher is not None:
        bench.matcher.scores([asked for view in views for asked in view.questions(compared)])


def _others(prompts: Sequence[Prompt], bench: Bench) -> list[list[Prompt]]:
    """Return for each prompt the other prompts on which chance is estimated."""
    most = CHANCE_PROMPTS["words" if bench.matcher is None else "viewpoints"]
    rng = np.random.default_rng(bench.seed)
    chosen = []
    for i in range(len(prompts)):
        rest = [j for j in range(len(prompts)) if j != i and prompts[j].texts]
        drawn = rng.permutation(len(rest))[:most]
        chosen.append([prompts[rest[k]] for k in drawn])
    return chosen


def _values(view: PromptView, names: Sequence[str], bounded: AbstractSet[str]) -> Values:
    values = {name: _none_if_nan(METRICS[name](view)) for name in names}
    incomplete = view.incomplete or bool(MATCHED & bounded)
    filled = [view.filled(fill) if incomplete else view for fill in BOUNDS]
    for name in bounded & set(names):
        raw = QUALITY_CONTROLLED.get(name)
        if raw is None:
            pair = [METRICS[name](other) for other in filled]
        else:
            pair = [*controlled_bounds(name, METRICS[raw], view)]
        values |= {f"{name}_{f}": _none_if_nan(v) for f, v in zip(BOUNDS, pair, strict=True)}
    return values


def details(prompt: Prompt, bench: Bench, names: Sequence[str]) -> dict[str, Any]:
    """Return what is kept of a prompt's samples beside its values.

    Returns:
        `sha`, of its responses; if one of the metrics `names` matches viewpoints, `covered`, per
        valid sample the positions of those that it covers, None where the matcher could not tell;
        with a judge `verdicts`, per judgement one value per valid sample, None where there is no
        verdict.
    """
    kept: dict[str, Any] = {"sha": short_hash([sample.raw for sample in prompt.samples])}
    if bench.matcher is not None and MATCHING.intersection(names):
        scores = bench.matcher.scores([prompt.question(prompt.texts)])[0]
        kept["covered"] = [
            None if np.isnan(row).any() else np.flatnonzero(row >= bench.matcher.threshold).tolist()
            for row in scores
        ]
    if prompt.verdicts:
        kept["verdicts"] = {
            name: [None if v is None else v.value for v in own]
            for name, own in prompt.verdicts.items()
        }
    return kept


def _none_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else float(value)

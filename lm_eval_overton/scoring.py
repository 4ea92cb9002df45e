"""From the samples of prompts to values per prompt: where the pure metrics meet the data.

A metric is one line in `METRICS`. What several of them need (tokens, embeddings, matches) is
computed once per prompt, and texts of all prompts are encoded together beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lm_eval_overton import text
from lm_eval_overton.bertscore import BertScorer, PairScores
from lm_eval_overton.encoders import Encoder
from lm_eval_overton.judge.parse import Verdict
from lm_eval_overton.judged_metrics import (
    COUNTS,
    JUDGED_BY,
    QUALITY_CONTROLLED,
    RAW_AT_TWO,
    judged_metrics,
    passes,
)
from lm_eval_overton.likeness import BERTSCORES, KINDS, Likeness, shortened
from lm_eval_overton.matchers import Matcher
from lm_eval_overton.metrics import coverage, lexical, semantic, surface
from lm_eval_overton.metrics.clusters import cluster_labels
from lm_eval_overton.metrics.subsets import at_fixed_n
from lm_eval_overton.samples import Sample, cut_share, status_share
from lm_eval_overton.signature import short_hash

__all__ = [
    "BERTSCORE",
    "BOUNDED",
    "BOUNDS",
    "JUDGED",
    "MATCHED",
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
Units = AbstractSet[Any]
Fill = Literal["", "worst", "best"]
Verdicts = Mapping[str, Sequence[Verdict | None]]

BOUNDS: tuple[Fill, ...] = ("worst", "best")
# Quality-controlled metrics that grow with the number of samples take this many.
CONTROLLED_N = 2
# Chance is estimated on this many other prompts: of each, all samples take part.
CHANCE_PROMPTS = {"words": 20, "viewpoints": 3}


@dataclass(frozen=True)
class Prompt:
    """A prompt's document, its samples, and a reference run's samples for it.

    `hint_source` is the index of the reference sample that a hint was built from; `info` holds
    what the task says of how it asked. `verdicts` are a judge's, per judgement one for each valid
    sample, None where it was not asked; `reference_verdicts` those on the reference's samples.
    """

    doc: Mapping[str, Any]
    samples: Sequence[Sample]
    reference: Sequence[Sample] = ()
    hint_source: int | None = None
    info: Mapping[str, float] = field(default_factory=dict)
    verdicts: Verdicts = field(default_factory=dict)
    reference_verdicts: Verdicts = field(default_factory=dict)

    @cached_property
    def texts(self) -> list[str]:
        """The valid samples."""
        return [sample.text for sample in self.samples if sample.status == "valid"]

    @cached_property
    def reference_texts(self) -> list[str]:
        """The reference run's valid samples."""
        return [sample.text for sample in self.reference if sample.status == "valid"]

    @property
    def viewpoints(self) -> list[str]:
        """The texts of the given units."""
        return [viewpoint["text"] for viewpoint in self.doc["viewpoints"]]

    def passing(self, bar: int, fill: Fill) -> Prompt:
        """Return the prompt with those samples alone that pass the quality bar."""
        return replace(
            self,
            samples=_passing(self.samples, self.verdicts, bar, fill),
            reference=_passing(self.reference, self.reference_verdicts, bar, fill),
        )


def _passing(samples: Sequence[Sample], verdicts: Verdicts, bar: int, fill: Fill) -> list[Sample]:
    valid = [sample for sample in samples if sample.status == "valid"]
    known = [passes(verdict, bar) for verdict in verdicts.get("quality", [None] * len(valid))]
    taken = [fill == "best" if passed is None else passed for passed in known]
    return [sample for sample, passed in zip(valid, taken, strict=True) if passed]


@dataclass(frozen=True)
class Bench:
    """What is common to all prompts of a task.

    `n` is the fixed number of samples; with a `matcher`, units are viewpoints, else words; `bar`
    is the least helpfulness of a sample that passes the quality control.
    """

    n: int
    stops: Sequence[str]
    encoder: Encoder
    seed: int
    matcher: Matcher | None = None
    bert: BertScorer | None = None
    bar: int = 4
    _bags: dict[str, frozenset[str]] = field(default_factory=dict)

    def bag(self, sample: str) -> frozenset[str]:
        """Return the content words of a text that several prompts ask for."""
        if sample not in self._bags:
            self._bags[sample] = text.content_words(sample)
        return self._bags[sample]

    def covered(
        self, texts: Sequence[str], viewpoints: Sequence[str], fill: Fill = ""
    ) -> npt.NDArray[np.bool_]:
        """Return which text covers which viewpoint, (n_texts, n_viewpoints).

        A text that the matcher could not score is left out, or covers nothing or everything.
        """
        assert self.matcher is not None
        scores = self.matcher.scores([(texts, viewpoints)])[0]
        known = ~np.isnan(scores).any(axis=1)
        covered: npt.NDArray[np.bool_] = np.asarray(scores >= self.matcher.threshold)
        if not fill:
            return covered[known]
        covered[~known] = fill == "best"
        return covered


class PromptView:
    """The samples of one prompt as the metrics want them, each form made on first use."""

    def __init__(
        self,
        prompt: Prompt,
        bench: Bench,
        others: Sequence[Prompt] = (),
        bert: tuple[PairScores, PairScores] | None = None,
        fill: Fill = "",
    ) -> None:
        self.bert = bert
        self.fill = fill
        self.prompt = prompt
        self.samples = prompt.samples
        self.texts = prompt.texts
        self.bench = bench
        self.others = others

    def filled(self, fill: Fill) -> PromptView:
        """Return the prompt as if each verdict that is missing were the worst, or the best."""
        return PromptView(self.prompt, self.bench, self.others, self.bert, fill)

    @cached_property
    def controlled(self) -> PromptView:
        """The samples that pass the quality bar."""
        bar, n = self.bench.bar, min(self.bench.n, CONTROLLED_N)
        others = [other.passing(bar, self.fill) for other in self.others]
        prompt = self.prompt.passing(bar, self.fill)
        return PromptView(prompt, replace(self.bench, n=n), [o for o in others if o.texts])

    @cached_property
    def incomplete(self) -> bool:
        """Whether a verdict is missing, so that the metrics which rest on it have bounds."""
        asked = [v for own in self.prompt.verdicts.values() for v in own if v is not None]
        return any(verdict.status != "parsed" or _has_none(verdict.value) for verdict in asked)

    @cached_property
    def tokens(self) -> list[list[str]]:
        """Word tokens per valid sample."""
        return [text.tokenize(sample) for sample in self.texts]

    @cached_property
    def bags(self) -> list[frozenset[str]]:
        """Content words per valid sample."""
        return [text.content_words_of(tokens) for tokens in self.tokens]

    @cached_property
    def bigrams(self) -> list[list[tuple[str, str]]]:
        """Lower-cased bigrams per valid sample."""
        return [text.bigrams(tokens) for tokens in self.tokens]

    @cached_property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """(n_valid, dim), rows of unit length."""
        return self.bench.encoder.encode(self.texts)

    @cached_property
    def word_pool(self) -> npt.NDArray[np.bool_]:
        """(n_valid, n_words): which sample holds which content word of any of them."""
        return coverage.pool(self.bags)

    @cached_property
    def cluster_pool(self) -> npt.NDArray[np.bool_]:
        """(n_valid, n_clusters): which sample has a sentence in which cluster."""
        pieces = [text.sentences(sample) for sample in self.texts]
        # Sorted, so that ties fall the same way in whatever order the samples come.
        distinct = sorted({piece for own in pieces for piece in own})
        labels = cluster_labels(self.bench.encoder.encode(distinct))
        cluster = dict(zip(distinct, labels.tolist(), strict=True))
        return coverage.pool([{cluster[piece] for piece in own} for own in pieces])

    @cached_property
    def covered(self) -> npt.NDArray[np.bool_]:
        """(n_valid, n_viewpoints): which sample covers which viewpoint."""
        return self.bench.covered(self.texts, self.prompt.viewpoints, self.fill)

    @property
    def sides(self) -> list[str]:
        """The side of each viewpoint."""
        return [viewpoint["side"] for viewpoint in self.prompt.doc["viewpoints"]]

    def units(self, texts: Sequence[str]) -> list[Units]:
        """Return the units of each text: viewpoints of this prompt, or content words."""
        if self.bench.matcher is None:
            return [self.bench.bag(sample) for sample in texts]
        rows = self.bench.covered(texts, self.prompt.viewpoints, self.fill)
        return [set(np.flatnonzero(row).tolist()) for row in rows]

    @cached_property
    def own_units(self) -> list[Units]:
        """Units per valid sample."""
        return list(self.bags) if self.bench.matcher is None else self.units(self.texts)

    @cached_property
    def reference_units(self) -> list[Units]:
        """Units per valid sample of the reference run."""
        return self.units(self.prompt.reference_texts)

    @cached_property
    def chance_units(self) -> list[list[Units]]:
        """Units per valid sample of each of the other prompts."""
        return [self.units(other.texts) for other in self.others]

    @cached_property
    def likeness(self) -> Likeness:
        """The samples against the reference's."""
        prompt = self.prompt
        return Likeness.between(
            prompt.samples, prompt.reference, self.bench.encoder, prompt.hint_source, self.bert
        )

    def at_n(self, statistic: Callable[[Sequence[int]], float]) -> float:
        """Return the expected value of a statistic over subsets of n valid samples."""
        return at_fixed_n(len(self.texts), self.bench.n, statistic, self.bench.seed)


def _has_none(value: Any) -> bool:
    return isinstance(value, dict) and None in value.values()


def _mean_words(view: PromptView) -> float:
    counts = [text.word_count(sample) for sample in view.texts]
    return math.fsum(counts) / len(counts) if counts else math.nan


def _identical(view: PromptView) -> float:
    return float(len(set(view.texts)) == 1) if len(view.texts) >= 2 else math.nan


def _units_at_n(pool: npt.NDArray[np.bool_], n: int) -> float:
    return float(coverage.coverage_at_n(pool, n) * pool.shape[1])


def _units_at_1(pool: npt.NDArray[np.bool_]) -> float:
    return float(coverage.coverage_at_1(pool) * pool.shape[1])


def _ceiling(view: PromptView) -> float:
    return float(view.covered.any(axis=0).mean()) if view.covered.size else math.nan


def _split(view: PromptView, kind: str, n: int) -> float:
    """Return what n samples cover of the units of half of the reference's samples.

    With `kind` own: this run's samples; held_out: the reference's other samples; chance: this
    run's samples for other prompts. The sizes are equal, so the three can be subtracted.
    """
    if view.bench.n < 2:
        return math.nan
    sizes = {"n_pool": view.bench.n // 2, "n": n, "seed": view.bench.seed}
    if kind == "held_out":
        return coverage.held_out_coverage(view.reference_units, **sizes)
    if kind == "chance":
        return coverage.chance_coverage(view.chance_units, view.reference_units, **sizes)
    return coverage.split_coverage(view.own_units, view.reference_units, **sizes)


def _missing(view: PromptView, kind: str) -> float:
    return 1.0 - _split(view, kind, view.bench.n - view.bench.n // 2)


def _samples_worth(view: PromptView) -> float:
    if view.bench.n < 2:
        return math.nan
    curve = coverage.held_out_curve(
        view.reference_units, n_pool=view.bench.n // 2, seed=view.bench.seed
    )
    return coverage.reference_samples_worth(_split(view, "own", 1), curve)


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
    "units_at_1_words": lambda v: _units_at_1(v.word_pool),
    "units_at_n_words": lambda v: _units_at_n(v.word_pool, v.bench.n),
    "overton_index_words": lambda v: coverage.overton_index(v.word_pool, v.bench.n),
    "units_at_1_clusters": lambda v: _units_at_1(v.cluster_pool),
    "units_at_n_clusters": lambda v: _units_at_n(v.cluster_pool, v.bench.n),
    "overton_index_clusters": lambda v: coverage.overton_index(v.cluster_pool, v.bench.n),
    "coverage_at_1": lambda v: coverage.coverage_at_1(v.covered),
    "coverage_at_n": lambda v: coverage.coverage_at_n(v.covered, v.bench.n),
    "overton_index": lambda v: coverage.overton_index(v.covered, v.bench.n),
    "stance_balance": lambda v: coverage.stance_balance(v.covered, v.sides),
    "coverage_floor": lambda v: 1.0 / len(v.prompt.viewpoints),
    "coverage_ceiling": _ceiling,
    "reference_coverage_at_1": lambda v: coverage.reference_coverage_at_1(
        v.own_units, v.reference_units
    ),
    "reference_coverage_at_1_split": lambda v: _split(v, "own", 1),
    "reference_coverage_at_1_held_out": lambda v: _split(v, "held_out", 1),
    "reference_coverage_at_1_chance": lambda v: _split(v, "chance", 1),
    "reference_coverage_at_n": lambda v: coverage.reference_coverage_at_n(
        v.own_units, v.reference_units, v.bench.n
    ),
    "missing_from_reference": lambda v: coverage.missing_from_reference(
        v.own_units, v.reference_units, v.bench.n
    ),
    "missing_from_reference_split": lambda v: _missing(v, "own"),
    "missing_from_reference_held_out": lambda v: _missing(v, "held_out"),
    "missing_from_reference_chance": lambda v: _missing(v, "chance"),
    "reference_samples_worth": _samples_worth,
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


def _similarity(kind: str, short: bool) -> Callable[[PromptView], float]:
    return lambda view: view.likeness.of(kind, short)


def _ceiling_of(kind: str, short: bool) -> Callable[[PromptView], float]:
    return lambda view: view.likeness.ceiling(kind, short)


def _bertscore(part: str) -> Callable[[PromptView], float]:
    return lambda view: view.likeness.bertscore(part)


def _bertscore_cut(view: PromptView) -> float:
    assert view.bench.bert is not None
    return surface.share(view.texts, view.bench.bert.is_cut)


for _kind in KINDS:
    for _suffix, _short in (("", False), ("_100w", True)):
        METRICS[f"{_kind}{_suffix}"] = _similarity(_kind, _short)
        METRICS[f"{_kind}{_suffix}_ceiling"] = _ceiling_of(_kind, _short)
METRICS |= judged_metrics() | COUNTS


def _controlled(name: str) -> Callable[[PromptView], float]:
    return lambda view: METRICS[name](view.controlled)


METRICS |= {name: _controlled(raw) for name, raw in QUALITY_CONTROLLED.items()}
METRICS[RAW_AT_TWO] = lambda v: coverage.overton_index(v.word_pool, CONTROLLED_N)
METRICS |= {f"bertscore_{part}": _bertscore(part) for part in BERTSCORES}
METRICS |= {
    "bertscore_f1_ceiling": lambda v: v.likeness.bertscore_ceiling(),
    "bertscore_cut_share": _bertscore_cut,
}

# Defined only with a BERTScore model.
BERTSCORE = frozenset(name for name in METRICS if name.startswith("bertscore_"))
# Defined only against a reference run.
REFERENCE = frozenset(
    name for name in METRICS if name.startswith(("reference_", "missing_from_reference"))
)
# Shown only with a judge, and those of them that rest on its verdicts.
JUDGED = frozenset(JUDGED_BY)
BOUNDED = JUDGED - {RAW_AT_TWO}
# What a matcher decides.
MATCHED = frozenset({"coverage_at_1", "coverage_at_n", "overton_index", "stance_balance"})
_TEXTS_EMBEDDED = frozenset(
    {"semantic_diversity", "semantic_diversity_qc", "vendi", "overlong_share"}
)
_MATCHING = MATCHED | {"coverage_ceiling"} | REFERENCE
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
    if bench.matcher is not None and _MATCHING.intersection(names):
        bench.matcher.scores([(prompt.texts, prompt.viewpoints) for prompt in prompts])


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
    for fill in BOUNDS:
        other = view.filled(fill) if incomplete else view
        values |= {
            f"{name}_{fill}": _none_if_nan(METRICS[name](other))
            for name in names
            if name in bounded
        }
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
    if bench.matcher is not None and _MATCHING.intersection(names):
        scores = bench.matcher.scores([(prompt.texts, prompt.viewpoints)])[0]
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

"""What the metrics see: a prompt with its samples, and each form of them made on first use."""

from __future__ import annotations

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
from lm_eval_overton.likeness import Likeness
from lm_eval_overton.matchers import Matcher
from lm_eval_overton.metrics import coverage
from lm_eval_overton.metrics.clusters import cluster_labels
from lm_eval_overton.metrics.subsets import at_fixed_n
from lm_eval_overton.samples import Sample

__all__ = ["CONTROLLED_N", "Bench", "Fill", "Prompt", "PromptView", "Verdicts", "passes"]

Units = AbstractSet[Any]
Fill = Literal["", "worst", "best"]
Verdicts = Mapping[str, Sequence[Verdict | None]]

# Quality-controlled metrics that grow with the number of samples take this many.
CONTROLLED_N = 2


def passes(verdict: Verdict | None, bar: int) -> bool | None:
    """Return whether a sample passes the quality bar; None where that is not known."""
    score = verdict.value["helpfulness"] if verdict is not None and verdict.value else None
    return None if score is None else bool(score >= bar)


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

"""What the metrics see: a prompt with its samples, and each form of them made on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import repeat
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.question import Matcher, ViewpointQuestion
from lm_eval_overton.metrics.formulas import coverage
from lm_eval_overton.metrics.formulas.clusters import cluster_labels
from lm_eval_overton.metrics.formulas.subsets import at_fixed_n
from lm_eval_overton.metrics.likeness import Likeness
from lm_eval_overton.metrics.quality_bar import MAX_COMPLETIONS, completions, n_missing, passing
from lm_eval_overton.text.bertscore import BertScorer
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import Sample, scored_texts
from lm_eval_overton.text.token_match import PairScores
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["CONTROLLED_N", "Bench", "Fill", "Prompt", "PromptView", "Verdicts", "Whose"]

Units = AbstractSet[Any]
Fill = Literal["", "worst", "best"]
# Whose samples a quality-controlled metric sees: this run's, the reference's, those of the other
# prompts on which chance is estimated.
Whose = Literal["own", "reference", "others"]
Verdicts = Mapping[str, Sequence[Verdict | None]]

# Clusters compare each sentence of a prompt with each: answers have hundreds, loops any number.
MAX_SENTENCES = 3000
# Quality-controlled metrics that grow with the number of samples take this many.
CONTROLLED_N = 2
# Each way in which the verdicts on other prompts might come out costs as much as many of one's own.
MAX_COMPLETIONS_OF_OTHERS = 32


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
        return scored_texts(self.samples)

    @cached_property
    def reference_texts(self) -> list[str]:
        """The reference run's valid samples."""
        return scored_texts(self.reference)

    @property
    def viewpoints(self) -> list[str]:
        """The texts of the given units."""
        return [viewpoint["text"] for viewpoint in self.doc["viewpoints"]]

    @property
    def asked(self) -> str:
        """What was asked; empty where the document does not say."""
        return str(self.doc.get("prompt", ""))

    def question(self, texts: Sequence[str]) -> ViewpointQuestion:
        """Return what a matcher is to say of texts: which of the given units they hold."""
        return ViewpointQuestion(texts, self.viewpoints, self.asked)

    def passing(self, bar: int, own: Iterator[bool], reference: Iterator[bool]) -> Prompt:
        """Return the prompt with those samples alone that pass the quality bar.

        Args:
            bar: The least helpfulness that passes.
            own: Says of each sample whose verdict is missing whether it passes.
            reference: The same of the reference's samples.
        """
        return replace(
            self,
            samples=passing(self.samples, self.verdicts.get("quality"), bar, own),
            reference=passing(
                self.reference, self.reference_verdicts.get("quality"), bar, reference
            ),
        )


@dataclass(frozen=True)
class Bench:
    """What is common to all prompts of a task.

    `n` is the fixed number of samples; with a `matcher`, units are viewpoints, else words; `bar`
    is the least helpfulness of a sample that passes the quality control; `tokenizer` takes texts
    apart. `reads` says whether the encoder reads their language; what is equal needs no reading:
    `alike` says whether the texts of each prompt are all the same, `verbatim` whether each holds
    all viewpoints word for word.
    """

    n: int
    stops: Sequence[str]
    encoder: Encoder
    seed: int
    matcher: Matcher | None = None
    bert: BertScorer | None = None
    bar: int = 4
    tokenizer: Tokenizer = ENGLISH
    reads: bool = True
    alike: bool = False
    verbatim: bool = False
    _bags: dict[str, frozenset[str]] = field(default_factory=dict)

    def bag(self, sample: str) -> frozenset[str]:
        """Return the content words of a text that several prompts ask for."""
        if sample not in self._bags:
            self._bags[sample] = self.tokenizer.content_words(sample)
        return self._bags[sample]

    def covered(self, question: ViewpointQuestion, fill: Fill = "") -> npt.NDArray[np.bool_]:
        """Return which text covers which viewpoint, (n_texts, n_viewpoints).

        A text that the matcher could not score is left out, or covers nothing or everything.
        """
        assert self.matcher is not None
        scores = self.matcher.scores([question])[0]
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
        whole: PromptView | None = None,
    ) -> None:
        self.bert = bert
        self.fill = fill
        # The view of all samples, where this one is of some: what it knows need not be made anew.
        self.whole = whole
        self.prompt = prompt
        self.samples = prompt.samples
        self.texts = prompt.texts
        self.bench = bench
        self.others = others
        self._completions: dict[tuple[Whose, ...], list[PromptView]] = {}

    def filled(self, fill: Fill) -> PromptView:
        """Return the prompt as if each verdict that is missing were the worst, or the best."""
        return PromptView(self.prompt, self.bench, self.others, self.bert, fill)

    @cached_property
    def controlled(self) -> PromptView:
        """The samples that are known to pass the quality bar."""
        return self._controlled((), ())

    def completed(self, parts: tuple[Whose, ...]) -> list[PromptView]:
        """Return what might pass the quality bar if the verdicts that are missing had come.

        Args:
            parts: Whose verdicts are completed; of the others, the samples that are known to pass.
        """
        if parts not in self._completions:
            missing = sum(
                n_missing(verdicts.get("quality", ()), self.bench.bar)
                for part in parts
                for verdicts in self._verdicts[part]
            )
            most = MAX_COMPLETIONS_OF_OTHERS if "others" in parts else MAX_COMPLETIONS
            ways = completions(missing, self.bench.seed, most) if missing else []
            views = [self._controlled(parts, way) for way in ways] or [self.controlled]
            self._completions[parts] = views
        return self._completions[parts]

    @property
    def _verdicts(self) -> dict[Whose, list[Verdicts]]:
        return {
            "own": [self.prompt.verdicts],
            "reference": [self.prompt.reference_verdicts],
            "others": [other.verdicts for other in self.others],
        }

    def _controlled(self, parts: tuple[Whose, ...], way: Iterable[bool]) -> PromptView:
        """Return the samples that pass if the missing verdicts of some parts come out in a way."""
        given, never = iter(way), repeat(False)
        own, reference, others = (given if part in parts else never for part in self._verdicts)
        bar, n = self.bench.bar, min(self.bench.n, CONTROLLED_N)
        prompt = self.prompt.passing(bar, own, reference)
        rest = [other.passing(bar, others, never) for other in self.others]
        bench = replace(self.bench, n=n)
        return PromptView(prompt, bench, [o for o in rest if o.texts], whole=self)

    @cached_property
    def incomplete(self) -> bool:
        """Whether a verdict is missing, so that the metrics which rest on it have bounds."""
        judged = [own for part in self._verdicts.values() for one in part for own in one.values()]
        asked = [verdict for own in judged for verdict in own if verdict is not None]
        return any(verdict.status != "parsed" or _has_none(verdict.value) for verdict in asked)

    @cached_property
    def tokens(self) -> list[list[str]]:
        """Word tokens per valid sample."""
        return [self.bench.tokenizer.words(sample) for sample in self.texts]

    @cached_property
    def bags(self) -> list[frozenset[str]]:
        """Content words per valid sample."""
        if self.whole is not None:
            known = dict(zip(self.whole.texts, self.whole.bags, strict=True))
            return [known[sample] for sample in self.texts]
        return [self.bench.tokenizer.content_words_of(tokens) for tokens in self.tokens]

    @cached_property
    def bigrams(self) -> list[list[tuple[str, ...]]]:
        """Lower-cased bigrams per valid sample."""
        return [self.bench.tokenizer.n_grams(tokens, 2) for tokens in self.tokens]

    @cached_property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """(n_valid, dim), rows of unit length."""
        return self.bench.encoder.encode(self.texts)

    @cached_property
    def word_pool(self) -> npt.NDArray[np.bool_]:
        """(n_valid, n_words): which sample holds which content word of any of them."""
        return coverage.pool(self.bags)

    @cached_property
    def sentences(self) -> list[list[str]]:
        """Sentences per valid sample."""
        return [self.bench.tokenizer.sentences(sample) for sample in self.texts]

    @property
    def distinct_sentences(self) -> list[str]:
        """The sentences that are put into clusters; none where there are too many of them."""
        # Sorted, so that ties fall the same way in whatever order the samples come.
        distinct = sorted({piece for own in self.sentences for piece in own})
        return distinct if len(distinct) <= MAX_SENTENCES else []

    @cached_property
    def cluster_pool(self) -> npt.NDArray[np.bool_]:
        """(n_valid, n_clusters): which sample has a sentence in which cluster.

        There is no cluster where there are more sentences than can be compared with each other.
        """
        distinct = self.distinct_sentences
        if not distinct:
            return np.zeros((len(self.texts), 0), dtype=np.bool_)
        pieces = self.sentences
        labels = cluster_labels(self.bench.encoder.encode(distinct))
        cluster = dict(zip(distinct, labels.tolist(), strict=True))
        return coverage.pool([{cluster[piece] for piece in own} for own in pieces])

    @cached_property
    def covered(self) -> npt.NDArray[np.bool_]:
        """(n_valid, n_viewpoints): which sample covers which viewpoint."""
        return self.bench.covered(self.prompt.question(self.texts), self.fill)

    def questions(self, compared: bool) -> list[ViewpointQuestion]:
        """Return what the matcher is asked of this prompt's viewpoints.

        Args:
            compared: Whether the samples are compared with the reference's.
        """
        texts = [self.texts]
        if compared:
            texts += [self.prompt.reference_texts, *(other.texts for other in self.others)]
        return [self.prompt.question(own) for own in texts]

    @cached_property
    def match_verdicts(self) -> list[Verdict]:
        """What the judge said to those questions, where the matcher is one."""
        matcher = self.bench.matcher
        return matcher.verdicts(self.questions(True)) if matcher else []

    @property
    def sides(self) -> list[str]:
        """The side of each viewpoint."""
        return [viewpoint["side"] for viewpoint in self.prompt.doc["viewpoints"]]

    def units(self, texts: Sequence[str]) -> list[Units]:
        """Return the units of each text: viewpoints of this prompt, or content words."""
        if self.bench.matcher is None:
            return [self.bench.bag(sample) for sample in texts]
        rows = self.bench.covered(self.prompt.question(texts), self.fill)
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
            prompt.samples,
            prompt.reference,
            self.bench.encoder,
            prompt.hint_source,
            self.bert,
            self.bench.tokenizer,
        )

    def at_n(self, statistic: Callable[[Sequence[int]], float]) -> float:
        """Return the expected value of a statistic over subsets of n valid samples."""
        return at_fixed_n(len(self.texts), self.bench.n, statistic, self.bench.seed)


def _has_none(value: Any) -> bool:
    return isinstance(value, dict) and None in value.values()

"""What the metrics see: a prompt with its samples, and each form of them made on first use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from itertools import repeat
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.matchers.equivalence.equivalence import Answers
from lm_eval_overton.matchers.question import ViewpointQuestion
from lm_eval_overton.metrics.bench import Bench, Fill
from lm_eval_overton.metrics.formulas import coverage
from lm_eval_overton.metrics.formulas.clusters import cluster_labels
from lm_eval_overton.metrics.formulas.subsets import at_fixed_n
from lm_eval_overton.metrics.likeness import Likeness
from lm_eval_overton.metrics.prompt import Prompt, Verdicts
from lm_eval_overton.metrics.quality_bar import MAX_COMPLETIONS, completions, n_missing
from lm_eval_overton.text.token_match import PairScores

__all__ = ["CONTROLLED_N", "Bench", "Fill", "Prompt", "PromptView", "Verdicts", "Whose"]

Units = AbstractSet[Any]
# Whose samples a quality-controlled metric sees: this run's, the reference's, those of the other
# prompts on which chance is estimated.
Whose = Literal["own", "reference", "others"]

# Clusters compare each sentence of a prompt with each: answers have hundreds, loops any number.
MAX_SENTENCES = 3000
# Quality-controlled metrics that grow with the number of samples take this many.
CONTROLLED_N = 2
# Each way in which the verdicts on other prompts might come out costs as much as many of one's own.
MAX_COMPLETIONS_OF_OTHERS = 32


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

    @cached_property
    def answers(self) -> Answers | None:
        """The samples that are put into classes: the first n valid ones; None for fewer."""
        n, given = self.bench.n, self.prompt.classes
        valid = [i for i, sample in enumerate(self.samples) if sample.is_valid][:n]
        if len(valid) < n:
            return None
        texts = tuple(self.texts[:n])
        return Answers(texts, self.prompt.asked, tuple(given[i] for i in valid) if given else None)

    @cached_property
    def classes(self) -> list[int] | None:
        """The class of each of the samples that are put into classes, numbered from 0.

        None where there are too few of them, and where a judge was asked and gave no verdict; a
        view that is filled then has them all in one class, or each in its own.
        """
        if self.whole is not None:
            return self._classes_of_some(self.whole)
        if self.answers is None:
            return None
        found = self.bench.equivalence.labels(self.answers)
        if found is None and self.fill and self.bench.equivalence.asks:
            own = range(len(self.answers.texts))
            return list(own) if self.fill == "best" else [0 for _ in own]
        return found

    def _classes_of_some(self, whole: PromptView) -> list[int] | None:
        """Return the classes of those samples alone that are in this view."""
        if whole.classes is None or whole.answers is None:
            return None
        known = dict(zip(whole.answers.texts, whole.classes, strict=True))
        return [known[text] for text in self.texts if text in known]

    @property
    def class_verdicts(self) -> list[Verdict]:
        """What the judge said of these classes, where one was asked."""
        return [] if self.answers is None else self.bench.equivalence.verdicts(self.answers)

    @cached_property
    def ratings(self) -> list[float]:
        """How good each valid sample is, on the scale of the ratings' source; NaN: not known.

        A view that is filled takes what a judge did not say for the worst or the best.
        """
        source = self.bench.ratings
        return [] if source is None else source.of(self.prompt, self.fill)

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

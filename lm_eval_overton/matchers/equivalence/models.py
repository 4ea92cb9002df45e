"""Equivalence by a model that sees both texts: a classifier of pairs, or one of entailment."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.matchers.equivalence.equivalence import Answers, Likeness, PairEquivalence
from lm_eval_overton.matchers.nli import NLI_THRESHOLD, entailment_index
from lm_eval_overton.matchers.pair_model import PairModel, label_index

__all__ = ["CLASSIFIER_THRESHOLD", "ClassifierEquivalence", "NliEquivalence"]

# Both as in the benchmark's own classifier, yimingzhang/deberta-v3-large-generation-similarity.
CLASSIFIER_THRESHOLD = 0.102
CLASSIFIER_TOKENS = 128

Pair = tuple[str, str]


class ModelEquivalence(PairEquivalence):
    """Compares a sample with the heads of the classes before it, those of all prompts at once."""

    def __init__(self, model: PairModel, threshold: float) -> None:
        self.model = model
        self.threshold = threshold

    @property
    def signature(self) -> str:
        """The name, the threshold, the model's name and the beginning of its weights' hash."""
        return f"{super().signature}:{self.model.signature}"

    def prepare(self, answers: Sequence[Answers]) -> None:
        """Let the model see each next sample of all prompts at once, against the heads so far."""
        open_ones = [(own.texts, [0]) for own in answers if own.texts]
        i = 1
        while open_ones := [(texts, heads) for texts, heads in open_ones if len(texts) > i]:
            asked = [(texts[h], texts[i]) for texts, heads in open_ones for h in heads]
            scores = iter(self.pair_scores(asked))
            for _, heads in open_ones:
                matches = [next(scores) > self.threshold for _ in heads]
                if not any(matches):
                    heads.append(i)
            i += 1

    def likeness(self, texts: Sequence[str]) -> Likeness:
        """Return what the model says of the earlier text and the later one."""
        return lambda i, others: np.array(self.pair_scores([(texts[j], texts[i]) for j in others]))

    @abstractmethod
    def pair_scores(self, pairs: Sequence[Pair]) -> list[float]:
        """Return how probably the two texts of each pair are the same."""


class ClassifierEquivalence(ModelEquivalence):
    """The probability that a classifier of pairs gives to "same"; the prompt is not shown to it.

    Args:
        model: A folder or a hub name.
        threshold: What the probability must exceed.
        device: None: a GPU if there is one.

    Raises:
        SettingsError: If it is no such model.
    """

    NAME = "classifier"

    def __init__(
        self, model: str, threshold: float = CLASSIFIER_THRESHOLD, device: str | None = None
    ) -> None:
        found = PairModel(model, "equivalence_model", device, cut=CLASSIFIER_TOKENS)
        super().__init__(found, threshold)
        labels = found.config.id2label
        same = label_index(labels, "same", "similar", "equivalent", "label_1")
        if same is None:
            raise SettingsError(
                "equivalence_model: expected a label named same, similar, equivalent or LABEL_1, "
                f"got {', '.join(map(str, labels.values()))}; choose a classifier of pairs"
            )
        self.same = same

    def pair_scores(self, pairs: Sequence[Pair]) -> list[float]:
        """Return the probability of "same" for each pair."""
        found: list[float] = self.model.probabilities(pairs)[:, self.same].tolist()
        return found


class NliEquivalence(ModelEquivalence):
    """Each text entails the other: the smaller of the two probabilities.

    Source: Kuhn et al. 2023, arXiv:2302.09664.

    Args:
        model: A folder or a hub name.
        threshold: What the probability must exceed.
        device: None: a GPU if there is one.

    Raises:
        SettingsError: If it is no natural-language-inference model.
    """

    NAME = "nli"

    def __init__(
        self, model: str, threshold: float = NLI_THRESHOLD, device: str | None = None
    ) -> None:
        super().__init__(PairModel(model, "equivalence_model", device), threshold)
        self.entailment = entailment_index(self.model.config.id2label)

    def pair_scores(self, pairs: Sequence[Pair]) -> list[float]:
        """Return how probably the texts of each pair entail each other."""
        self.model.see(_both_ways(pairs))
        there = self.model.probabilities(pairs)[:, self.entailment]
        back = self.model.probabilities([pair[::-1] for pair in pairs])[:, self.entailment]
        found: list[float] = np.minimum(there, back).tolist()
        return found


def _both_ways(pairs: Sequence[Pair]) -> Iterator[Pair]:
    for pair in pairs:
        yield pair
        yield pair[::-1]

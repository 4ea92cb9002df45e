"""Equivalence by a model that sees both texts: a classifier of pairs, or one of entailment."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator, Sequence

import numpy as np

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.matchers.equivalence.equivalence import (
    Answers,
    Likeness,
    PairEquivalence,
    greedy_labels,
)
from lm_eval_overton.matchers.nli import NLI_THRESHOLD, entailment_index
from lm_eval_overton.matchers.pair_model import PairModel, label_index

__all__ = ["CLASSIFIER_THRESHOLD", "ClassifierEquivalence", "NliEquivalence"]

# Both as in the benchmark's own classifier, yimingzhang/deberta-v3-large-generation-similarity.
CLASSIFIER_THRESHOLD = 0.102
CLASSIFIER_TOKENS = 128

Pair = tuple[str, str]


class ModelEquivalence(PairEquivalence):
    """Compares a sample with the heads of classes before it, those of all prompts side by side."""

    def __init__(self, model: PairModel, threshold: float) -> None:
        self.model = model
        self.threshold = threshold

    @property
    def signature(self) -> str:
        """The name, the threshold, the model's name and the beginning of its weights' hash."""
        return f"{super().signature}:{self.model.signature}"

    def prepare(self, answers: Sequence[Answers]) -> None:
        """Let the model see one pair of each prompt at once, and on until all have their classes.

        It sees no more than `labels` needs: of the heads those up to the first that is the same.
        """
        waiting = [_classing(own.texts) for own in answers]
        asked = [(one, next(one, None)) for one in waiting]
        while asked := [(one, pair) for one, pair in asked if pair is not None]:
            scores = self.pair_scores([pair for _, pair in asked])
            asked = [
                (one, _answered(one, score > self.threshold))
                for (one, _), score in zip(asked, scores, strict=True)
            ]

    def labels(self, answers: Answers) -> list[int]:
        """Return the class of each sample; see Equivalence."""
        alike = self.likeness(answers.texts)

        def same(i: int, heads: Sequence[int]) -> list[bool]:
            found: list[bool] = []
            while len(found) < len(heads) and not any(found):
                found.append(bool(alike(i, [heads[len(found)]])[0] > self.threshold))
            return found

        return greedy_labels(len(answers.texts), same)

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


def _classing(texts: Sequence[str]) -> Generator[Pair, bool, None]:
    """Yield each pair that is to be compared for the classes of a prompt; is told of each.

    Args:
        texts: The samples of the prompt.
    """
    heads: list[str] = []
    for text in texts:
        for head in heads:
            if (yield head, text):
                break
        else:
            heads.append(text)


def _answered(classing: Generator[Pair, bool, None], is_same: bool) -> Pair | None:
    """Return the pair that is to be compared next, after an answer; None after the last."""
    try:
        return classing.send(is_same)
    except StopIteration:
        return None


def _both_ways(pairs: Sequence[Pair]) -> Iterator[Pair]:
    for pair in pairs:
        yield pair
        yield pair[::-1]

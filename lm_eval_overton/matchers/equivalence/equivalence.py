"""What all equivalences share: the samples of a prompt in, the class of each out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from lm_eval_overton.judge.verdicts import Verdict

__all__ = ["Answers", "Equivalence", "Likeness", "PairEquivalence", "greedy_labels"]

# How alike a sample, given by its position, is to each of some before it.
Likeness = Callable[[int, Sequence[int]], npt.NDArray[np.floating]]


class Answers(NamedTuple):
    """The samples of a prompt, in order, what was asked, and the classes that a file names."""

    texts: tuple[str, ...]
    prompt: str = ""
    given: tuple[int, ...] | None = None


class Equivalence(Protocol):
    """Says which samples of a prompt are the same to a reader."""

    # Whether it compares embeddings of the sentence encoder.
    encodes: bool = False
    # Whether a judge is asked.
    asks: bool = False

    @property
    def signature(self) -> str:
        """The name with every setting that can change a class."""

    def prepare(self, answers: Sequence[Answers]) -> None:
        """Let models see the samples of all prompts at once."""
        return

    def labels(self, answers: Answers) -> list[int] | None:
        """Return the class of each sample, numbered from 0 by first appearance.

        Returns:
            None where a judge was asked and no verdict came.
        """

    def verdicts(self, answers: Answers) -> list[Verdict]:
        """Return what a judge has said of these samples; nothing is asked."""
        return []


class PairEquivalence(Equivalence):
    """Two samples are the same if they are alike enough; classes are built greedily."""

    NAME: str
    threshold: float

    @property
    def signature(self) -> str:
        """The name and the threshold."""
        return f"{self.NAME}>{self.threshold!r}"

    def likeness(self, texts: Sequence[str]) -> Likeness:
        """Return how alike the texts are, as a function of a position and those before it."""
        raise NotImplementedError

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Return how alike the two texts of each pair are."""
        found: list[float] = []
        for pair in pairs:
            found += self.likeness(pair)(1, [0]).tolist()
        return found

    def labels(self, answers: Answers) -> list[int]:
        """Return the class of each sample; see Equivalence."""
        alike = self.likeness(answers.texts)
        return greedy_labels(len(answers.texts), lambda i, heads: alike(i, heads) > self.threshold)


def greedy_labels(
    n: int, same: Callable[[int, Sequence[int]], npt.NDArray[np.bool_] | Sequence[bool]]
) -> list[int]:
    """Return the class of each of n samples: that of the first head which it equals, else its own.

    A head is the first sample of a class. Source: NoveltyBench, arXiv:2504.05228.

    Args:
        n: Number of samples.
        same: Says of a sample and the heads so far which of them it equals.
    """
    heads: list[int] = []
    labels: list[int] = []
    for i in range(n):
        matches = np.flatnonzero(same(i, heads)).tolist() if heads else []
        if matches:
            labels.append(matches[0])
        else:
            labels.append(len(heads))
            heads.append(i)
    return labels

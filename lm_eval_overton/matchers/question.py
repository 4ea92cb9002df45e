"""What all matchers share: questions in, the best score of each viewpoint in each response out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = [
    "SENTENCES",
    "Matcher",
    "Scores",
    "ViewpointQuestion",
    "as_scores",
    "split_responses",
]

# What a signature says of what a sentence is, which is raised with any change of it. The first took
# headings, rows of tables and abbreviations for sentences.
SENTENCES = "sentences-2"

Scores = npt.NDArray[np.float64]


class ViewpointQuestion(NamedTuple):
    """Responses, the viewpoints that are looked for in them, and what was asked."""

    texts: Sequence[str]
    viewpoints: Sequence[str]
    prompt: str = ""


class Matcher(Protocol):
    """Scores every viewpoint of a question against every response to it."""

    threshold: float
    # Whether it compares embeddings of the sentence encoder.
    encodes: bool = False
    # Whether each question costs a request.
    asks: bool = False

    @property
    def signature(self) -> str:
        """The matcher's name with every setting that can change a match."""

    def scores(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return how well each response holds each viewpoint, in the matcher's own range.

        Args:
            questions: Per question its responses, its viewpoints and its prompt.

        Returns:
            Per question (n_responses, n_viewpoints); NaN where a response could not be scored,
            -inf for one without a sentence.
        """

    def prepare(self, questions: Sequence[ViewpointQuestion]) -> None:
        """Let models see the texts of many questions at once; each is scored later.

        A matcher keeps what its model says, so that nothing is asked of it again.
        """
        self.scores(questions)

    def split_with(self, tokenizer: Tokenizer) -> None:
        """Split responses with this tokenizer from now on, where the matcher splits them."""
        return

    def verdicts(self, questions: Sequence[ViewpointQuestion]) -> list[Verdict]:
        """Return the verdicts that a judge has given on the responses; nothing is asked.

        A matcher that asks nobody has none.
        """
        return []


def split_responses(
    questions: Sequence[ViewpointQuestion], tokenizer: Tokenizer
) -> list[list[list[str]]]:
    """Return per question and response its sentences."""
    return [
        [tokenizer.sentences(response) for response in question.texts] for question in questions
    ]


def as_scores(rows: Sequence[Sequence[float] | npt.NDArray[np.floating]], width: int) -> Scores:
    """Return one row per response as an array (n_responses, width), for no response too."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), width)

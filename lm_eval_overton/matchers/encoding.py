"""What matchers share that compare a response's sentences by the sentence encoder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from lm_eval_overton.matchers.question import (
    SENTENCES,
    Matcher,
    Scores,
    ViewpointQuestion,
    split_responses,
)
from lm_eval_overton.text.blocks import in_blocks
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["EncodingMatcher"]


class EncodingMatcher(Matcher):
    """Splits responses into sentences and encodes them all at once; subclasses score them.

    Subclasses also give their name, the threshold that holds where nobody sets another, and
    whether the prompt is encoded too.
    """

    NAME: ClassVar[str]
    THRESHOLD: ClassVar[float]
    ENCODES_PROMPT: ClassVar[bool] = False
    encodes = True

    def __init__(
        self, encoder: Encoder, threshold: float | None = None, tokenizer: Tokenizer = ENGLISH
    ) -> None:
        self.encoder = encoder
        self.threshold = self.THRESHOLD if threshold is None else threshold
        self.tokenizer = tokenizer

    @property
    def signature(self) -> str:
        """Name, threshold and sentences; the encoder has a place of its own in a signature."""
        return f"{self.NAME}>={self.threshold!r}:{SENTENCES}"

    def split_with(self, tokenizer: Tokenizer) -> None:
        """Split responses with this tokenizer from now on."""
        self.tokenizer = tokenizer

    def prepare(self, questions: Sequence[ViewpointQuestion]) -> None:
        """Encode all texts; what is computed from embeddings is computed when it is wanted."""
        self.encoded(questions)

    def scores(self, questions: Sequence[ViewpointQuestion]) -> list[Scores]:
        """Return how well each response holds each viewpoint; see Matcher."""
        return [
            self._scored(own, question)
            for block in in_blocks(questions, lambda question: len(question.texts))
            for own, question in self.encoded(block)
        ]

    def encoded(
        self, questions: Sequence[ViewpointQuestion]
    ) -> list[tuple[list[list[str]], ViewpointQuestion]]:
        """Return the sentences of each question's responses; all that is compared is encoded."""
        split = split_responses(questions, self.tokenizer)
        every = [text for own in split for sentences in own for text in sentences]
        for question in questions:
            every += question.viewpoints
            if self.ENCODES_PROMPT and question.prompt:
                every.append(question.prompt)
        # One call for all texts, so that batches are full whatever the questions' lengths.
        self.encoder.encode(every)
        return [*zip(split, questions, strict=True)]

    @abstractmethod
    def _scored(self, responses: Sequence[Sequence[str]], question: ViewpointQuestion) -> Scores:
        """Return the scores of the responses to one question, each given by its sentences."""

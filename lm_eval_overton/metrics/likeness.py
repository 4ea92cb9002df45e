"""How near the samples of a prompt are to a reference model's: one view, many similarities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas import similarity
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.samples import Sample, scored_texts
from lm_eval_overton.text.token_match import PairScores
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["BERTSCORES", "KINDS", "Kind", "Likeness", "shortened"]

Matrix = npt.NDArray[np.float64]
Kind = Literal["jaccard", "rouge_l", "cosine", "length_ratio"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# So many words of a text are its beginning.
SHORT = 100
BERTSCORES = ("precision", "recall", "f1")


def shortened(texts: Sequence[str], tokenizer: Tokenizer = ENGLISH) -> list[str]:
    """Return the first 100 words of each text: length is a confounder of similarity."""
    return [tokenizer.beginning(text, SHORT) for text in texts]


@lru_cache(maxsize=4096)
def _overlap_tokens(tokenizer: Tokenizer, text: str) -> tuple[str, ...]:
    return tuple(tokenizer.overlap_tokens(text))


@lru_cache(maxsize=4096)
def _content_words(tokenizer: Tokenizer, text: str) -> frozenset[str]:
    return tokenizer.content_words(text)


def _matrix(
    kind: str,
    own: Sequence[str],
    references: Sequence[str],
    encoder: Encoder,
    tokenizer: Tokenizer,
) -> Matrix:
    """Return (n_own, n_references) similarities of one kind."""
    if kind == "cosine":
        return similarity.cosine_matrix(encoder.encode(own), encoder.encode(references))
    if kind == "jaccard":
        return _between(
            partial(_content_words, tokenizer), similarity.jaccard_matrix, own, references
        )
    if kind == "rouge_l":
        return _between(
            partial(_overlap_tokens, tokenizer), similarity.rouge_l_matrix, own, references
        )
    return _between(tokenizer.count, similarity.length_ratio_matrix, own, references)


def _between(
    form: Callable[[str], object],
    compare: Callable[..., Matrix],
    own: Sequence[str],
    references: Sequence[str],
) -> Matrix:
    return compare([form(text) for text in own], [form(text) for text in references])


@dataclass(frozen=True)
class Likeness:
    """The valid samples of a prompt against the valid reference samples.

    `hint_source` is the reference that a hint was built from and that does not count; with
    `same_run` no sample is compared with itself. `bert` holds BERTScores of the samples and of
    the references against the references.
    """

    texts: Sequence[str]
    references: Sequence[str]
    encoder: Encoder
    hint_source: int | None = None
    same_run: bool = False
    bert: tuple[PairScores, PairScores] | None = None
    tokenizer: Tokenizer = ENGLISH

    @classmethod
    def between(
        cls,
        samples: Sequence[Sample],
        reference: Sequence[Sample],
        encoder: Encoder,
        hint_source: int | None = None,
        bert: tuple[PairScores, PairScores] | None = None,
        tokenizer: Tokenizer = ENGLISH,
    ) -> Likeness:
        """Compare the valid ones among all samples and all reference samples of a prompt.

        Here `hint_source` is an index among all reference samples; one that is not valid excludes
        nothing. Samples and reference are the same run if they came as the same texts.
        """
        valid = [i for i, sample in enumerate(reference) if sample.is_valid]
        return cls(
            scored_texts(samples),
            [reference[i].text for i in valid],
            encoder,
            valid.index(hint_source) if hint_source in valid else None,
            [sample.raw for sample in samples] == [sample.raw for sample in reference],
            bert,
            tokenizer,
        )

    def of(self, kind: str, short: bool = False) -> float:
        """Return the mean similarity of the samples to the references; NaN without a pair."""
        own, references = self._texts(short)
        matrix = _matrix(kind, own, references, self.encoder, self.tokenizer)
        return similarity.mean_similarity(matrix, self.same_run, self.hint_source)

    def ceiling(self, kind: str, short: bool = False) -> float:
        """Return the mean similarity of the references to each other, self pairs left out."""
        _, references = self._texts(short)
        matrix = _matrix(kind, references, references, self.encoder, self.tokenizer)
        return similarity.mean_similarity(matrix, True, self.hint_source)

    def bertscore(self, part: str) -> float:
        """Return the mean BERTScore precision, recall or f1; NaN without a pair."""
        assert self.bert is not None
        matrix = getattr(self.bert[0], part)
        return similarity.mean_similarity(matrix, self.same_run, self.hint_source)

    def bertscore_ceiling(self) -> float:
        """Return the mean BERTScore F1 of the references to each other."""
        assert self.bert is not None
        return similarity.mean_similarity(self.bert[1].f1, True, self.hint_source)

    def _texts(self, short: bool) -> tuple[Sequence[str], Sequence[str]]:
        if not short:
            return self.texts, self.references
        return shortened(self.texts, self.tokenizer), shortened(self.references, self.tokenizer)

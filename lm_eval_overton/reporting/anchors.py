"""Where samples of a prompt say the same: spans of a text, and a curve over a run's texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lm_eval_overton.metrics.formulas.ngrams import Ids, gram_ids
from lm_eval_overton.metrics.formulas.shared_spans import (
    SPAN,
    by_decile,
    chance_of_enough,
    needed_of_anchors,
    sharers,
)
from lm_eval_overton.runs.answers import Answers
from lm_eval_overton.runs.finished import TaskResult
from lm_eval_overton.settings.signature import fields, short_hash
from lm_eval_overton.text.plain_words import plain_words, word_spans
from lm_eval_overton.text.samples import Sample, scored_texts
from lm_eval_overton.text.tokenizer import Tokenizer
from lm_eval_overton.text.tokenizers import tokenizer_of_all

__all__ = [
    "Curve",
    "anchor_curve",
    "anchor_spans",
    "are_scored",
    "tokenizer_of_task",
    "utf16_length",
]

Floats = npt.NDArray[np.float64]

# A curve is a mean over samples: those of this many prompts are enough to draw it.
MOST_PROMPTS = 200


@dataclass(frozen=True)
class Curve:
    """The share of words in anchors in each tenth of a run's samples, and of how many prompts."""

    deciles: Floats
    prompts: int


def tokenizer_of_task(result: TaskResult) -> Tokenizer:
    """Return what took apart the texts of a task."""
    return tokenizer_of_all([fields(result.signature).get("tok", "en")])


def are_scored(samples: Sequence[Sample], sha: str | None) -> bool:
    """Tell whether samples are those whose values a results file holds.

    Args:
        samples: Those of a prompt.
        sha: What the file says of them; None: nothing.
    """
    return sha is None or sha == short_hash([sample.raw for sample in samples])


def anchor_spans(texts: Sequence[str], tokenizer: Tokenizer) -> list[list[tuple[int, int]]]:
    """Return where each text says what half of the others say too, in runs of five words.

    Args:
        texts: The valid samples of a prompt.
        tokenizer: That of the run.

    Returns:
        Per text the first and the last position, as browsers count characters, of each run; none
        for fewer than two texts.
    """
    needed = needed_of_anchors(len(texts))
    if needed < 1:
        return [[] for _ in texts]
    shared = _sharers(texts, tokenizer)
    return [
        list(_joined(text, word_spans(text, tokenizer), own >= needed))
        for text, own in zip(texts, shared, strict=True)
    ]


def _sharers(texts: Sequence[str], tokenizer: Tokenizer) -> list[Ids]:
    return sharers(gram_ids([plain_words(text, tokenizer) for text in texts], SPAN)[-1])


def _joined(
    text: str, words: Sequence[tuple[int, int]], anchored: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, int]]:
    """Yield the runs of words that are anchored one after the other."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], anchored.astype(np.int8), [0]])))
    for first, after in edges.reshape(-1, 2).tolist():
        yield utf16_length(text[: words[first][0]]), utf16_length(text[: words[after - 1][1]])


def utf16_length(text: str) -> int:
    """Return how many characters a text has in a browser, where most emoji are two."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def anchor_curve(result: TaskResult, answers: Answers, seed: int) -> Curve | None:
    """Return the share of words in anchors by tenth of the answer.

    Samples of fewer than 20 words do not count; every other one counts alike, like those of
    `anchor_share` at the task's n.

    Args:
        result: A task of a run.
        answers: Its responses.
        seed: Draws the prompts where there are very many.

    Returns:
        None where no prompt has enough samples that were scored.
    """
    tokenizer, signed = tokenizer_of_task(result), fields(result.signature).get("n", "")
    n = int(signed) if signed.isdecimal() else None
    found: list[Floats] = []
    prompts = 0
    for texts in _drawn(result, answers, n or 2, seed):
        own = list(_deciles(texts, n or len(texts), tokenizer))
        found += own
        prompts += bool(own)
    return Curve(np.mean(found, axis=0), prompts) if found else None


def _drawn(result: TaskResult, answers: Answers, n: int, seed: int) -> Iterator[list[str]]:
    """Yield the valid samples of prompts that have n of them, as many as are looked at."""
    left = MOST_PROMPTS
    for i in np.random.default_rng(seed).permutation(len(result.ids)):
        samples = answers.samples(result.ids[i])
        texts = scored_texts(samples)
        if len(texts) >= max(n, 2) and are_scored(samples, result.details[i].get("sha")):
            yield texts
            left -= 1
        if not left:
            return


def _deciles(texts: Sequence[str], n: int, tokenizer: Tokenizer) -> Iterator[Floats]:
    chance = chance_of_enough(len(texts), n, needed_of_anchors(n))
    for own in _sharers(texts, tokenizer):
        deciles = by_decile(chance[own])
        if deciles is not None:
            yield deciles

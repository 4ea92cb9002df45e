"""The released data as the tables want them: cleaned samples and read verdicts, made once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.judge.parse import parse_released
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.metrics.score import score_prompts
from lm_eval_overton.metrics.view import Bench, Prompt
from lm_eval_overton.replicate.expected import expected
from lm_eval_overton.replicate.layout import Released
from lm_eval_overton.replicate.table import Number
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.encoder_source import EncoderSource
from lm_eval_overton.text.samples import Cleaning, Sample, asks_summary_first, scored_texts

__all__ = ["N_SAMPLES", "Study", "mean_number", "single_number", "stops_of"]

N_SAMPLES = 5
FENCE = "```"

# The judgements by the name of their folder and by that of the reader of their replies.
READERS = {
    "eval-quality": "quality",
    "eval-stance": "stance",
    "eval-missing": "missing",
    "extract-topics": "topics",
}

Samples = list[list[Sample]]
Verdicts = list[list[Verdict]]


def stops_of(model: str) -> tuple[str, ...]:
    """Return where a model's answers are cut.

    Base models and those with examples in context were asked in a fenced frame, and the server
    kept the closing fence. A chat answer may hold code fences of its own.
    """
    fenced = "-icl" in model or model.endswith("-base") or model == "mistral"
    return (FENCE,) if fenced else ()


class _NoEncoder(Encoder):
    """Stands where only words are measured."""

    def __init__(self) -> None:
        super().__init__(EncoderSource("none", None, "words only"))

    def encode(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """Return no vectors: nothing that is measured looks at them."""
        return np.zeros((len(texts), 0), dtype=np.float32)


@dataclass(frozen=True)
class Study:
    """What all tables are made from; without an encoder only words are measured."""

    released: Released
    encoder: Encoder | None = None
    _samples: dict[tuple[str, str, bool], Samples] = field(default_factory=dict)
    _verdicts: dict[tuple[str, str, str], Verdicts] = field(default_factory=dict)

    @property
    def any_encoder(self) -> Encoder:
        """The encoder, or one that encodes nothing."""
        return self.encoder or _NoEncoder()

    def samples(self, dataset: str, model: str, parsed: bool = True) -> Samples:
        """Return a model's cleaned samples, one list per prompt.

        With `parsed`, only the answer of a response that begins with a summary of its own is
        kept; without, such a response is taken whole.
        """
        key = (dataset, model, parsed)
        if key not in self._samples:
            self._samples[key] = self._cleaned(dataset, model, parsed)
        return self._samples[key]

    def _cleaned(self, dataset: str, model: str, parsed: bool) -> Samples:
        rule = Cleaning.of(stops_of(model), model)
        if rule.summary_first and not parsed:
            rule = Cleaning()
        return [rule.samples(own) for own in self.released.responses(dataset, model)]

    def encode(self) -> None:
        """Let the encoder, where there is one, see the samples of all models in one call.

        What it is given together is sorted by length: the more it is, the less is padding.
        """
        if self.encoder:
            self.encoder.encode(list(self._texts()))

    def _texts(self) -> Iterator[str]:
        """Yield every text that some table compares with others."""
        for dataset in self.released.datasets():
            for model in self.released.models(dataset):
                for parsed in (True, False) if asks_summary_first(model) else (True,):
                    for own in self.samples(dataset, model, parsed):
                        yield from scored_texts(own)

    def words(self, samples: Sequence[Sample]) -> list[AbstractSet[str]]:
        """Return the content words of each valid sample."""
        return [self._bench.bag(text) for text in scored_texts(samples)]

    @cached_property
    def _bench(self) -> Bench:
        return Bench(N_SAMPLES, (), self.any_encoder, stats.SEED)

    def verdicts(self, dataset: str, judgement: str, model: str) -> Verdicts:
        """Return the read verdicts on a model's samples, one list per prompt."""
        key = (dataset, judgement, model)
        if key not in self._verdicts:
            replies = self.released.replies(dataset, judgement, model)
            reader = READERS[judgement]
            self._verdicts[key] = [[parse_released(reader, r) for r in own] for own in replies]
        return self._verdicts[key]

    def scores(
        self, samples: Samples, names: Sequence[str], reference: Samples | None = None
    ) -> dict[str, list[float | None]]:
        """Return the values over prompts of some of `scoring.METRICS`; None where undefined."""
        against = reference or [[] for _ in samples]
        prompts = [Prompt({}, *both) for both in zip(samples, against, strict=True)]
        rows = score_prompts(prompts, names, self._bench)
        return {name: [row[name] for row in rows] for name in names}


def mean_number(dataset: str, column: str, row: str, values: stats.Values) -> Number:
    """Return the mean over prompts with its interval, beside what is expected there."""
    interval = stats.mean_interval(values, np.random.default_rng(stats.SEED))
    return Number(interval.estimate, interval.low, interval.high, expected(dataset, column, row))


def single_number(dataset: str, column: str, row: str, value: float) -> Number:
    """Return a number without an interval, beside what is expected there."""
    return Number(value, expected=expected(dataset, column, row))

"""The metrics as `evaluate.Metric` classes, for use without the harness and without a network.

    from lm_eval_overton.evaluate_metrics import LexicalDiversity
    LexicalDiversity().compute(predictions=[["answer one", "answer two"], ["...", None]])

A prediction is the list of samples of one prompt, None for a failed request. The values are those
of the tasks. A class is made when it is first asked for: `evaluate` imports torch, so
that this module imports it only then.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from lm_eval_overton.errors import DataError
from lm_eval_overton.evaluate_metrics.inputs import (
    Texts,
    check_n,
    checked_prompts,
    checked_samples,
    checked_viewpoints,
)
from lm_eval_overton.matchers.table import make_matcher
from lm_eval_overton.metrics.measures import REGISTRY
from lm_eval_overton.metrics.metric import Metric as Declared
from lm_eval_overton.metrics.metric import Need
from lm_eval_overton.metrics.reading import read
from lm_eval_overton.metrics.score import score_prompts
from lm_eval_overton.metrics.view import Bench, Prompt
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.stats import SEED
from lm_eval_overton.text.encoder import Encoder, get_encoder
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER, EncoderSource, find_encoder
from lm_eval_overton.text.samples import clean

if TYPE_CHECKING:
    from evaluate import Metric
else:
    # The classes that `__getattr__` makes have the real one as their second base.
    Metric = object

logger = logging.getLogger("lm_eval.overton")

# What a metric may need here; `references` are each prompt's viewpoints, without their sides.
_THERE = frozenset({Need.TOKENS, Need.CLASSES, Need.EMBEDDINGS, Need.SENTENCES, Need.MATCHER})


@dataclass(frozen=True)
class Entry:
    """What one class computes: the name of a metric, its meaning and range, its source.

    `at_n`: it depends on the number of samples, so `n` must be given. `encodes`: it needs a
    sentence encoder. `viewpoints`: it needs each prompt's viewpoints as `references`.
    """

    metric: str
    about: str
    source: str
    at_n: bool = False
    encodes: bool = False
    viewpoints: bool = False

    @classmethod
    def of(cls, metric: Declared) -> Entry:
        """Return what a class for a metric computes."""
        better = {True: "; higher is better", False: "; lower is better", None: ""}
        return cls(
            metric.name,
            f"{metric.says} Range: {metric.range}{better[metric.higher_is_better]}.",
            metric.source,
            metric.grows_with_n,
            bool(metric.needs - {Need.TOKENS, Need.CLASSES}),
            Need.MATCHER in metric.needs,
        )


def _class_name(metric: Declared) -> str:
    return "".join(part[0].upper() + part[1:] for part in metric.name.split("_"))


CLASSES: dict[str, Entry] = {
    _class_name(metric): Entry.of(metric)
    for metric in REGISTRY.values()
    if metric.needs <= _THERE and not metric.judgement
}

__all__ = ["CLASSES", "Entry", "SetMetric", *CLASSES]

_INPUTS = """

    predictions: per prompt a list of its samples, None for a failed request.
    references: for coverage, per prompt a list of its viewpoints; else left out.
    n: the fixed number of samples, for metrics that depend on it. A prompt with fewer valid
        samples is undefined, one with more gets the expected value over subsets of n.
    stop: stop sequences at which samples are cut.
    encoder, device: a sentence-transformers model, name or folder, and its place.
    threshold, nli_model: how viewpoints are matched: the least score of a match, and an
        entailment model in place of the default matcher.
    prompts: for coverage, what was asked, one text per prompt: an answer that only says it again
        is then known to cover nothing.
    seed: of subsets that are drawn because there are more than 200.

All classes take the same options, so that `evaluate.combine` can pass them to several.

Returned are the mean over the prompts where the metric is defined (NaN if it is nowhere), under
the metric's name with `_values` one value per prompt (NaN where undefined), and as `n` the number
of prompts where it is defined.
"""


def __getattr__(name: str) -> type[SetMetric]:
    """Make a class of `CLASSES`."""
    if name not in CLASSES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import evaluate

    entry = CLASSES[name]
    body = {"entry": entry, "__doc__": entry.about, "__module__": __name__}
    # Kept, so that every import and every unpickled object has the same class.
    made = globals()[name] = type(name, (SetMetric, evaluate.Metric), body)
    return made


class SetMetric(Metric):
    """A metric of the set of samples of a prompt; `CLASSES` says which."""

    entry: ClassVar[Entry]

    def _info(self) -> Any:
        import datasets
        import evaluate

        lists = ["predictions", "references"] if self.entry.viewpoints else ["predictions"]
        texts = datasets.Sequence(datasets.Value("string"))
        return evaluate.MetricInfo(
            description=self.entry.about,
            citation=self.entry.source,
            inputs_description=_INPUTS,
            features=datasets.Features(dict.fromkeys(lists, texts)),
        )

    def compute(
        self,
        *,
        predictions: Any = None,
        references: Any = None,
        n: int | None = None,
        stop: Sequence[str] = (),
        encoder: str = DEFAULT_ENCODER,
        device: str | None = None,
        threshold: float | None = None,
        nli_model: str | None = None,
        prompts: Sequence[str] | None = None,
        seed: int = SEED,
    ) -> dict[str, Any] | None:
        """Compute the metric over all prompts, those that were added before included.

        Raises:
            DataError: If predictions or references are not lists of texts.
            SettingsError: If `n` is missing or no number of samples, or a model cannot be used.
            EncoderError: If the encoder cannot be found or loaded.
        """
        check_n(n, self.entry.metric, self.entry.at_n)
        if predictions is None and self.writer is None:
            raise DataError(
                f"{self.entry.metric}: expected predictions, got none; pass or add some"
            )
        scorer = _encoder(self.entry, encoder, device)
        kind = "nli" if nli_model else Settings().matcher
        bench = Bench(
            n or 1,
            [stop] if isinstance(stop, str) else list(stop),
            scorer,
            seed,
            make_matcher(kind, scorer, nli_model, threshold, device)
            if self.entry.viewpoints
            else None,
        )
        result: dict[str, Any] | None = super().compute(
            predictions=predictions, references=references, bench=bench, prompts=prompts
        )
        return result

    def add_batch(self, *, predictions: Any = None, references: Any = None) -> None:
        """Add prompts; `compute` follows.

        Raises:
            DataError: If predictions or references are not lists of texts, or not equally many.
        """
        name = self.entry.metric
        samples = checked_samples(predictions, name)
        columns: dict[str, Any] = {"predictions": samples}
        if self.entry.viewpoints:
            columns["references"] = checked_viewpoints(references, len(samples), name)
        super().add_batch(**columns)

    def add(
        self,
        *,
        prediction: Any = None,
        reference: Any = None,
        predictions: Any = None,
        references: Any = None,
    ) -> None:
        """Add one prompt, under either name of its samples; `compute` follows.

        Raises:
            DataError: If the prediction or the reference is not a list of texts.
        """
        samples = prediction if predictions is None else predictions
        viewpoints = reference if references is None else references
        self.add_batch(predictions=[samples], references=[viewpoints])

    def _enforce_nested_string_type(self, schema: Any, obj: Any) -> None:
        # The base class refuses a batch that begins with a prompt whose requests all failed.
        # What is added was checked already, all of it.
        return

    def _compute(
        self,
        *,
        predictions: Texts,
        references: list[list[str]] | None = None,
        bench: Bench,
        prompts: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        asked = checked_prompts(prompts, len(predictions), self.entry.metric)
        docs: list[dict[str, Any]] = [{"prompt": text} for text in asked]
        for doc, own in zip(docs, references or [], strict=False):
            doc["viewpoints"] = [{"text": text} for text in own]
        made = [
            Prompt(doc, [clean(raw, bench.stops) for raw in own])
            for doc, own in zip(docs, predictions, strict=True)
        ]
        name = self.entry.metric
        reading = read(made, bench)
        for alarm in reading.alarms:
            logger.warning("%s: %s", name, alarm)
        values = [row[name] for row in score_prompts(made, [name], reading.bench)]
        defined = [value for value in values if value is not None]
        return {
            name: math.fsum(defined) / len(defined) if defined else math.nan,
            f"{name}_values": [math.nan if value is None else value for value in values],
            "n": len(defined),
        }


def _encoder(entry: Entry, name: str, device: str | None) -> Encoder:
    if entry.encodes:
        return get_encoder(find_encoder(name), device)
    # Words need none, and it may not be there.
    return Encoder(EncoderSource(name, None, "not used"))

"""Whose answers are these? How likely the evaluated model finds the recorded samples of any run."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from lm_eval.api.instance import Instance

from lm_eval_overton.data import load_prompts, packaged_path
from lm_eval_overton.errors import DataError
from lm_eval_overton.harness.boundary import Boundary, Pair, continued, encoder_of
from lm_eval_overton.harness.entry_points import overton_mean
from lm_eval_overton.harness.evaluation import Evaluation
from lm_eval_overton.harness.likelihoods import Asked, LikelihoodTask
from lm_eval_overton.harness.metric_list import wanted
from lm_eval_overton.harness.windows import Windows
from lm_eval_overton.metrics.bench import Bench
from lm_eval_overton.metrics.formulas.likelihood import Likelihood
from lm_eval_overton.metrics.measures.likelihood import NATS_PER_ANSWER, WINDOWED_SHARE
from lm_eval_overton.metrics.metric import LIKELIHOOD, Task
from lm_eval_overton.metrics.prompt import Prompt
from lm_eval_overton.runs.entry import PROMPTS, TOKENIZER
from lm_eval_overton.runs.sources import Source, read_source
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings, read_settings

__all__ = ["AnswerLikelihoodTask"]

logger = logging.getLogger("lm_eval.overton")

# What is scored where no run is named, and whose it is.
PACKAGED, REFERENCES = "references_open_ended", "references"
# The settings that say how responses are read.
READING = ("reasoning", "reasoning_tags", "elicit", "elicit_k")
# What tokenizers that differ take apart differently.
PROBE = "It isn't so: 1,024 naïve  answers\n\nof 3 Überläufer; 四つ, да?"


@dataclass(frozen=True)
class _Part:
    """An answer behind its prompt, as it is asked for."""

    pairs: Sequence[Pair]
    n_tokens: int | None
    is_held: bool


class AnswerLikelihoodTask(LikelihoodTask):
    """The samples of a run, each behind its prompt; every prompt is one document.

    An answer is asked for as it was written, up to its stop sequence and without a thought that
    `reasoning` cuts off. The token that ends it is not: recorded answers do not hold it, and those
    that the token limit cut had none. Samples without a text have no likelihood; they are counted.
    """

    KIND: ClassVar[Task] = LIKELIHOOD

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Read the settings and the samples.

        Args:
            config: The task's configuration as the harness merged it.

        Raises:
            OvertonError: If a setting or the samples cannot be used.
        """
        task = str(config["task"])
        settings = read_settings(config.get("metadata") or {}, task, min_samples=1)
        self.source = _source(settings, task)
        self.texts = {
            key: [self.source.cleaning.verbatim(one) for one in own if one.is_valid]
            for key, own in self.source.samples.items()
        }
        own = self.source.prompts
        asked = [doc for doc in own.docs if self.texts[doc["id"]]]
        if not asked:
            raise DataError(
                f"{settings.responses}: expected an answer with a text to at least one prompt, got "
                f"none in {len(own.docs)} prompts ({', '.join(_lost(self.source))})"
            )
        self._encode: Callable[[str], Any] | None = None
        self._parts: dict[str, dict[str, _Part]] = {}
        super().__init__(config, settings, replace(own, docs=asked), wanted(config, self.KIND))

    # ------------------------------------------------------------------------------ requests

    def ways(self, doc: Mapping[str, Any]) -> Sequence[Asked]:
        """Return the prompt with its answers; one that was given twice is asked for once."""
        return [Asked(doc["prompt"], tuple(dict.fromkeys(self.texts[doc["id"]])))]

    def _prepare(self, around: Evaluation, has_template: bool) -> None:
        super()._prepare(around, has_template)
        self._encode = encoder_of(around.model)
        self._tokenizer = _fingerprint(self._encode)
        self._windows = Windows(around.model, Boundary(around.model, self.task_name))

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Return one request per answer, several where the model's context does not hold it."""
        [context], [way] = ctx, self.ways(doc)
        self._parts[doc["id"]] = {text: self._part(context, text) for text in way.answers}
        return super().construct_requests(doc, ctx, **kwargs)

    def _part(self, context: str, text: str) -> _Part:
        rest = text if text[0].isspace() else continued(context, text)
        pairs = self._windows.pairs(context, rest)
        # Of a prompt that is too long, what is left may be asked about at once with a short answer.
        is_held = "".join(pairs[0]) == context + rest
        return _Part(pairs, self._windows.n_tokens(pairs), is_held)

    def _pairs(self, doc: Any, contexts: Sequence[str]) -> Iterator[Pair]:
        for part in self._parts[doc["id"]].values():
            yield from part.pairs

    # ------------------------------------------------------------------------------- scoring

    def _logs(self, doc: Mapping[str, Any], given: Iterator[float]) -> list[list[float]]:
        """Return the log-probabilities of the windows of each answer."""
        return [[next(given) for _ in part.pairs] for part in self._parts[doc["id"]].values()]

    def scored(self, doc: Mapping[str, Any], logs: Sequence[Sequence[float]]) -> Prompt:
        """Return the prompt with its samples and how likely each of them is."""
        parts = zip(self._parts[doc["id"]].items(), logs, strict=True)
        known = {
            text: Likelihood(sum(own), len(text.encode()), part.n_tokens, part.is_held)
            for (text, part), own in parts
        }
        found = [known[text] for text in self.texts[doc["id"]]]
        return Prompt(doc, self.source.samples[doc["id"]], likelihoods=found)

    def row(self, doc: Mapping[str, Any], results: Any) -> dict[str, Any]:
        """Return a prompt's values; beside them stands what tells the model's tokenizer."""
        row = super().row(doc, results)
        row[PROMPTS][TOKENIZER] = self._tokenizer
        return row

    @property
    def bench(self) -> Bench:
        """What is common to all prompts."""
        return replace(super().bench, stops=self.source.cleaning.stops)

    def alarms(self, gathered: Mapping[str, Sequence[Any]]) -> Sequence[str]:
        """Return what of the samples is not scored, or not as it was said."""
        return [*self._of_samples(), *self._of_model(gathered)]

    def _of_samples(self) -> Iterator[str]:
        lost, cut = _lost(self.source), _cut(self.source)
        total = sum(map(len, self.source.samples.values()))
        if lost:
            yield f"of {total} samples {', '.join(lost)}: these have no likelihood and do not count"
        none = sum(not own for own in self.texts.values())
        if none:
            yield f"{none} of {len(self.texts)} prompts have no answer with a text and are left out"
        if cut:
            yield f"of {total} samples the token limit cut {cut}: scored as far as they go"

    def _of_model(self, gathered: Mapping[str, Sequence[Any]]) -> Iterator[str]:
        windowed = overton_mean(gathered.get(WINDOWED_SHARE.name, []))
        if windowed:
            yield (
                f"{windowed:.2%} of the answers do not fit into the model's context with their "
                "prompts and are scored in windows, behind as much of the prompt as there is room "
                "for; --model_args max_length=... if it takes more"
            )
        infinite = sum(value is None for value in gathered.get(NATS_PER_ANSWER.name, []))
        if infinite:
            yield (
                f"{infinite} prompts have an answer whose log-probability is infinite or no number "
                "under this model, and are undefined; another dtype may do better"
            )
        if self._encode is None:
            yield "the model shows no tokens: nats per token are undefined, bits per byte hold"

    # ---------------------------------------------------------------------------- provenance

    def own_fields(self) -> Mapping[str, Any]:
        """Return whose samples are scored, for the signature; whoever scores them."""
        return {
            "whose": self.source.name,
            "responses": short_hash(self.texts),
            "reasoning": self.source.cleaning.reasoning.signature,
            **{f"source_{key}": value for key, value in self.source.made.items()},
        }


def _source(settings: Settings, task: str) -> Source:
    if settings.responses is None:
        logger.warning(
            "%s: no samples of a run are given, so that the packaged references are scored; those "
            'of a run: --metadata \'{"responses": "RUN"}\' (its results folder, generations or '
            "responses file)",
            task,
        )
        return read_source(f"{REFERENCES}={packaged_path(PACKAGED)}", None, {})
    prompts = load_prompts(settings.prompts) if settings.prompts else None
    own = {key: settings.given[key] for key in READING if settings.given.get(key) is not None}
    return read_source(settings.responses, prompts, own)


def _lost(source: Source) -> list[str]:
    """Return how many samples are of each status that is not scored."""
    counts = Counter(one.status for own in source.samples.values() for one in own)
    return [f"{n} are {status}" for status, n in counts.items() if status != "valid"]


def _cut(source: Source) -> int:
    return sum(bool(one.cut and one.is_valid) for own in source.samples.values() for one in own)


def _fingerprint(encode: Callable[[str], Any] | None) -> str | None:
    """Return what is the same for models of one tokenizer; None where none is shown."""
    if encode is None:
        return None
    # What stands before any text is no part of the tokenizer.
    return short_hash([str(token) for token in encode(PROBE)[len(encode("")) :]])

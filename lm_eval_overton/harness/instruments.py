"""What a task of samples works with, made of its settings before the harness sees the task."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_overton.data import PromptSet, weight_of
from lm_eval_overton.errors import NoAnswersError, SettingsError
from lm_eval_overton.judge.ask import GuardedJudge, Judge
from lm_eval_overton.matchers.nli import NliMatcher
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.matchers.table import asks_judge, make_matcher
from lm_eval_overton.metrics.metric import ICL, Need
from lm_eval_overton.metrics.view import Bench
from lm_eval_overton.runs.reference import load_reference
from lm_eval_overton.settings.judge import JudgeSpec
from lm_eval_overton.settings.signature import short_hash
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.bertscore import BertScorer
from lm_eval_overton.text.encoder import Encoder, find_encoder, get_encoder
from lm_eval_overton.text.samples import Sample

__all__ = [
    "Material",
    "Reference",
    "absent_needs",
    "bench_of",
    "find_bert_scorer",
    "find_matcher",
    "find_reference",
    "find_task_encoder",
    "reference_hash",
    "require_reference",
]

logger = logging.getLogger("lm_eval.overton")

# A reference run's samples by prompt id.
Reference = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True)
class Material:
    """What a task asks, and what it compares the responses with.

    Attributes:
        prompts: The prompts that are scored.
        reference: The samples of a reference run.
        reserved: Prompts that the reference answers and that are kept as examples.
        lacking: Why the reference run that the user named has no answers to this task.
    """

    prompts: PromptSet
    reference: Reference
    reserved: Sequence[Mapping[str, Any]] = ()
    lacking: NoAnswersError | None = None

    @property
    def has_weights(self) -> bool:
        """Whether the viewpoints of any prompt are weighted."""
        own = [doc.get("viewpoints") for doc in self.prompts.docs]
        listed = (viewpoint for one in own if isinstance(one, list) for viewpoint in one)
        return any(weight_of(viewpoint) is not None for viewpoint in listed)

    @property
    def asks_yes_no(self) -> bool:
        """Whether any prompt is said to be a yes/no question."""
        return any(doc.get("kind") == "yes_no" for doc in self.prompts.docs)


def absent_needs(material: Material, bert: BertScorer | None, matcher: Matcher | None) -> set[Need]:
    """Return what metrics may need and a task does not have.

    Args:
        material: What the task asks and compares with.
        bert: The model of BERTScore.
        matcher: What matches viewpoints.
    """
    there = {
        Need.REFERENCE: bool(material.reference),
        Need.BERTSCORE: bert is not None,
        Need.WEIGHTS: material.has_weights,
        Need.NLI: isinstance(matcher, NliMatcher),
        Need.ENGLISH_QUESTION: material.asks_yes_no,
    }
    return {need for need, is_there in there.items() if not is_there}


def find_reference(settings: Settings, prompts: PromptSet, task: str) -> Material:
    """Return the prompts with the reference run that the user named; without one, with nothing.

    A reference may answer other tasks of a run than this one: then the material says so.

    Raises:
        DataError: If it cannot be read.
    """
    place = settings.reference_run
    if not place:
        return Material(prompts, {})
    try:
        found = load_reference(place, task, prompts, settings.reference_stop)
    except NoAnswersError as error:
        return Material(prompts, {}, lacking=error)
    logger.info("%s answers %d of %d prompts", place, len(found), len(prompts.docs))
    return Material(prompts, found)


def require_reference(own: Material, tasks: Iterable[Any], task: str) -> None:
    """Warn of a reference run that does not answer a task.

    Args:
        own: The task's material.
        tasks: All tasks of its evaluation.
        task: The task's name.

    Raises:
        NoAnswersError: If it answers none of them.
    """
    if own.lacking is None:
        return
    line = f"{task}: reference_run: {own.lacking}"
    # In-context tasks have a reference of another kind.
    compared = [one.material for one in tasks if getattr(one, "KIND", ICL) != ICL]
    if all(one.lacking for one in compared):
        raise NoAnswersError(line) from own.lacking
    logger.warning("%s; this task has no metrics against the reference run", line)


def find_task_encoder(settings: Settings) -> Encoder:
    """Return the sentence encoder.

    Raises:
        OvertonError: If it cannot be found.
    """
    return get_encoder(find_encoder(settings.encoder), settings.encoder_device)


def find_matcher(settings: Settings, encoder: Encoder, judge: Judge | None, task: str) -> Matcher:
    """Return what matches given viewpoints to responses.

    Raises:
        SettingsError: If the matcher needs a model that is not there.
    """
    if asks_judge(settings) and judge is None:
        raise SettingsError(
            f"{task}: expected a judge on a server for the matcher {settings.matcher}, got one "
            "that would be loaded beside the evaluated model; run with another matcher, then "
            "`overton score` the generations with this one"
        )
    return make_matcher(
        settings.matcher,
        encoder,
        settings.nli_model,
        settings.threshold,
        settings.encoder_device,
        GuardedJudge(judge) if judge else None,
    )


def find_bert_scorer(settings: Settings) -> BertScorer | None:
    """Return what computes BERTScores; None if the user asked for none."""
    if not settings.bertscore:
        return None
    return BertScorer(settings.bertscore, settings.bertscore_layers, settings.encoder_device)


def bench_of(
    settings: Settings,
    stops: Sequence[str],
    encoder: Encoder,
    matcher: Matcher | None,
    bert: BertScorer | None,
) -> Bench:
    """Return what is common to all prompts of a task."""
    return Bench(
        settings.n_samples,
        stops,
        encoder,
        settings.seed,
        matcher,
        bert,
        settings.judge.bar if settings.judge else JudgeSpec.bar,
    )


def reference_hash(reference: Reference) -> str | None:
    """Return what identifies the texts of a reference run; None without one."""
    texts = {key: [sample.text for sample in own] for key, own in reference.items()}
    return short_hash(texts) if texts else None

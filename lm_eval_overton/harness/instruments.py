"""What a task of samples works with, made of its settings before the harness sees the task."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval_overton.data import PromptSet
from lm_eval_overton.errors import SettingsError
from lm_eval_overton.judge.ask import GuardedJudge, Judge
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.matchers.table import asks_judge, make_matcher
from lm_eval_overton.runs.reference import load_reference
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.bertscore import BertScorer
from lm_eval_overton.text.encoder import Encoder, find_encoder, get_encoder
from lm_eval_overton.text.samples import Sample
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = [
    "Material",
    "Reference",
    "find_bert_scorer",
    "find_matcher",
    "find_reference",
    "find_task_encoder",
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
    """

    prompts: PromptSet
    reference: Reference
    reserved: Sequence[Mapping[str, Any]] = ()


def find_reference(settings: Settings, prompts: PromptSet, task: str) -> Reference:
    """Return the samples of the reference run that the user named; nothing without one.

    Raises:
        DataError: If it answers none of the prompts, or cannot be read.
    """
    place = settings.reference_run
    if not place:
        return {}
    found = load_reference(place, task, prompts, settings.reference_stop)
    logger.info("%s answers %d of %d prompts", place, len(found), len(prompts.docs))
    return found


def find_task_encoder(settings: Settings) -> Encoder:
    """Return the sentence encoder.

    Raises:
        OvertonError: If it cannot be found.
    """
    return get_encoder(find_encoder(settings.encoder), settings.encoder_device)


def find_matcher(
    settings: Settings, encoder: Encoder, tokenizer: Tokenizer, judge: Judge | None, task: str
) -> Matcher:
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
        tokenizer,
    )


def find_bert_scorer(settings: Settings) -> BertScorer | None:
    """Return what computes BERTScores; None if the user asked for none."""
    if not settings.bertscore:
        return None
    return BertScorer(settings.bertscore, settings.bertscore_layers, settings.encoder_device)

"""`overton calibrate`: ask a judge about responses that are labelled, and compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lm_eval_overton import stats
from lm_eval_overton.data import PromptSet, load_prompts
from lm_eval_overton.errors import DataError, SettingsError, either
from lm_eval_overton.judge.ask import Question, ask_as_declared
from lm_eval_overton.judge.calibrate import Calibration, Item, calibrate
from lm_eval_overton.judge.client.model import HarnessJudge
from lm_eval_overton.judge.judgements import CALIBRATED, JUDGEMENTS, check_names
from lm_eval_overton.judge.labels import align, read_labels
from lm_eval_overton.judge.prompts import Judgement
from lm_eval_overton.judge.verdicts import Verdict
from lm_eval_overton.runs.matching import match_prompts
from lm_eval_overton.runs.reference import load_reference
from lm_eval_overton.runs.responses import read_responses
from lm_eval_overton.settings.judge import read_spec
from lm_eval_overton.text.samples import scored_texts
from lm_eval_overton.text.tokenizers import tokenizer_of

__all__ = ["Labelled", "calibrate_run"]


@dataclass(frozen=True)
class Labelled:
    """A model's responses and the labels that somebody gave them."""

    model: str
    responses: Path
    labels: Path


def calibrate_run(
    judgement: str,
    labelled: Sequence[Labelled],
    judge: Any,
    *,
    prompts: str | None = None,
    stops: Sequence[str] | None = None,
    reference: str | None = None,
    reference_stops: Sequence[str] | None = None,
    repeats: int = 1,
    limit: int | None = None,
) -> list[Calibration]:
    """Return how far a judge agrees with labels.

    Args:
        judgement: One of `CALIBRATED`.
        labelled: Responses with labels, by model.
        judge: As the setting `judge`; it must name a model.
        prompts: Packaged name or file of the prompts, where the responses do not say them.
        stops: Where the responses are cut; None: what their file says.
        reference: The run that the judgement compares with, where it does.
        reference_stops: Where its responses are cut.
        repeats: How often the judge is asked each question.
        limit: Ask about the first prompts alone.

    Raises:
        OvertonError: If a file, the judge or the judgement cannot be used.
    """
    spec = read_spec(judge, "calibrate")
    check_names(spec, "calibrate")
    if not spec.model:
        raise SettingsError("calibrate: expected a judge with a model, got labels")
    if repeats < 1:
        raise SettingsError(f"calibrate: expected at least 1 repeat, got {repeats}")
    if judgement not in CALIBRATED:
        raise SettingsError(
            f"--judgement: expected {either(CALIBRATED)}, got {judgement!r}, whose verdicts are "
            "no single labels"
        )
    own = load_prompts(prompts) if prompts else None
    asked: list[tuple[Item, Question]] = []
    for entry in labelled:
        asked += _items(entry, judgement, own, stops, reference, reference_stops, limit)
    labelled_only = [(item, question) for item, question in asked if item.label is not None]
    questions = [
        Question(question.judgement, question.texts, repeat=repeat)
        for repeat in range(repeats)
        for _, question in labelled_only
    ]
    answers = ask_as_declared(HarnessJudge(spec), JUDGEMENTS[judgement], questions)
    verdicts = [verdict for verdict in answers if verdict is not None]
    items = [
        Item(item.model, item.prompt, item.words, item.label, verdicts[i :: len(labelled_only)])
        for i, (item, _) in enumerate(labelled_only)
    ]
    unlabelled = [item for item, _ in asked if item.label is None]
    return calibrate([*items, *unlabelled], judgement, np.random.default_rng(stats.SEED))


def _items(
    entry: Labelled,
    judgement: str,
    prompts: PromptSet | None,
    stops: Sequence[str] | None,
    reference: str | None,
    reference_stops: Sequence[str] | None,
    limit: int | None,
) -> list[tuple[Item, Question]]:
    """Return the valid samples of a model with their labels, and what the judge is asked."""
    responses = read_responses(entry.responses)
    recorded = match_prompts(responses, prompts)
    docs = (recorded.asked or recorded.prompts).docs
    most = max(len(own) for own in recorded.responses.values())
    labels = _aligned(entry, judgement, docs, most)
    asked = JUDGEMENTS[judgement]
    texts = _reference_texts(asked, reference, recorded.prompts, reference_stops)
    cleaning = responses.cleaning(stops)
    raws = [raw for own in recorded.responses.values() for raw in own]
    words = tokenizer_of(scored_texts(cleaning.samples(raws))).count
    found = []
    for doc, row in list(zip(docs, labels, strict=True))[:limit]:
        for raw, label in zip(recorded.responses.get(doc["id"], ()), row, strict=False):
            sample = cleaning.sample(raw)
            other = texts.get(doc["id"])
            if not sample.is_valid or (asked.needs_reference and other is None):
                continue
            value = label.value if label is not None else None
            item = Item(entry.model, doc["prompt"], words(sample.text), value, ())
            found.append((item, Question(asked, asked.texts(doc["prompt"], sample.text, other))))
    return found


def _aligned(
    entry: Labelled, judgement: str, docs: Sequence[Mapping[str, Any]], most: int
) -> list[list[Verdict | None]]:
    lines = read_labels(entry.labels, judgement)
    try:
        return align(lines, len(docs), most, docs)
    except DataError as error:
        # Either of two files that do not fit may be the wrong one.
        raise DataError(f"{error} (labels of the responses in {entry.responses})") from error


def _reference_texts(
    judgement: Judgement, reference: str | None, prompts: PromptSet, stops: Sequence[str] | None
) -> dict[str, str]:
    """Return the first valid sample of the reference per prompt; nothing where none is needed."""
    if not judgement.needs_reference:
        return {}
    if reference is None:
        raise SettingsError(
            f"calibrate: expected --reference for the judgement {judgement.name}, which compares "
            "two responses, got none"
        )
    found = load_reference(reference, "overton_diversity", prompts, stops)
    return {key: texts[0] for key, own in found.items() if (texts := scored_texts(own))}

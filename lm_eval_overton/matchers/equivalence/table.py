"""The equivalences by name: what they need, how they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lm_eval_overton.errors import SettingsError, either
from lm_eval_overton.judge.ask import Judge
from lm_eval_overton.matchers.equivalence.equivalence import Equivalence
from lm_eval_overton.matchers.equivalence.judged import JudgeEquivalence, RecordedEquivalence
from lm_eval_overton.matchers.equivalence.lexical import (
    ROUGE1_THRESHOLD,
    ExactEquivalence,
    Rouge1Equivalence,
)
from lm_eval_overton.matchers.equivalence.models import (
    CLASSIFIER_THRESHOLD,
    ClassifierEquivalence,
    NliEquivalence,
)
from lm_eval_overton.matchers.equivalence.semantic import (
    COSINE_THRESHOLD,
    BothEquivalence,
    EmbeddingEquivalence,
)
from lm_eval_overton.matchers.nli import NLI_THRESHOLD
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.encoder import Encoder

__all__ = [
    "DEFAULT_EQUIVALENCE",
    "EQUIVALENCES",
    "RECORDED",
    "EquivalenceKind",
    "check_equivalence",
    "equivalence_asks_judge",
    "make_equivalence",
]

DEFAULT_EQUIVALENCE = "rouge1"
RECORDED = "recorded"


@dataclass(frozen=True)
class Parts:
    """What an equivalence may be made of."""

    encoder: Encoder
    model: str = ""
    device: str | None = None
    judge: Judge | None = None


@dataclass(frozen=True)
class EquivalenceKind:
    """An equivalence as settings name it.

    Attributes:
        name: Its name.
        make: Makes it of its parts, with a threshold.
        threshold: What the likeness of two samples must exceed, where nobody sets another; None:
            there is none to set.
        range: Between which values a threshold makes sense.
        by_model: Whether a model of pairs is one of its parts.
        by_judge: Whether a judge is.
    """

    name: str
    make: Callable[[Parts, float], Equivalence]
    threshold: float | None = None
    range: tuple[float, float] = (0, 1)
    by_model: bool = False
    by_judge: bool = False


def _judged(parts: Parts, threshold: float) -> Equivalence:
    assert parts.judge is not None
    return JudgeEquivalence(parts.judge)


EQUIVALENCES = {
    kind.name: kind
    for kind in (
        EquivalenceKind("rouge1", lambda _, t: Rouge1Equivalence(t), ROUGE1_THRESHOLD),
        EquivalenceKind("exact", lambda _, t: ExactEquivalence()),
        EquivalenceKind(
            "embedding", lambda p, t: EmbeddingEquivalence(p.encoder, t), COSINE_THRESHOLD, (-1, 1)
        ),
        EquivalenceKind(
            "rouge1+embedding", lambda p, t: BothEquivalence(p.encoder, t), 1.0, (0, 2)
        ),
        EquivalenceKind(
            "classifier",
            lambda p, t: ClassifierEquivalence(p.model, t, p.device),
            CLASSIFIER_THRESHOLD,
            by_model=True,
        ),
        EquivalenceKind(
            "nli",
            lambda p, t: NliEquivalence(p.model, t, p.device),
            NLI_THRESHOLD,
            by_model=True,
        ),
        EquivalenceKind("judge", _judged, by_judge=True),
        # For files of responses that name the class of each.
        EquivalenceKind(RECORDED, lambda _, t: RecordedEquivalence()),
    )
}


def check_equivalence(settings: Settings, task: str) -> None:
    """Refuse settings whose equivalence cannot be made, before anything is loaded.

    Args:
        settings: The settings.
        task: For messages.

    Raises:
        SettingsError: If there is no such equivalence, the threshold makes no sense, or it lacks
            something.
    """
    name = settings.equivalence or DEFAULT_EQUIVALENCE
    if name not in EQUIVALENCES:
        raise SettingsError(f"{task}: expected equivalence {either([*EQUIVALENCES])}, got {name!r}")
    kind = EQUIVALENCES[name]
    _check_threshold(kind, settings.equivalence_threshold, task)
    if kind.by_model and not settings.equivalence_model:
        raise SettingsError(
            f"{task}: expected an equivalence_model for the equivalence {name}, got none; pass "
            f'`--metadata \'{{"equivalence": "{name}", "equivalence_model": "..."}}\'`'
        )
    judge = settings.judge
    if kind.by_judge and not (judge and judge.model and judge.mode == "text"):
        raise SettingsError(
            f"{task}: expected a judge that writes for the equivalence {name}, got "
            f"{'none' if judge is None else 'labels or log-likelihoods'}; pass "
            '`--metadata \'{"equivalence": "judge", "judge": {"model": "...", ...}}\'`'
        )


def _check_threshold(kind: EquivalenceKind, threshold: float | None, task: str) -> None:
    if threshold is None:
        return
    if kind.threshold is None:
        raise SettingsError(
            f"{task}: expected no equivalence_threshold for the equivalence {kind.name}, which "
            f"has none, got {threshold}"
        )
    low, high = kind.range
    if not low <= threshold < high:
        raise SettingsError(
            f"{task}: expected an equivalence_threshold from {low:g} to below {high:g} for the "
            f"equivalence {kind.name}, got {threshold}"
        )


def equivalence_asks_judge(settings: Settings) -> bool:
    """Tell whether the equivalence of checked settings asks a judge."""
    return EQUIVALENCES[settings.equivalence or DEFAULT_EQUIVALENCE].by_judge


def make_equivalence(
    name: str,
    encoder: Encoder,
    model: str | None = None,
    threshold: float | None = None,
    device: str | None = None,
    judge: Judge | None = None,
) -> Equivalence:
    """Return the equivalence of a name.

    Args:
        name: A key of `EQUIVALENCES`; one that asks a judge only with a judge.
        encoder: For those by embeddings.
        model: For `classifier` and `nli`: a hub name or folder.
        threshold: What the likeness must exceed; None: the equivalence's default.
        device: For the model; None: a GPU if there is one.
        judge: For `judge`.

    Raises:
        SettingsError: If the model cannot be used.
    """
    kind = EQUIVALENCES[name]
    chosen = (kind.threshold or 0.0) if threshold is None else threshold
    return kind.make(Parts(encoder, model or "", device, judge), chosen)

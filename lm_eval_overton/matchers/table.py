"""The matchers by name: where their scores lie, what they need, how they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lm_eval_overton.errors import SettingsError, either
from lm_eval_overton.judge.ask import Judge
from lm_eval_overton.matchers.embedding import EMBEDDING_THRESHOLD, EmbeddingMatcher
from lm_eval_overton.matchers.hybrid import HYBRID_THRESHOLD, HybridMatcher
from lm_eval_overton.matchers.judge import JUDGE_THRESHOLD, JudgeMatcher
from lm_eval_overton.matchers.nli import NLI_THRESHOLD, NliMatcher
from lm_eval_overton.matchers.question import Matcher
from lm_eval_overton.matchers.staged import StagedMatcher
from lm_eval_overton.settings.task import Settings
from lm_eval_overton.text.encoder import Encoder
from lm_eval_overton.text.english import ENGLISH
from lm_eval_overton.text.tokenizer import Tokenizer

__all__ = ["MATCHERS", "MatcherKind", "Parts", "asks_judge", "check_matcher", "make_matcher"]


@dataclass(frozen=True)
class Parts:
    """What a matcher may be made of."""

    encoder: Encoder
    nli_model: str | None = None
    device: str | None = None
    judge: Judge | None = None
    tokenizer: Tokenizer = ENGLISH


@dataclass(frozen=True)
class MatcherKind:
    """A matcher as settings name it.

    Attributes:
        name: Its name.
        low: The least score that it can give.
        high: The greatest one.
        threshold: The least score of a match, where nobody sets another.
        make: Makes it of its parts, with a threshold.
        lacks: Says what it would need of the settings and does not find there; nothing if it can
            be made.
        asks_judge: Whether a judge is one of its parts.
        may_ask_judge: Whether a judge is one of its parts where there is one.
        steps: How many thresholds are worth telling apart within one unit of its scores.
    """

    name: str
    low: int
    high: int
    threshold: float
    make: Callable[[Parts, float], Matcher]
    lacks: Callable[[Settings], str] = lambda settings: ""
    asks_judge: bool = False
    may_ask_judge: bool = False
    steps: int = 100

    @property
    def thresholds(self) -> npt.NDArray[np.float64]:
        """Every threshold that is worth trying, ascending."""
        return np.arange(self.low * self.steps, self.high * self.steps + 1) / self.steps


def _nli(parts: Parts, threshold: float) -> Matcher:
    if not parts.nli_model:
        raise SettingsError("nli: expected an nli_model, got none; name one in --metadata")
    return NliMatcher(parts.nli_model, threshold, parts.device, tokenizer=parts.tokenizer)


def _judge(parts: Parts, threshold: float) -> Matcher:
    assert parts.judge is not None
    return JudgeMatcher(parts.judge, threshold)


def _staged(parts: Parts, threshold: float) -> Matcher:
    """Return hybrid with a judge behind it, or where there is none with an NLI model."""
    first = HybridMatcher(parts.encoder, threshold, parts.tokenizer)
    judge = parts.judge is not None
    return StagedMatcher(
        first, _judge(parts, JUDGE_THRESHOLD) if judge else _nli(parts, NLI_THRESHOLD)
    )


def _lacks_nli_model(settings: Settings) -> str:
    if settings.nli_model is not None:
        return ""
    return (
        "an nli_model for the matcher nli, got none; pass "
        '`--metadata \'{"matcher": "nli", "nli_model": "..."}\'`'
    )


def _has_judge(settings: Settings) -> bool:
    judge = settings.judge
    return judge is not None and bool(judge.model) and judge.mode == "text"


def _lacks_judge(settings: Settings) -> str:
    if _has_judge(settings):
        return ""
    return (
        "a judge that writes for the matcher judge, got "
        f"{'labels or log-likelihoods' if settings.judge else 'none'}; pass "
        '`--metadata \'{"matcher": "judge", "judge": {"model": "...", ...}}\'`'
    )


def _lacks_both(settings: Settings) -> str:
    if _has_judge(settings) or settings.nli_model is not None:
        return ""
    return (
        "a judge that writes or an nli_model for the matcher staged, got neither; pass "
        '`--metadata \'{"matcher": "staged", "judge": {"model": "...", ...}}\'`'
    )


MATCHERS = {
    kind.name: kind
    for kind in (
        # Cosines.
        MatcherKind(
            "embedding",
            -1,
            1,
            EMBEDDING_THRESHOLD,
            lambda parts, threshold: EmbeddingMatcher(parts.encoder, threshold, parts.tokenizer),
        ),
        # Probabilities.
        MatcherKind(
            "hybrid",
            0,
            1,
            HYBRID_THRESHOLD,
            lambda parts, threshold: HybridMatcher(parts.encoder, threshold, parts.tokenizer),
        ),
        MatcherKind("nli", 0, 1, NLI_THRESHOLD, _nli, _lacks_nli_model),
        MatcherKind("staged", 0, 1, HYBRID_THRESHOLD, _staged, _lacks_both, may_ask_judge=True),
        # Ratings.
        MatcherKind("judge", 1, 5, JUDGE_THRESHOLD, _judge, _lacks_judge, True, steps=1),
    )
}


def check_matcher(settings: Settings, task: str) -> None:
    """Refuse settings whose matcher cannot be made, before anything is loaded.

    Args:
        settings: The settings.
        task: For messages.

    Raises:
        SettingsError: If there is no such matcher, the threshold lies outside of its scores, or
            it lacks something.
    """
    if settings.matcher not in MATCHERS:
        raise SettingsError(
            f"{task}: expected matcher {either([*MATCHERS])}, got {settings.matcher!r}"
        )
    kind = MATCHERS[settings.matcher]
    threshold = kind.threshold if settings.threshold is None else settings.threshold
    if not kind.low <= threshold <= kind.high:
        raise SettingsError(
            f"{task}: expected a threshold from {kind.low} to {kind.high} for the matcher "
            f"{kind.name}, got {threshold}"
        )
    if lacking := kind.lacks(settings):
        raise SettingsError(f"{task}: expected {lacking}")


def asks_judge(settings: Settings) -> bool:
    """Tell whether the matcher of checked settings asks a judge."""
    kind = MATCHERS[settings.matcher]
    return kind.asks_judge or (kind.may_ask_judge and _has_judge(settings))


def make_matcher(
    name: str,
    encoder: Encoder,
    nli_model: str | None = None,
    threshold: float | None = None,
    device: str | None = None,
    judge: Judge | None = None,
    tokenizer: Tokenizer = ENGLISH,
) -> Matcher:
    """Return the matcher of a name.

    Args:
        name: A key of `MATCHERS`; one that asks a judge only with a judge.
        encoder: For `embedding`, `hybrid` and `staged`.
        nli_model: For `nli`, and for `staged` without a judge: a hub name or folder.
        threshold: The least score of a match; None: the matcher's default.
        device: For `nli`; None: a GPU if there is one.
        judge: For `judge` and `staged`.
        tokenizer: Splits responses into sentences.

    Raises:
        SettingsError: If there is no such matcher, or a part that it needs is missing.
    """
    known = [kind.name for kind in MATCHERS.values() if judge or not kind.asks_judge]
    if name not in known:
        raise SettingsError(f"matcher: expected {either(known)}, got {name!r}")
    kind = MATCHERS[name]
    parts = Parts(encoder, nli_model, device, judge, tokenizer)
    return kind.make(parts, kind.threshold if threshold is None else threshold)

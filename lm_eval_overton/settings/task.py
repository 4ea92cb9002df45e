"""The settings a user gives with `--metadata`, checked in one place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from lm_eval_overton.errors import SettingsError
from lm_eval_overton.settings import checks
from lm_eval_overton.settings.checks import ApiSeeds
from lm_eval_overton.settings.judge import JudgeSpec, read_spec
from lm_eval_overton.settings.model import ModelArguments
from lm_eval_overton.stats import SEED
from lm_eval_overton.text.elicited import ELICITATIONS, Elicitation, Eliciting
from lm_eval_overton.text.encoder_source import DEFAULT_ENCODER
from lm_eval_overton.text.forward import DTYPES
from lm_eval_overton.text.reasoning import Reasoning
from lm_eval_overton.text.workers import named_devices

__all__ = [
    "ORDERS",
    "Settings",
    "eliciting_rule",
    "read_settings",
    "reasoning_rule",
    "refuse_unknown",
]

Order = Literal["nearest_first", "nearest_last"]
Reason = Literal["strip", "keep"]

_TEXTS = (
    "prompts",
    "encoder",
    "encoder_device",
    "encoder_dtype",
    "viewpoints",
    "matcher",
    "nli_model",
    "reference_run",
    "reference",
    "examples",
    "hints",
    "bertscore",
    "language",
    "equivalence",
    "equivalence_model",
    "reward_model",
    "answers",
    "answer_sets",
    "survey",
    "steerable",
    "style",
    "responses",
)
# How much a key must resemble one of ours to be taken for a slip: no model argument of the harness
# does so.
MISSPELT = 0.85
_INTEGERS = {"seed": 0, "distinct_m": 2, "n_examples": 1, "max_context": 1, "bertscore_layers": 1}
# Of NoveltyBench's prompts.
SPLITS = ("curated", "wildchat")
# In which orders a survey's options are shown.
ORDERS = ("cyclic", "identity", "reverse", "all")
_TEXT_LISTS = ("reference_stop", "example_ids", "api_drop", "steer")
_SWITCHES = ("exclude_hint_source", "api_n")


@dataclass(frozen=True)
class Settings:
    """What a run of an overton task was asked to do; field names are the metadata keys.

    Beside those `model` holds the evaluated model's arguments, and `given` what the user gave, as
    it was given, for files that are read again.
    """

    n_samples: int = 5
    prompts: str | None = None
    encoder: str = DEFAULT_ENCODER
    encoder_device: str | None = None
    encoder_dtype: str = DTYPES[0]
    api_seeds: ApiSeeds = "auto"
    api_drop: tuple[str, ...] = ()
    api_n: bool = False
    max_failed: float = 0.2
    seed: int = SEED
    viewpoints: str | None = None
    matcher: str = "hybrid"
    nli_model: str | None = None
    threshold: float | None = None
    reference_run: str | None = None
    reference_stop: tuple[str, ...] | None = None
    reference: str | None = None
    n_examples: int = 3
    order: Order = "nearest_first"
    examples: str | None = None
    example_ids: tuple[str, ...] | None = None
    hints: str | None = None
    exclude_hint_source: bool = True
    max_context: int | None = None
    bertscore: str | None = None
    bertscore_layers: int | None = None
    reasoning: Reason = "strip"
    reasoning_tags: tuple[str, str] | None = None
    language: str | None = None
    split: str = "curated"
    elicit: Elicitation = "direct"
    elicit_k: int = 5
    equivalence: str | None = None
    equivalence_model: str | None = None
    equivalence_threshold: float | None = None
    distinct_m: int = 3
    reward_model: str | None = None
    reward_thresholds: tuple[float, ...] | None = None
    answers: str | None = None
    answer_sets: str | None = None
    survey: str | None = None
    steerable: str | None = None
    orders: str = "cyclic"
    style: str | None = None
    responses: str | None = None
    steer: tuple[str, ...] = ()
    judge: JudgeSpec | None = None
    # One is asked the same whoever answers, and however it was written.
    model: ModelArguments = field(default_factory=ModelArguments, compare=False)
    given: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def first_device(self) -> str | None:
        """Where models are placed that are not shared by several devices."""
        return next(iter(named_devices(self.encoder_device)), None)

    @property
    def eliciting(self) -> Eliciting:
        """How answers are asked for."""
        return Eliciting(self.elicit, self.elicit_k)

    @property
    def reasoning_rule(self) -> Reasoning:
        """How reasoning is told from the answer."""
        return Reasoning(self.reasoning == "strip", self.reasoning_tags)


KEYS = tuple(entry.name for entry in fields(Settings) if entry.name not in ("model", "given"))


def read_settings(metadata: Mapping[str, Any], task: str, *, min_samples: int = 2) -> Settings:
    """Return the settings in a task's metadata.

    Names of matchers and of judgements are known further up, where the settings are put to use.

    Args:
        metadata: The harness's merged metadata: the task's own, the model's arguments, the user's.
        task: The task's name, for messages.
        min_samples: The fewest samples per prompt that the task can work with.

    Returns:
        The checked settings, the model's arguments among them.

    Raises:
        SettingsError: If a value has the wrong type or range.
    """
    _refuse_misspelt(metadata, task)
    given = {key: metadata[key] for key in KEYS if metadata.get(key) is not None}
    if "n_samples" in given:
        given["n_samples"] = checks.integer(given["n_samples"], "n_samples", min_samples, task)
    for key, least in _INTEGERS.items():
        if key in given:
            given[key] = checks.integer(given[key], key, least, task)
    for key in _TEXTS:
        if key in given and not (isinstance(given[key], str) and given[key]):
            raise SettingsError(
                f"{task}: expected {key} to be a non-empty string, got {given[key]!r}"
            )
    if "language" in given:
        given["language"] = checks.language(given["language"], task)
    for key in ("threshold", "equivalence_threshold"):
        if key in given:
            given[key] = checks.number(given[key], key, task)
    if "reward_thresholds" in given:
        given["reward_thresholds"] = checks.reward_steps(given["reward_thresholds"], task)
    for key in _TEXT_LISTS:
        if key in given:
            given[key] = checks.texts(given[key], key, task)
    for key in _SWITCHES:
        if key in given and not isinstance(given[key], bool):
            raise SettingsError(f"{task}: expected {key} true or false, got {given[key]!r}")
    given |= _api(given, task)
    if given.get("encoder_dtype", DTYPES[0]) not in DTYPES:
        raise SettingsError(
            f"{task}: expected encoder_dtype {' or '.join(DTYPES)}, got {given['encoder_dtype']!r}"
        )
    if given.get("split", "curated") not in SPLITS:
        raise SettingsError(f"{task}: expected split {' or '.join(SPLITS)}, got {given['split']!r}")
    if given.get("order", "nearest_first") not in ("nearest_first", "nearest_last"):
        raise SettingsError(
            f"{task}: expected order nearest_first or nearest_last, got {given['order']!r}"
        )
    if given.get("orders", "cyclic") not in ORDERS:
        raise SettingsError(
            f"{task}: expected orders {', '.join(ORDERS[:-1])} or {ORDERS[-1]}, got "
            f"{given['orders']!r}"
        )
    given |= _reasoning(given, task)
    given |= _eliciting(given, task)
    if "judge" in given:
        given["judge"] = read_spec(given["judge"], task)
    own = {key: value for key, value in metadata.items() if key in KEYS}
    others = {key: value for key, value in metadata.items() if key not in KEYS}
    return Settings(**given, model=ModelArguments(others), given=own)


def reasoning_rule(given: Mapping[str, Any], task: str) -> Reasoning:
    """Return how given settings tell reasoning from the answer.

    Args:
        given: Settings by their keys.
        task: The task's name, for messages.

    Raises:
        SettingsError: If a value has the wrong type or range.
    """
    own = _reasoning(given, task)
    return Reasoning(own.get("reasoning") != "keep", own.get("reasoning_tags"))


def eliciting_rule(given: Mapping[str, Any], task: str) -> Eliciting:
    """Return how answers were asked for by given settings.

    Args:
        given: Settings by their keys.
        task: The task's name, for messages.

    Raises:
        SettingsError: If a value has the wrong type or range.
    """
    own = _eliciting(given, task)
    return Eliciting(own.get("elicit", "direct"), own.get("elicit_k", Eliciting.k))


def _eliciting(given: Mapping[str, Any], task: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if given.get("elicit") is not None:
        if given["elicit"] not in ELICITATIONS:
            raise SettingsError(
                f"{task}: expected elicit one of {', '.join(ELICITATIONS)}, got {given['elicit']!r}"
            )
        found["elicit"] = given["elicit"]
    if given.get("elicit_k") is not None:
        found["elicit_k"] = checks.integer(given["elicit_k"], "elicit_k", 2, task)
    return found


def _reasoning(given: Mapping[str, Any], task: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    word, tags = given.get("reasoning"), given.get("reasoning_tags")
    if word is not None:
        if word not in ("strip", "keep"):
            raise SettingsError(f"{task}: expected reasoning strip or keep, got {word!r}")
        found["reasoning"] = word
    if tags is not None:
        texts = isinstance(tags, list | tuple) and all(isinstance(t, str) and t for t in tags)
        if not texts or len(tags) != 2 or tags[0] == tags[1]:
            raise SettingsError(
                f"{task}: expected reasoning_tags to be an opening and a closing mark, such as "
                f'["<think>", "</think>"], got {tags!r}'
            )
        found["reasoning_tags"] = tuple(tags)
    return found


def _api(given: Mapping[str, Any], task: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "api_seeds" in given:
        found["api_seeds"] = checks.api_seeds(given["api_seeds"], task)
    if "max_failed" in given:
        found["max_failed"] = checks.number(given["max_failed"], "max_failed", task)
        if not 0 <= found["max_failed"] <= 1:
            raise SettingsError(
                f"{task}: expected max_failed to be a share between 0 and 1, got "
                f"{given['max_failed']}"
            )
    if given.get("api_n") and found.get("api_seeds") != "none":
        raise SettingsError(
            f"{task}: expected no seeds where one request draws all samples of a prompt, got "
            'api_n without them switched off; add `"api_seeds": "none"`'
        )
    return found


def refuse_unknown(metadata: Mapping[str, Any], task: str) -> None:
    """Refuse keys that no task knows; possible only where `metadata` is the user's alone.

    Raises:
        SettingsError: With the nearest known key.
    """
    for key in metadata:
        if key not in KEYS:
            raise _unknown_key(key, difflib.get_close_matches(key, KEYS, n=1), task)


def _refuse_misspelt(metadata: Mapping[str, Any], task: str) -> None:
    """Refuse keys that are nearly ours, where the model's own arguments stand among the user's."""
    for key in metadata:
        near = difflib.get_close_matches(str(key), KEYS, n=1, cutoff=MISSPELT)
        if near and key not in KEYS:
            raise _unknown_key(key, near, task)


def _unknown_key(key: str, near: Sequence[str], task: str) -> SettingsError:
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KEYS)}"
    return SettingsError(f"{task}: expected a known metadata key, got {key!r}; {hint}")
